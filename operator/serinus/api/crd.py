"""Generates the CustomResourceDefinition from the pydantic models.

pydantic's JSON schema is not a structural schema: references are inlined, titles and
null branches dropped and exclusive bounds rewritten for the API server.
"""

from typing import Any

from serinus.api import durations
from serinus.api.analysis import RESERVED
from serinus.api.model import RULES as MODEL_RULES
from serinus.api.prediction_log import RULES as PREDICTION_LOG_RULES
from serinus.api.status import Status
from serinus.api.v1alpha1 import GROUP, KIND, MAX_NAME, PLURAL, VERSION, ModelDeploymentSpec

Schema = dict[str, Any]

_MARGIN = {
    "rule": "!has(self.margin) || !has(self.delta) || self.margin > self.delta",
    "message": "margin must be above delta",
}
NAME_TOO_LONG = f"metadata.name must be at most {MAX_NAME} characters, so that the names of its children fit"
NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
NAME_NO_LABEL = "metadata.name must be a DNS label that starts with a letter: a Service carries the same name"
_OWN_NAME = {"rule": "self.all(m, self.filter(n, n.name == m.name).size() == 1)"}
_NOT_RESERVED = {
    "rule": f"!(self.name in {list(RESERVED)})",
    "message": "name must not be that of a built-in test: " + ", ".join(RESERVED),
}
_RULES: dict[str, list[dict[str, str]]] = {
    "": [
        {
            "rule": f"size(self.metadata.name) <= {MAX_NAME}",
            "message": NAME_TOO_LONG,
        },
        {
            "rule": f"self.metadata.name.matches('{NAME_PATTERN}')",
            "message": NAME_NO_LABEL,
        },
    ],
    "spec": [
        {
            "rule": "!has(self.autoscaling) || !has(self.replicas) || self.replicas == 1",
            "message": "spec.replicas decides nothing beside spec.autoscaling: remove one of the two",
        },
        {
            "rule": "!has(self.analysis) || !has(self.analysis.guard) || !self.analysis.guard || !has(self.runtime) || !has(self.runtime.image) || has(self.runtime.name) || has(self.runtime.metrics)",
            "message": "spec.analysis.guard needs spec.runtime.metrics, the container's own request counter",
        },
        {
            "rule": "has(self.model) && has(self.model.format) || has(self.runtime) && (has(self.runtime.image) || has(self.runtime.name))",
            "message": "nothing says what serves: set spec.model.format, spec.runtime.name, or spec.runtime.image with port",
        },
    ],
    **MODEL_RULES,
    **PREDICTION_LOG_RULES,
    "spec.runtime": [
        {
            "rule": "!has(self.port) || has(self.image)",
            "message": "spec.runtime.port: only an image of your own listens elsewhere than its runtime: remove it, or set spec.runtime.image",
        },
        {
            "rule": "!has(self.grpcPort) || has(self.image)",
            "message": "spec.runtime.grpcPort: only an image of your own listens elsewhere than its runtime: remove it, or set spec.runtime.image",
        },
        {
            "rule": "!has(self.port) || !has(self.grpcPort) || self.port != self.grpcPort",
            "message": "spec.runtime.grpcPort must not be port: leave one of them out",
        },
        {
            "rule": "!has(self.metrics) || !has(self.grpcPort) || has(self.port) || has(self.name) || has(self.metrics.port) && has(self.metrics.grpc)",
            "message": "spec.runtime.metrics needs port and grpc beside spec.runtime.grpcPort alone: Prometheus asks by HTTP, and gRPC has counters of its own",
        },
        {
            "rule": "!has(self.predictionLog) || !has(self.grpcPort) || has(self.port) || has(self.name)",
            "message": "spec.runtime.predictionLog: only HTTP is logged, and grpcPort stands alone: remove it, or set port",
        },
        {
            "rule": "!has(self.tls) || has(self.port) && !has(self.name)",
            "message": "spec.runtime.tls: only an image of your own with port answers HTTPS: remove it, or name, or set port",
        },
        {
            "rule": "!has(self.tls) || !has(self.predictionLog)",
            "message": "spec.runtime.tls: predictionLog reads what passes, which tls hides from it: remove one of the two",
        },
        {
            "rule": "!has(self.tls) || !has(self.metrics) || has(self.metrics.port) && (!has(self.port) || self.metrics.port != self.port)",
            "message": "spec.runtime.metrics.port beside tls: counters are read without TLS: name another port than spec.runtime.port",
        },
        {
            "rule": "!has(self.image) || has(self.name) || has(self.port) || has(self.grpcPort)",
            "message": "spec.runtime.port is required beside spec.runtime.image: the TCP port on which it answers HTTP; or grpcPort, for gRPC",
        },
    ],
    "spec.autoscaling": [
        {
            "rule": "!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",
            "message": "spec.autoscaling.minReplicas must not be above maxReplicas",
        },
        {
            "rule": "has(self.cpuUtilization) || has(self.memoryUtilization)",
            "message": "spec.autoscaling needs cpuUtilization, memoryUtilization or both",
        },
    ],
    "spec.rollout.steps": [
        {
            "rule": "self.all(s, self.filter(t, t.weight == s.weight).size() == 1)",
            "message": "spec.rollout.steps must rise: two steps have the same weight",
        },
        {
            "rule": "self.map(s, s.weight).isSorted()",
            "message": "spec.rollout.steps must rise: a step has a lower weight than the one before",
        },
    ],
    "spec.rollout": [
        {
            "rule": "!has(self.steps) || !has(self.watchWeight) || self.steps.all(s, s.weight <= 100 - self.watchWeight)",
            "message": "spec.rollout.steps may go up to 100 - watchWeight, the share that the previous revision keeps",
        },
    ],
    "spec.analysis": [
        {
            "rule": "!has(self.metrics) || !has(self.means) || self.metrics.all(m, !self.means.exists(n, n.name == m.name))",
            "message": "spec.analysis.metrics: a metric has the name of a mean, every one needs its own",
        },
    ],
    "spec.analysis.errorRate": [_MARGIN],
    "spec.analysis.latency": [_MARGIN],
    "spec.analysis.means": [_OWN_NAME | {"message": "spec.analysis.means: every mean needs its own name"}],
    "spec.analysis.means[]": [
        _NOT_RESERVED,
        {"rule": "has(self.sumsq) != has(self.unit)", "message": "set one of sumsq and unit"},
        {
            "rule": "!has(self.gating) || !self.gating || self.margin > 0.0",
            "message": "margin must be above 0 with gating",
        },
    ],
    "spec.analysis.metrics": [
        _OWN_NAME | {"message": "spec.analysis.metrics: every metric needs its own name"},
    ],
    "spec.analysis.metrics[]": [
        _NOT_RESERVED,
        {
            "rule": "has(self.compare) == self.query.contains('$revision')",
            "message": "a query with compare contains $revision, and no other does",
        },
        {
            "rule": "has(self.min) || has(self.max)",
            "message": "set min, max or both: a query without a limit decides nothing",
        },
        {"rule": "!has(self.min) || !has(self.max) || self.min <= self.max", "message": "min must not be above max"},
    ],
}

