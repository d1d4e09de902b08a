"""CloudEvents over HTTP in KServe's format: an event for the request and one for the response, with the same id.

The names and attributes are those of KServe's agent (pkg/logger/worker.go at 0217bda); `modelversion` and `status`
are beside them. KServe posts each event by itself, in binary content mode. A sink that knows CloudEvents' batched
content mode gets many in one request, which costs a fraction.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from serinus_server.logs.drops import Drops
from serinus_server.logs.posts import Posts
from serinus_server.logs.record import Record, Redactor

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
BATCH_BYTES = 1024 * 1024
PAUSE_SECONDS = 1.0

Event = dict[str, Any]

log = logging.getLogger(__name__)


class Events:
    """Posts events to a sink, as many requests at once as there are threads."""

    gather_seconds = 0.02

    def __init__(self, told: Mapping[str, Any], redactor: Redactor, drops: Drops) -> None:
        """Take the `sink` to post to, whether it takes a `batch`, and what the events say: `model`, `version`, `namespace`."""
        model, version, namespace = told["model"], told["version"], told["namespace"]
        self._batch = told["batch"]
        self.threads, self.at_once = (2, 256) if self._batch else (4, 16)
        self._redactor = redactor
        self._drops = drops
        self._failing = False
        self._posts = Posts(told["sink"])
        self._attributes: Event = {
            "specversion": "1.0",
            "source": f"/models/{model}/versions/{version}",
            "inferenceservicename": model,
            "component": "predictor",
            "modelversion": version,
            **({"namespace": namespace} if namespace else {}),
        }

    def dropped(self, count: int) -> None:
        """Count what there was no room for."""
        self._drops.add("sink", "full", count)

    def write(self, records: list[Record]) -> None:
        """Post two events for each record."""
        for part in parted(records) if self._batch else ([record] for record in records):
            try:
                self._deliver([event for record in part for event in self._events(record)])
            except OSError as error:
                self._drops.add("sink", "undelivered", len(part))
                if not self._failing:
                    log.warning("prediction logs cannot be delivered: %s", error)
                self._failing = True
                time.sleep(PAUSE_SECONDS)  # it will not be better at once; what comes meanwhile waits, or is dropped
            else:
                if self._failing:
                    log.info("prediction logs are delivered again")
                self._failing = False

    def _events(self, record: Record) -> Iterator[Event]:
        shared = {
            **self._attributes,
            "id": record.id,
            "time": datetime.fromtimestamp(record.time, UTC).isoformat(),
            "status": str(record.status),
        }
        yield {**shared, "type": REQUEST, "data": self._redactor.request(record)}
        yield {**shared, "type": RESPONSE, "data": self._redactor.response(record)}

    def _deliver(self, events: list[Event]) -> None:
        if self._batch:
            told = [{**event, "datacontenttype": "application/json"} for event in events]
            self._post(orjson.dumps(told), {"content-type": "application/cloudevents-batch+json"})
            return
        for event in events:
            attributes = {f"ce-{name}": value for name, value in event.items() if name != "data"}
            self._post(orjson.dumps(event["data"]), {"content-type": "application/json", **attributes})

    def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        status = self._posts.post(body, headers)
        if not 200 <= status < 300:
            raise OSError(f"the sink answered with {status}")


def parted(records: list[Record]) -> Iterator[list[Record]]:
    """Part records into batches of a size that sinks take; a large record is one by itself."""
    part: list[Record] = []
    size = 0
    for record in records:
        if part and size + record.size > BATCH_BYTES:
            yield part
            part, size = [], 0
        part.append(record)
        size += record.size
    if part:
        yield part
