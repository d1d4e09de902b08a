"""What a pod waits for or failed of, in words for status."""

import json
from typing import Any

from serinus.desired.model import FETCHER
from serinus.rollout.observation import CRASH_RESTARTS

Manifest = dict[str, Any]
LONGEST = 128
"""Characters of a version of data."""
_ON_THE_WAY = (None, "ContainerCreating", "PodInitializing")


def problem(pod: Manifest, *, ready: bool) -> str:
    """Return what is wrong with a pod; empty when nothing is known to be."""
    status = pod.get("status", {})
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        if told := _of_container(pod, container, ready=ready):
            return f"{container['name']}: {told}"
    scheduled: Manifest = next((c for c in status.get("conditions") or [] if c["type"] == "PodScheduled"), {})
    return (
        f"{scheduled.get('reason', '')}: {scheduled.get('message', '')}" if scheduled.get("status") == "False" else ""
    )


def data_version(pod: Manifest) -> str:
    """Return what the container that fetched the model tells of its data; empty when it tells nothing."""
    for container in pod.get("status", {}).get("initContainerStatuses", []):
        ended = container.get("state", {}).get("terminated") or {}
        if container["name"] == FETCHER and ended.get("exitCode") == 0:
            report = _report(ended.get("message", ""))
            return str(report.get("dataVersion", ""))[:LONGEST]
    return ""


def _of_container(pod: Manifest, container: Manifest, *, ready: bool) -> str:
    state, name = container.get("state", {}), container["name"]
    before = _ending(pod, name, container.get("lastState", {}).get("terminated") or {})
    waiting = state.get("waiting") or {}
    if waiting.get("reason") not in _ON_THE_WAY:
        return f"{waiting['reason']}: {before or waiting.get('message', '')}".strip(": ")
    if now := _ending(pod, name, state.get("terminated") or {}):
        return now
    shown = not ready or container.get("restartCount", 0) >= CRASH_RESTARTS
    return f"started again after: {before}" if before and shown else ""


def _ending(pod: Manifest, name: str, ended: Manifest) -> str:
    """Return why a container ended; empty when it ended well, or did not."""
    if not ended.get("exitCode"):
        return ""
    code = f"exit code {ended['exitCode']}"
    if ended.get("reason") == "OOMKilled":
        limit = _memory(pod, name)
        return f"OOMKilled, {code}: it needs more memory than {limit or 'its node has'}"
    words = _last_words(ended.get("message", "").strip()) or ended.get("reason", "")
    return f"{code}: {words}" if words else code


def _last_words(message: str) -> str:
    """Return what a container left in its termination message: a report as JSON, or the end of its log."""
    report = _report(message)
    if "message" not in report:
        return _last_line(message)
    return f"{report.get('reason', '')}: {report['message']}".removeprefix(": ")


def _report(message: str) -> Manifest:
    """Return the JSON object that a termination message ends with; empty when it is none."""
    try:
        report = json.loads(_last_line(message))
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}


def _last_line(message: str) -> str:
    return message.strip().rpartition("\n")[2].strip()


def _memory(pod: Manifest, name: str) -> str:
    spec = pod.get("spec", {})
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        if container["name"] == name:
            limit = container.get("resources", {}).get("limits", {}).get("memory")
            return f"its limit of {limit}" if limit else ""
    return ""
