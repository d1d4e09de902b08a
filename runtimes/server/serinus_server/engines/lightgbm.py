"""LightGBM boosters, as `save_model` writes them: text."""

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm

from serinus_server.engines import Options, boosters
from serinus_server.signature import Array, Inputs, Tensor
from serinus_server.source import Source


class LightgbmEngine:
    """A booster: its file does not tell whether it classifies, so it predicts what the booster does."""

    def __init__(self, booster: Any, source: Source, threads: int) -> None:
        self._booster = booster
        self._threads = threads
        names = booster.feature_name()
        unnamed = names == [f"Column_{number}" for number in range(len(names))]
        outputs = [Tensor("predict", "FP64")]
        self.signature = boosters.signature(source, booster.num_feature(), None if unnamed else names, outputs)

    def predict(self, inputs: Inputs, outputs: Sequence[str]) -> Mapping[str, Array]:
        """Run the booster."""
        table = boosters.table(inputs)
        return {name: self._booster.predict(table, num_threads=self._threads) for name in outputs}


def load(source: Source, options: Options) -> LightgbmEngine:
    """Load a booster.

    Raises:
        StartupError: if it takes categories, which arrays of numbers cannot hold.
    """
    booster = lightgbm.Booster(model_file=str(source.path))
    if booster.pandas_categorical:
        raise boosters.has_categories(source)
    return LightgbmEngine(booster, source, options.threads)
