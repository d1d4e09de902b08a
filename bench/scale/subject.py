"""What is measured: an operator, and what a person applies for one model."""

from typing import Any, ClassVar, Protocol

from tests.integration.kube import Manifest

from .watching import Key

STEP = 20
"""Percent of the traffic of a canary while it is judged."""
PER_NAMESPACE = 50
Figures = dict[str, Any]


class Subject(Protocol):
    """An operator under measurement."""

    name: ClassVar[str]
    """Also the user that it talks to the API server as."""

    @property
    def pid(self) -> int:
        """Return the process to be measured."""

    def start(self) -> None:
        """Start it and wait until it works."""

    def stop(self) -> None:
        """End it."""

    def manifests(self, number: int, version: str) -> list[Manifest]:
        """Return what a person applies for one model."""

    def change(self, number: int, version: str) -> list[Manifest]:
        """Return what a person applies for a new version of it, whose canary is judged for minutes."""

    def resting(self) -> set[Key]:
        """Return the models that serve one version with all their traffic."""

    def rolled_back(self) -> set[Key]:
        """Return the models whose newest version was taken back."""

    def queue_age(self) -> float | None:
        """Return for how long the most overdue piece of work has waited, in seconds; None when it does not say."""


def where(number: int) -> Key:
    """Return namespace and name of a model: names are unique, and no namespace holds very many."""
    return f"team-{number // PER_NAMESPACE}", f"model-{number}"


def image(version: str) -> str:
    """Return the image of a version; nobody pulls it."""
    return f"registry.example.com/model:{version}"


def model_keys(count: int) -> set[Key]:
    """Return the keys of the first models."""
    return {where(number) for number in range(count)}
