"""What is in quarantine, why, and its way back."""

from collections.abc import Iterator
from typing import NamedTuple

from ampt_cli import buckets, catalog, layout, reading, spool
from ampt_cli.errors import Damaged, NotFound, TooNew
from ampt_cli.fsio import Disk
from ampt_cli.layout import QUARANTINE, REASON, Entry
from ampt_cli.unread import Unread

MAX_REASON = 4096  # bytes that are read of it


class Held(NamedTuple):
    """A file in quarantine. `entry` is None where its name is no entry's."""

    folder: str
    file: str
    reason: str
    entry: Entry | None


def held(unread: Unread) -> Iterator[Held]:
    """Everything in quarantine that can be read, oldest first."""
    for name in unread.names(QUARANTINE):
        folder = f"{QUARANTINE}/{name}"
        files = [file for file in unread.names(folder) if file != REASON]
        why = reason(unread.disk, folder) if files else ""
        for file in files:
            yield Held(folder, file, why, layout.parse(folder, file))


def find(disk: Disk, prefix: str) -> Entry:
    """What was put there last of the event whose id is, or begins uniquely with, `prefix`.

    Raises NotFound, UsageError where it is ambiguous, and AmptError where there may be
    another, or it, in what cannot be read.
    """
    unread = Unread(disk)
    entries = [one.entry for one in held(unread) if one.entry is not None]
    found = [entry for entry in entries if entry.id.startswith(prefix)]
    found = [entry for entry in found if entry.id == prefix] or found
    ids = {entry.id for entry in found}
    if len(ids) > 1:
        raise catalog.ambiguous(prefix, ids, ", in quarantine")
    if prefix not in ids:
        unread.tell()
    if not found:
        raise NotFound(f"there is no event with the id {prefix!r}, also not in quarantine")
    return found[-1]


def find_anywhere(disk: Disk, prefix: str) -> Entry:
    """The entry whose id is, or begins uniquely with, `prefix`, else what is in quarantine of it.

    Raises NotFound, UsageError where it is ambiguous.
    """
    try:
        return catalog.find(disk, prefix)
    except NotFound as error:
        hint = error.hint
    try:
        return find(disk, prefix)
    except NotFound as error:
        error.hint = error.hint or hint
        raise


def check_mended(disk: Disk, entry: Entry) -> None:
    """Raise Damaged where an entry of quarantine must stay there.

    Its file is damaged still, or for a newer program; or the event has another entry.
    One that is gone by now is for nobody to mend.
    """
    try:
        reading.whole(disk, entry)
    except FileNotFoundError:
        return
    except Damaged as error:
        raise Damaged(
            f"{entry.path} is still damaged: {error}", "mend the file, and try again"
        ) from None
    except TooNew as error:
        raise Damaged(f"{entry.path} stays: {error}", error.hint) from None
    other = next((found for found in catalog.entries(disk) if found.id == entry.id), None)
    if other is not None:
        raise Damaged(f"the event {entry.id} has another entry: {other.path}")


def give_back(disk: Disk, entry: Entry, now: int) -> Entry | None:
    """Move an entry of quarantine that was mended to pending, due now; None if it is gone.

    The rename is the commit, as in a redrive. Raises Damaged as `check_mended`.
    """
    check_mended(disk, entry)
    target = spool.redrive(disk, entry, now)
    if target is not None:
        disk.remove(f"{entry.folder}/{REASON}")
        buckets.remove(disk, entry.folder)
    return target


def reason(disk: Disk, folder: str) -> str:
    """Why what is in a folder of quarantine was put there."""
    try:
        return disk.read(f"{folder}/{REASON}", MAX_REASON).decode("utf-8", "replace").strip()
    except OSError as error:
        return f"the reason cannot be read: {error.strerror}"
