"""A real spool, its moves, and a program that may stop before any of its calls."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ampt_cli import (
    batch,
    buckets,
    catalog,
    check,
    chosen,
    event,
    kernel,
    layout,
    place,
    publication,
    quarantine,
    reading,
    record,
    repairs,
    settling,
    spool,
    upkeep,
)
from ampt_cli.layout import Entry
from ampt_cli.policy import Retries, Wish
from ampt_cli.unread import Unread
from tests.model import model
from tests.model.model import Event

START = 1_800_000_000_000  # ms
RUNNER = "20270115T080000000Z-00000001"
NAME = "n/1"  # one that is encoded

# What a program does to a disk, as far as ampt does it.
CALLS = (
    *("open", "write", "fsync", "rename", "link", "unlink", "mkdir", "rmdir"),
    *("chmod", "fchmod", "mkfifo"),
)


class Stop(BaseException):
    """The program is gone."""


@contextmanager
def stopped(at: int | None) -> Iterator[list[str]]:
    """Let `at` calls be made, or all; yields their names. Syncs do nothing.

    A program that is gone makes no call: those that would tidy up are stopped too.
    """
    made: list[str] = []
    kept: list[tuple[Any, str, Any]] = []

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **kwargs: Any) -> Any:
            if kept and at is not None and len(made) >= at:  # a Disk may keep what it was given
                raise Stop
            made.append(name)
            return call(*args, **kwargs)

        return counting

    def patch(module: Any, name: str, call: Callable[..., Any]) -> None:
        kept.append((module, name, getattr(module, name)))
        setattr(module, name, counted(name, call))

    for name in CALLS:
        patch(os, name, (lambda _: None) if name == "fsync" else getattr(os, name))
    patch(kernel, "rename_new", kernel.rename_new)
    patch(kernel, "sync_file_system", lambda _: True)
    try:
        yield made
    finally:
        while kept:
            setattr(*kept.pop())


class World:
    """A spool with one runner, which is dead whenever somebody looks: nothing holds its locks."""

    def __init__(self) -> None:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.TemporaryDirectory(prefix="ampt-model-", dir=memory)
        self.now = START
        with stopped(None):
            self.disk = place.open_disk(f"{self.folder.name}/spool", create=True)
        self.problems: list[str] = []

    def close(self) -> None:
        """Remove it."""
        os.close(self.disk.root)
        self.folder.cleanup()

    def reopen(self) -> None:
        """As the next program would: nothing is remembered."""
        os.close(self.disk.root)
        self.disk = place.open_disk(f"{self.folder.name}/spool")

    def clock(self) -> int:
        """The world's time (ms)."""
        return self.now

    # -- looking ------------------------------------------------------------------

    def entries(self) -> dict[str, list[Entry]]:
        """Every entry, by id; those in quarantine too."""
        found: dict[str, list[Entry]] = {}
        for entry in catalog.entries(self.disk):
            found.setdefault(entry.id, []).append(entry)
        for held in quarantine.held(Unread(self.disk)):
            if held.entry is not None:
                found.setdefault(held.entry.id, []).append(held.entry)
        return found

    def entry(self, id_: str) -> Entry:
        """The one entry of an event."""
        [found] = self.entries()[id_]
        return found

    def seen(self, entry: Entry) -> Event:
        """What an entry and its records come to."""
        history = reading.history(self.disk, entry.path)
        return Event(
            entry.state,
            entry.attempt,
            entry.due,
            history.first,
            history.failures,
            history.interruptions,
            entry.state == layout.RUNNING and settling.has_succeeded(self.disk, entry),
        )

    def findings(self) -> list[str]:
        """What `check` says, but of the runner, who is dead on purpose."""
        found = check.check(self.disk, self.now)
        return [f"{one.path}: {one.wrong}" for one in found if one.repair != "rescue"]

    def repair(self) -> None:
        """As `ampt check --repair`, two days later: what was left in tmp/ is swept, too."""
        late = self.now + 2 * 86_400_000
        for finding in list(check.check(self.disk, late)):
            repairs.repair(self.disk, finding, late, Retries())

    # -- doing --------------------------------------------------------------------

    def move_in(self) -> None:
        """The runner's folder, as a runner leaves it: complete."""
        folder = f"{layout.RUNNING}/{RUNNER}"
        if self.disk.make_folder(folder):
            for name in (layout.LOCK, layout.WORKERS):
                self.disk.write_new(f"{folder}/{name}", b"")

    def publish(self, id_: str, due: int) -> None:
        """With an id that ampt would have made."""
        publication.publish(self.disk, event.Event(id_, NAME, {"of": id_}, self.now, due))

    def choose(self, id_: str, due: int) -> None:
        """With an id that the caller chose."""
        chosen.publish(self.disk, event.Event(id_, NAME, {"of": id_}, self.now, due))

    def publish_batch(self, ids: list[str]) -> None:
        """Several with chosen ids, and as many with ids of their own."""
        drafts: list[batch.Draft] = [(NAME, {"of": id_}, None, id_) for id_ in ids]
        batch.publish_many(self.disk, drafts + [(NAME, {"of": 0}, None, None)], self.clock)

    def claim(self, id_: str) -> None:
        """Into the runner's folder."""
        self.move_in()
        assert spool.claim(self.disk, self.entry(id_), RUNNER)

    def release(self, id_: str) -> None:
        """Back to where it came from."""
        assert spool.release(self.disk, self.entry(id_))

    def succeed(self, id_: str) -> None:
        """To done."""
        entry = self.entry(id_)
        line = record.line({"attempt": entry.attempt, "outcome": record.SUCCEEDED, "handlers": []})
        assert settling.settle_success(self.disk, entry, line, self.now)

    def fail(self, id_: str, wish: Wish = Wish()) -> None:  # noqa: B008  a tuple
        """To retry, or dead."""
        entry = self.entry(id_)
        made = {"attempt": entry.attempt, "start": self.now, "outcome": record.FAILED}
        made |= {"handlers": [], "error": "it failed", "ms": 1}
        assert settling.settle_other(
            self.disk, entry, made, now=self.now, retries=Retries(), wish=wish
        )

    def give_up(self, id_: str) -> None:
        """To dead."""
        self.fail(id_, Wish(give_up=True))

    def rescue(self) -> None:
        """All that the dead runner had."""
        upkeep.Rescue(self.disk, self.clock, Retries(), self.problems.append).all()

    def redrive(self, id_: str) -> None:
        """Back to pending."""
        assert spool.redrive(self.disk, self.entry(id_), self.now)

    def reschedule(self, id_: str, due: int) -> None:
        """Another due time."""
        assert spool.reschedule(self.disk, self.entry(id_), due, "moved", self.now)

    def cancel(self, id_: str) -> None:
        """To done."""
        assert spool.cancel(self.disk, self.entry(id_), self.now)

    def quarantine(self, id_: str) -> None:
        """Set aside."""
        assert spool.quarantine(self.disk, self.entry(id_).path, "on purpose", self.now)

    def give_back(self, id_: str) -> None:
        """From quarantine."""
        assert quarantine.give_back(self.disk, self.entry(id_), self.now)

    def discard(self, id_: str) -> None:
        """For ever."""
        assert spool.discard(self.disk, self.entry(id_), wait=True)

    def tidy(self) -> None:
        """Remove empty buckets, as a run does."""
        for state in model.WAITING:
            for date in self.disk.list(state):
                for hour in self.disk.list(f"{state}/{date}"):
                    buckets.remove(self.disk, f"{state}/{date}/{hour}")
