"""A second reader of the spool format, for judging what the first one did.

It shares no code with `ampt_cli`: it follows spool_format.md alone, and works
on a mapping of paths to contents, so that it can judge a spool on disk and one
that exists only in a crash model.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

STATES = ("pending", "retry", "running", "done", "dead")
FINAL = ("done", "dead")
RUNNER_FILES = ("lock", "workers", "marks")
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
NAME = re.compile(
    r"(?P<stamp>[0-9]{8}T[0-9]{9}Z)\.(?P<id>[A-Za-z0-9_-]{1,48})\.a(?P<attempt>0|[1-9][0-9]{0,5})"
    r"\.(?P<name>(?:[A-Za-z0-9_.-]|%[0-9A-F]{2})+|=[A-Za-z0-9_-]+)\.json"
)


class Entry(NamedTuple):
    """An event's file, as its path tells."""

    state: str
    folder: str
    stamp: str
    id: str
    attempt: int
    name: str
    path: str


def parse(path: str) -> Entry | None:
    """The entry at `path` (below the spool), or None where it is none."""
    folder, _, file = path.rpartition("/")
    state = folder.partition("/")[0]
    match = NAME.fullmatch(file)
    if state not in STATES or not match:
        return None
    stamp = match["stamp"]
    try:
        due = datetime.strptime(stamp[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        if due.year < 1970:
            return None
        name = _name(match["name"])
    except ValueError:
        return None
    wanted = {
        "pending": f"{state}/{due:%Y-%m-%d}/{due:%H}",
        "retry": f"{state}/{due:%Y-%m-%d}/{due:%H}",
    }
    if wanted.get(state, folder) != folder:
        return None
    return Entry(state, folder, stamp, match["id"], int(match["attempt"]), name, path)


def _name(coded: str) -> str:
    """The event's name; ValueError unless this is the one right spelling of a legal one."""
    if coded.startswith("="):
        packed = coded[1:]
        raw = base64.b64decode(packed + "=" * (-len(packed) % 4), "-_", validate=True)
    else:
        raw = unquote_to_bytes(coded)
    name = raw.decode()
    control = any(ord(c) < 32 or 127 <= ord(c) <= 159 for c in name)
    if not 1 <= len(raw) <= 128 or control or name.strip(" ") != name:
        raise ValueError(name)
    percent = "".join(chr(b) if chr(b) in PLAIN else f"%{b:02X}" for b in raw)
    packed = "=" + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if coded != (percent if len(percent) <= 172 else packed):
        raise ValueError(coded)
    return name


def is_id(text: str) -> bool:
    """Whether an event may have this id."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,48}", text) is not None


def entries(paths: Iterable[str]) -> dict[str, list[Entry]]:
    """Every entry among `paths`, by id."""
    found: dict[str, list[Entry]] = {}
    for path in paths:
        entry = parse(path)
        if entry is not None:
            found.setdefault(entry.id, []).append(entry)
    return found


def event(data: bytes) -> dict[str, Any] | None:
    """The event in an entry's first line, or None where that is damaged."""
    line, newline, _ = data.partition(b"\n")
    try:
        value = json.loads(line.decode()) if newline else None
    except ValueError:
        return None
    return value if isinstance(value, dict) and value.get("ampt") == 1 else None


def records(data: bytes) -> list[dict[str, Any]]:
    """The whole records after the first line."""
    found = []
    for line in data.split(b"\n")[1:-1]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


class Snapshot(NamedTuple):
    """What is below a spool: regular files with contents, folders, anything else."""

    files: dict[str, bytes]
    folders: set[str]
    others: set[str]

    def entries(self) -> dict[str, list[Entry]]:
        """Every entry, by id."""
        return entries(self.files)

    def states(self) -> dict[str, list[str]]:
        """The states in which each id has an entry."""
        return {id_: [entry.state for entry in found] for id_, found in self.entries().items()}

    def left_in(self, folder: str) -> list[str]:
        """The files below a top folder."""
        return sorted(path for path in self.files if path.startswith(folder + "/"))


def snapshot(spool: Path) -> Snapshot:
    """Read the spool as it is."""
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    others: set[str] = set()
    for folder, inner, names in os.walk(spool):
        below = os.path.relpath(folder, spool)
        prefix = "" if below == "." else below + "/"
        folders.update(prefix + name for name in inner)
        for name in names:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    files[prefix + name] = Path(path).read_bytes()
                else:
                    others.add(prefix + name)
            except FileNotFoundError:
                continue
    return Snapshot(files, folders, others)


def misplaced(
    files: Mapping[str, bytes], promised: Mapping[str, bytes | None], *, known: Iterable[str] = ()
) -> list[str]:
    """What breaks I1 and I2: for each promised id, one entry with the published first line.

    `promised` maps ids to their first line (None: any). Ids that are neither
    promised nor `known` are reported too.
    """
    wrong = []
    found = entries(files)
    for id_, line in promised.items():
        places = found.get(id_, [])
        if len(places) != 1:
            wrong.append(f"lost: {id_}" if not places else f"twice: {[e.path for e in places]}")
            continue
        data = files[places[0].path]
        first = data.partition(b"\n")[0] + b"\n"
        content = event(data)
        if content is None or content.get("id") != id_ or line not in {None, first}:
            wrong.append(f"torn: {places[0].path}: {data[:80]!r}")
    allowed = {*promised, *known}
    wrong += [f"unknown: {places[0].path}" for id_, places in found.items() if id_ not in allowed]
    return wrong
