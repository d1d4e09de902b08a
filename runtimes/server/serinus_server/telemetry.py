"""What the server says about itself, for Prometheus.

Prometheus' text format has no native histograms. The classic ones here become native with custom buckets where its
`convert_classic_histograms_to_nhcb` is set.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import HistogramMetricFamily, Metric, UntypedMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from serinus_server.logs.drops import Drops
from serinus_server.signature import Array

# An answer takes a millisecond or less; the upper buckets show a version that has become slow.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Of what a model predicts nothing is known: tenths for probabilities, decades for all else.
_DECADES = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
VALUES = (*(-edge for edge in reversed(_DECADES)), -1.0, 0.0, *(n / 10 for n in range(1, 11)), *_DECADES)

UNMATCHED = "unmatched"
"""The route of what nobody offers."""


class Telemetry:
    """The metrics of one model."""

    def __init__(self, model: str, version: str) -> None:
        """Register everything; a counter is visible from its first increment."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._own = (model, version)
        labels = ["model", "version"]
        self._requests = Counter(
            "http_requests", "Answers, by route and status.", [*labels, "path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the request's head to the start of its answer.",
            [*labels, "path"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._model_seconds = Histogram(
            "model_predict_duration_seconds",
            "Time that the model itself took.",
            labels,
            buckets=SECONDS,
            registry=self.registry,
        ).labels(*self._own)
        self.ready = Gauge(
            "model_ready", "1 once the model is loaded and warmed.", labels, registry=self.registry
        ).labels(*self._own)
        self.drops = Drops()
        self.registry.register(self.drops)
        self._predictions = Predictions(model, version)
        self.registry.register(self._predictions)
        Info("model", "The model that serves.", registry=self.registry).info({"model": model, "version": version})
        ProcessCollector(registry=self.registry)
        self._counted: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count and time an answer. A path is a route's template, never what a client chose."""
        counter = self._counted.get((path, status))
        if counter is None:
            counter = self._counted[path, status] = self._requests.labels(*self._own, path, str(status))
            self._timed[path] = self._seconds.labels(*self._own, path)
        counter.inc()
        self._timed[path].observe(seconds)

    def predicted(self, seconds: float, outputs: Mapping[str, Array]) -> None:
        """Time the model and count what it said."""
        self._model_seconds.observe(seconds)
        for name, array in outputs.items():
            self._predictions.observe(name, array)


class Predictions(Collector):
    """A histogram of predicted numbers, one value a row; a batch is counted at once.

    Sums and sums of squares beside it are what `analysis.means` of a ModelDeployment compares between versions.
    """

    _LABELS = ("model", "version", "output")

    def __init__(self, model: str, version: str) -> None:
        self._own = (model, version)
        self._edges = np.array(VALUES)
        self._counts: dict[str, Array] = {}
        self._sums: dict[str, Array] = {}

    def observe(self, output: str, array: Array) -> None:
        """Count an output that is one number a row; others are none that a histogram could show."""
        if array.dtype.kind not in "biuf" or array.size != len(array):
            return
        values = array.ravel().astype(np.float64)
        values = values[np.isfinite(values)]
        found = np.bincount(self._edges.searchsorted(values), minlength=len(self._edges) + 1)
        self._counts[output] = self._counts.get(output, 0) + found
        self._sums[output] = self._sums.get(output, 0) + np.array([values.sum(), values @ values])

    def collect(self) -> Iterator[Metric]:
        """Write the buckets and sums down."""
        histogram = HistogramMetricFamily("model_prediction", "Predicted numbers, one a row.", labels=self._LABELS)
        squares = UntypedMetricFamily("model_prediction_sumsq", "Sum of their squares.", labels=self._LABELS)
        names = [*map(floatToGoString, VALUES), "+Inf"]
        for output, counts in self._counts.items():
            labels = (*self._own, output)
            totals = [float(total) for total in np.cumsum(counts)]
            histogram.add_metric(labels, list(zip(names, totals, strict=True)), None)
            # The library leaves these out where a bucket is negative, since the sum may fall.
            named = dict(zip(self._LABELS, labels, strict=True))
            histogram.add_sample("model_prediction_count", named, totals[-1])
            histogram.add_sample("model_prediction_sum", named, float(self._sums[output][0]))
            squares.add_metric(labels, float(self._sums[output][1]))
        yield histogram
        yield squares
