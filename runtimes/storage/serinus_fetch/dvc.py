"""DVC files: small YAML files that stand for data in a repository, and hold its hash."""

from pathlib import Path
from typing import Any

import yaml

from serinus_fetch.errors import FetchError, Reason
from serinus_fetch.listing import check_path

HASHES = ("md5", "etag", "checksum")
"""How DVC calls the hash: of a file or folder, of an object in S3, of one in HDFS."""
LARGEST = 1 << 20


def hash_of(folder: Path, path: str, name: str) -> str:
    """Return the hash of the one output that a DVC file stands for.

    Args:
        folder: where the model lies.
        path: of the file, relative to it.
        name: the source, for messages.

    Raises:
        FetchError: it is not there, or is no DVC file of one output.
    """
    check_path(path, name)
    file = folder / path
    if not file.is_file() or file.stat().st_size > LARGEST:
        raise FetchError(
            Reason.INVALID,
            f"{name}: the model has no DVC file {path!r}. Log it with the model, or write the version itself.",
        )
    try:
        (output,) = _outputs(yaml.safe_load(file.read_text()))
        return next(str(output[key]) for key in HASHES if key in output)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError, KeyError, StopIteration) as error:
        raise FetchError(
            Reason.INVALID,
            f"{name}: {path!r} is no DVC file of one output with a hash. Name the file that `dvc add` wrote.",
        ) from error


def _outputs(document: Any) -> list[Any]:
    outputs = document["outs"]
    if not isinstance(outputs, list):
        raise TypeError(outputs)
    return outputs
