"""Imports what a server may import, when its image is built.

Each module leaves its bytecode then, since the root file system may be read-only later; all that is never imported leaves
none. An import that fails fails the build and not the pod.
"""

import importlib
from importlib.util import find_spec

from sklearn.utils.discovery import all_estimators

ALWAYS = (
    "serinus_server.__main__",
    "serinus_server.engines.onnx",
    "serinus_server.engines.sklearn",
    "serinus_server.logs.writer",
    "skops.io",
)
OF_FULL = (
    "ai_edge_litert.interpreter",
    "lightgbm",
    "pandas",
    "serinus_server.engines.lightgbm",
    "serinus_server.engines.tflite",
    "serinus_server.engines.xgboost",
    "xgboost",
)

for name in ALWAYS:
    importlib.import_module(name)
all_estimators()
if find_spec("xgboost"):
    for name in OF_FULL:
        importlib.import_module(name)
