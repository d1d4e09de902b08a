"""Models by the real libraries, and a machine without settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import skops.io
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import serving


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier without names of columns, by skops."""
    path = tmp_path_factory.mktemp("iris") / "model.skops"
    features, target = load_iris(return_X_y=True)
    skops.io.dump(LogisticRegression(max_iter=500).fit(features, target), path)
    return path


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SERINUS_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_logs_left() -> Iterator[None]:
    yield
    while serving.logs:
        log = serving.logs.pop()
        if log._handover is not None:
            log._writer._process.kill()  # what still waits for a sink that is gone is of no interest
            log.close()
