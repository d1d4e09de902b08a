"""Imports what a server may import, when its image is built.

Each module leaves its bytecode then, since the root file system may be read-only later; all that is never imported leaves
none. An import that fails fails the build and not the pod, and so does an extension module that was broken when it was stripped.
"""

import importlib
from ctypes import CDLL
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.utils.discovery import all_estimators

ALWAYS = (
    "serinus_server.__main__",
    "serinus_server.engines.sklearn",
    "serinus_server.logs.writer",
    "skops.io",
)
OF_FULL = (
    "ai_edge_litert.interpreter",
    "lightgbm",
    "pandas",
    "serinus_server.engines.lightgbm",
    "serinus_server.engines.onnx",
    "serinus_server.engines.tflite",
    "serinus_server.engines.xgboost",
    "xgboost",
)

for name in ALWAYS:
    importlib.import_module(name)
all_estimators()
for extension in Path(np.__file__).parents[1].rglob("*.cpython-*.so"):
    CDLL(str(extension))
if find_spec("xgboost"):
    for name in OF_FULL:
        importlib.import_module(name)
