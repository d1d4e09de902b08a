"""The local cluster's tooling lives in e2e/, which is not on the path of the unit tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))