_COLUMNS = [
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Phase", "string", ".status.phase", 0),
    ("Stable", "string", ".status.stable.revision", 0),
    ("Canary", "string", ".status.canary.revision", 0),
    ("Weight", "integer", ".status.weight", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Reason", "string", ".status.reason", 1),
    ("URL", "string", ".status.url", 1),
    # With it a Table of all namespaces is whole by itself. Without, each row would bring the metadata of its object,
    # managedFields and all: 8 MB in place of 0.2 for 1,000 models.
    ("Namespace", "string", ".metadata.namespace", 1),
]


def structural(schema: Schema, definitions: Schema) -> Schema:
    """Return a pydantic schema in the structural form that the API server accepts."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[1]]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    if "anyOf" in schema:
        (branch,) = (option for option in schema["anyOf"] if option.get("type") != "null")
        rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
        return structural({**branch, **rest}, definitions)
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        kept = {"description", "x-kubernetes-map-type", "x-kubernetes-preserve-unknown-fields"}
        return {"type": "object", **{key: value for key, value in schema.items() if key in kept}}
    out = {key: value for key, value in schema.items() if key not in {"title", "$defs", "additionalProperties"}}
    if isinstance(out.get("default"), dict):
        del out["default"]  # the defaults of its fields say the same, and None is no default
    if out.get("pattern") == durations.PATTERN and "default" in out:
        out["default"] = durations.render(out["default"])
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if bound in out:
            out[limit], out[bound] = out[bound], True
    if "properties" in out:
        out["properties"] = {key: structural(value, definitions) for key, value in out["properties"].items()}
    if "items" in out:
        out["items"] = structural(out["items"], definitions)
    return out


def _without_defaults(schema: Schema) -> Schema:
    """Return the schema of a status: only the operator writes it, so nothing is filled in."""
    out = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in out:
        out["properties"] = {key: _without_defaults(value) for key, value in out["properties"].items()}
    if "items" in out:
        out["items"] = _without_defaults(out["items"])
    return out


def _with_rules(schema: Schema, path: str = "") -> Schema:
    out = dict(schema)
    if path in _RULES:
        out["x-kubernetes-validations"] = _RULES[path]
    if "properties" in out:
        prefix = f"{path}." if path else ""
        out["properties"] = {key: _with_rules(value, prefix + key) for key, value in out["properties"].items()}
    if "items" in out:
        out["items"] = _with_rules(out["items"], f"{path}[]")
    return out


def _schema() -> Schema:
    spec = ModelDeploymentSpec.model_json_schema(by_alias=True)
    status = Status.model_json_schema(by_alias=True, mode="validation")
    return _with_rules(
        {
            "type": "object",
            "description": "A machine-learning model that is served, and rolled out on evidence.",
            "required": ["spec"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"type": "object"},
                "spec": structural(spec, spec.get("$defs", {})),
                "status": _without_defaults(structural(status, status.get("$defs", {}))),
            },
        }
    )


def custom_resource_definition() -> Schema:
    """Return the CRD as a manifest."""
    columns = [
        {"name": name, "type": kind, "jsonPath": path, **({"priority": priority} if priority else {})}
        for name, kind, path, priority in _COLUMNS
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mdep"],
                "categories": ["serinus"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": _schema()},
                }
            ],
        },
    }
