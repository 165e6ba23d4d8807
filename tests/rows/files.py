"""A due bucket of an hour that is over, and files to lay into it."""

import json
from pathlib import Path

STAMP = "20261124T080000000Z"
BUCKET = "2026-11-24/08"
NAME = f"{STAMP}.bad-1.a0.n.json"
GOOD = {"ampt": 1, "id": "bad-1", "name": "n", "time": 1_795_500_000_000, "due": 1_795_507_200_000}
HANDLERS = """
@events.on("n")
def f(event):
    print("got", event.id)
"""


def first_line(**changes: object) -> bytes:
    """A right first line, with changes."""
    return json.dumps({**GOOD, "body": None, **changes}).encode() + b"\n"


def with_body(body: bytes) -> bytes:
    """A first line whose body is these bytes."""
    return first_line()[:-6] + body + b"}\n"


def bucket(spool_dir: Path) -> None:
    """A bucket of an hour that is over."""
    folder = spool_dir / "pending" / BUCKET
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    folder.parent.chmod(0o700)
    (folder / ".durable").touch(0o600)


def put(spool_dir: Path, content: bytes, name: str = NAME, folder: Path | None = None) -> Path:
    """A file in a due bucket, or in this one."""
    path = (folder or spool_dir / "pending" / BUCKET) / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path
