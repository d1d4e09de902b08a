"""What the operator does not need is not in its memory."""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "operator"
PROGRAM = """
import sys
from serinus.unused import leave_out_the_synchronous_client
leave_out_the_synchronous_client()
import serinus.app
print([name for name in ("kubernetes.aio", "requests", "oauthlib", "websocket") if name in sys.modules])
from kubernetes.client import V1ObjectMeta
assert V1ObjectMeta(name="a").name == "a"
"""


def test_the_operator_is_imported_without_the_synchronous_client() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", PROGRAM]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.strip() == "['kubernetes.aio']"
