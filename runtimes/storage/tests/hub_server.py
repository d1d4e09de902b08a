"""What the Hugging Face Hub answers for one repository, over the site of web_server.py.

The documents are those of the Hub's API (`/api/models/...`), as huggingface_hub asks for them; the Hub itself cannot be
run here.
"""

import hashlib
import json
from collections.abc import Mapping

from web_server import Handler, Site

COMMIT = "5f0e2c1d3b4a59687766554433221100ffeeddcc"


def publish(site: Site, repository: str, files: Mapping[str, bytes], *, revision: str = "main") -> None:
    """Let a site answer for a repository whose files of more than 1,000 bytes are kept as large files."""
    for name in (revision, COMMIT):
        site.files[f"/api/models/{repository}/revision/{name}"] = _document({"id": repository, "sha": COMMIT})
    site.files[f"/api/models/{repository}/tree/{COMMIT}"] = _document([_entry(*file) for file in files.items()])
    for path, body in files.items():
        site.files[f"/{repository}/resolve/{COMMIT}/{path}"] = body


def _entry(path: str, body: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}  # noqa: S324 - as git does
    if len(body) > 1000:
        entry["lfs"] = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}
    return entry


def _document(value: object) -> bytes:
    return json.dumps(value).encode()


def gated(handler: Handler) -> bool:
    """Answer as the Hub does for a repository that asks for consent."""
    handler.answer(403, b"gated", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted."})
    return True


def unknown(handler: Handler) -> bool:
    """Answer as the Hub does for a repository that is not there, or that is private."""
    handler.answer(401, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
    return True
