"""`ampt retry --edit`: an event's body, changed in an editor, and published anew.

The first line of an entry never changes, so another body is another event. The
new one is published before the old one is moved away: a crash between leaves
both, and the new one says which it replaces.
"""

import json
import os
import shlex
import signal
import subprocess
import tempfile
from typing import Any

from ampt_cli import catalog, clock, jsontext, printing, publication, spool
from ampt_cli.commands.choosing import acted, look_at
from ampt_cli.errors import AmptError, BadEvent, from_os
from ampt_cli.event import Event
from ampt_cli.fsio import Disk
from ampt_cli.layout import QUARANTINE, Entry
from ampt_cli.render import say, show_json


def replace(disk: Disk, entry: Entry, *, as_json: bool) -> None:
    """Let a person change the body of a waiting or dead event, and publish the result, due now."""
    old = _event(disk, entry)
    path = _write(old.body)
    _edit(path)
    body = _read(path)
    if jsontext.same(body, old.body):
        os.unlink(path)
        remark = printing.say if as_json else say  # stdout is for data
        remark(f"the body of {old.id} was not changed, so nothing was done")
        return
    now = clock.now()
    try:
        made = publication.draft(old.name, body, None, now)
        made.extra = {**old.extra, "replaces": old.id}
        publication.publish(disk, made)
    except AmptError as error:
        kept = f"your text is kept in {path}"
        error.hint = f"{error.hint}; {kept}" if error.hint else kept
        raise
    os.unlink(path)
    moved = acted(lambda: spool.replace(disk, entry, made.id, now))
    if as_json:
        show_json({"id": made.id, "name": made.name, "replaces": old.id, "moved": moved})
    else:
        say(f"published anew as {made.id}")
    if not moved:
        raise AmptError(
            f"the event {old.id} moved meanwhile, so its old body may run too", look_at(old.id)
        )


def _event(disk: Disk, entry: Entry) -> Event:
    if entry.state == QUARANTINE:
        raise AmptError(f"the event {entry.id} is in quarantine", f"mend the file: {entry.path}")
    seen = catalog.look(disk, entry)
    if seen is None or seen.event is None:
        why = "it moved meanwhile" if seen is None else seen.damage
        raise AmptError(f"the event {entry.id} cannot be edited: {why}")
    return seen.event


def _write(body: Any) -> str:
    """A private file with the body, made to be read."""
    fd, path = tempfile.mkstemp(prefix="ampt-", suffix=".json")
    with open(fd, "w", encoding="utf-8") as file:
        file.write(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    return path


def _edit(path: str) -> None:
    named = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip()
    editor = named or "vi"
    before = signal.signal(signal.SIGINT, lambda *_: None)  # the editor's, which begins without it
    try:
        command = [*shlex.split(editor), path]
        status = subprocess.run(command, check=False).returncode  # noqa: S603  the user's editor
    except (OSError, ValueError) as error:
        os.unlink(path)
        raise AmptError(f"cannot start the editor {editor!r}: {error}", "set EDITOR") from None
    finally:
        signal.signal(signal.SIGINT, before)
    if status != 0:
        raise AmptError(
            f"the editor {editor!r} ended with status {status}, so nothing was done",
            f"your text is kept in {path}",
        )


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as error:
        raise from_os(error, "read what the editor left, so nothing was done") from error
    try:
        return jsontext.loads(text)
    except ValueError as error:
        raise BadEvent(
            f"what was edited is no JSON: {error}", f"your text is kept in {path}"
        ) from None
