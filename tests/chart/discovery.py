"""What Prometheus makes of pods: its discovery's labels, and the targets of a real one."""

import json
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, run
from typing import Any

import yaml
from prometheus_client import REGISTRY

import serinus.telemetry.metrics  # noqa: F401 - it registers what the operator exports

Manifest = dict[str, Any]
Labels = dict[str, str]
SECONDS = 60.0
"""Longest time that Prometheus may take to start, or to take over its targets."""


def name(text: str) -> str:
    """Return a label's or annotation's name as Prometheus writes it."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", text)


def discovered(pod: Manifest, namespace: str, pod_name: str, ip: str) -> list[Manifest]:
    """Return what the discovery of the role `pod` finds: a target for each port of each container."""
    metadata, spec = pod["metadata"], pod["spec"]
    common = {
        "__meta_kubernetes_namespace": namespace,
        "__meta_kubernetes_pod_name": pod_name,
        "__meta_kubernetes_pod_ip": ip,
        "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_node_name": "node-1",
    }
    for kind in ("label", "annotation"):
        for key, value in metadata.get(f"{kind}s", {}).items():
            common[f"__meta_kubernetes_pod_{kind}_{name(key)}"] = value
            common[f"__meta_kubernetes_pod_{kind}present_{name(key)}"] = "true"
    host = f"[{ip}]" if ":" in ip else ip
    found = []
    for init, container in [
        *((True, one) for one in spec.get("initContainers", [])),
        *((False, one) for one in spec["containers"]),
    ]:
        own = {
            **common,
            "__meta_kubernetes_pod_container_name": container["name"],
            "__meta_kubernetes_pod_container_init": str(init).lower(),
        }
        for port in container.get("ports") or [{}]:
            number = port.get("containerPort")
            labels = {"__meta_kubernetes_pod_container_port_number": str(number)} if number else {}
            if port.get("name"):
                labels["__meta_kubernetes_pod_container_port_name"] = port["name"]
            found.append({"targets": [f"{host}:{number}" if number else host], "labels": {**own, **labels}})
    return found


def scrape_job(monitor: Manifest, targets: list[Manifest]) -> Manifest:
    """Return the scrape job that the Prometheus operator makes of a PodMonitor.

    The order and the labels are those of generatePodMonitorConfig, prometheus-operator 0.93.
    """
    spec, metadata = monitor["spec"], monitor["metadata"]
    (endpoint,) = spec["podMetricsEndpoints"]
    rules: list[Manifest] = [
        {
            "action": "drop",
            "source_labels": ["__meta_kubernetes_pod_phase"],
            "regex": "(Failed|Succeeded)",
        }
    ]
    for key, value in spec["selector"].get("matchLabels", {}).items():
        source = [f"__meta_kubernetes_pod_label_{name(key)}", f"__meta_kubernetes_pod_labelpresent_{name(key)}"]
        rules.append({"action": "keep", "source_labels": source, "regex": f"({value});true"})
    for expression in spec["selector"].get("matchExpressions", []):
        assert expression["operator"] == "Exists"
        source = [f"__meta_kubernetes_pod_labelpresent_{name(expression['key'])}"]
        rules.append({"action": "keep", "source_labels": source, "regex": "true"})
    if "port" in endpoint:
        source = ["__meta_kubernetes_pod_container_port_name"]
        rules.append({"action": "keep", "source_labels": source, "regex": endpoint["port"]})
    for source_label, target in (("namespace", "namespace"), ("pod_container_name", "container"), ("pod_name", "pod")):
        rules.append({"source_labels": [f"__meta_kubernetes_{source_label}"], "target_label": target})
    for label in spec.get("podTargetLabels", []):
        source = [f"__meta_kubernetes_pod_label_{name(label)}"]
        rules.append({"source_labels": source, "target_label": name(label), "regex": "(.+)", "replacement": "${1}"})
    rules.append({"target_label": "job", "replacement": f"{metadata['namespace']}/{metadata['name']}"})
    if "port" in endpoint:
        rules.append({"target_label": "endpoint", "replacement": endpoint["port"]})
    rules += [
        {re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", key): value for key, value in rule.items()}
        for rule in endpoint.get("relabelings", [])
    ]
    return {
        "job_name": f"podMonitor/{metadata['namespace']}/{metadata['name']}/0",
        "honor_labels": endpoint.get("honorLabels", False),
        "scrape_interval": endpoint["interval"],
        "scrape_timeout": endpoint["scrapeTimeout"],
        "metrics_path": endpoint.get("path", "/metrics"),
        "relabel_configs": rules,
        "static_configs": targets,
    }


def annotated_job(job: Manifest, targets: list[Manifest]) -> Manifest:
    """Return a job of a Prometheus configuration with these targets in place of its own discovery."""
    (searched,) = job["kubernetes_sd_configs"]
    assert searched["role"] == "pod"
    kept = {key: value for key, value in job.items() if key != "kubernetes_sd_configs"}
    return {**kept, "static_configs": targets}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prometheus(program: Path, home: Path, config: Manifest, *options: str) -> Iterator[str]:
    """Run a real Prometheus and give its address."""
    file, port = home / "prometheus.yml", free_port()
    file.write_text(yaml.safe_dump(config))
    command = [program, f"--config.file={file}", f"--storage.tsdb.path={home / 'data'}", *options]
    log = home / "prometheus.log"
    with (
        log.open("wb") as output,
        Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=output, stderr=STDOUT) as process,
    ):
        address = f"http://127.0.0.1:{port}"
        try:
            _await(process, port, log)
            yield address
        finally:
            process.kill()


def _await(process: Popen[bytes], port: int, log: Path) -> None:
    """Wait until a Prometheus listens, whether or not it wants credentials."""
    deadline = time.monotonic() + SECONDS
    while "Server is ready to receive web requests" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"Prometheus does not listen on {port}: {log.read_text()[-2000:]}")
        time.sleep(0.1)


def ask(address: str, path: str) -> Any:
    """Return the data of an answer of Prometheus' API."""
    with urllib.request.urlopen(f"{address}/api/v1/{path}", timeout=30) as answer:  # noqa: S310 - our own address
        return json.load(answer)["data"]


def targets(address: str, expected: int) -> list[Manifest]:
    """Return the targets that are scraped, once there are as many as expected, or else the last that were seen."""
    deadline = time.monotonic() + SECONDS
    while True:
        found: list[Manifest] = ask(address, "targets?state=active")["activeTargets"]
        if len(found) >= expected or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def promtool(program: Path, *arguments: str | Path) -> str:
    """Run promtool and return what it said, which is an error when it failed."""
    done = run([program, *arguments], stdout=PIPE, stderr=STDOUT, text=True, check=False)
    assert not done.returncode, done.stdout
    return done.stdout


def exported() -> set[str]:
    """Return the names of the series that the operator exports."""
    names = set()
    for family in REGISTRY.collect():
        end = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        names |= {family.name + one for one in end}
    return names
