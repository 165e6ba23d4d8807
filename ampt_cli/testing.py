"""A pytest fixture for handlers: a private spool, and a clock that can be moved.

    def test_one_day_later(ampt):
        id = ampt.publish("user.joined", {"user_id": 7}, after="1 day")
        ampt.advance("1 day")
        assert ampt.run() == 1
        assert ampt.state(id) == "done"

Handlers run in this process, by the same code as in a worker, without its
timeouts. The plugin is loaded by every pytest of its environment, so all of it
is imported only when the fixture is used.
"""

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from ampt_cli.due import After
    from ampt_cli.layout import Entry

TRACEBACKS = 10  # attempts of an event whose records have one: making one takes long
START = 1_800_000_000_000  # ms: 2027-01-15T08:00:00Z
PASSES = (  # what ends a test or all of them, also where a handler raises it
    KeyboardInterrupt,
    pytest.skip.Exception,
    pytest.fail.Exception,
    pytest.exit.Exception,
)


def _passes(error: BaseException) -> bool:
    return isinstance(error, PASSES)


class Kit:
    """A private spool with a clock of its own."""

    def __init__(self, folder: "Path") -> None:
        from ampt_cli import fsio, place

        class Unsynced(fsio.Disk):
            """A disk whose syncs do nothing: a test survives no power cut."""

            __slots__ = ()

            def sync_fd(self, fd: int) -> None:
                """Leave it to the kernel."""

            def remove_folder(self, path: str) -> None:
                """Put it out of the way: removing takes milliseconds on some file systems."""
                self.publish(path, f"tmp/{os.urandom(8).hex()}")

        self.now = START
        self.entries: dict[str, Entry] = {}  # by id: where it was last
        self.path = str(folder)
        made = place.open_disk(self.path, create=True)
        self.disk = Unsynced(made.root)
        self.disk.make_folder("running/testing")

    def clock(self) -> int:
        """The kit's time (ms since 1970)."""
        return self.now

    def advance(self, length: "int | str | timedelta") -> None:
        """Move the clock forward by "1 day", 5m, a number of ms, or a timedelta."""
        from ampt_cli import due

        self.now += due.parse_duration(length)

    def publish(self, name: str, body: Any = None, after: "After | None" = None) -> str:
        """Publish an event at the kit's time; its id."""
        from ampt_cli import event, layout, publication

        made = publication.draft(name, event.as_read(name, body), after, self.now)
        publication.publish(self.disk, made)
        entry = layout.published(made)
        self.entries[entry.id] = entry
        return entry.id

    def run(self) -> int:
        """Run what is due now, each event once; how many attempts that were.

        Raises RuntimeError in an event loop where a handler needs one of its own.
        """
        from ampt_cli import handlers
        from ampt_cli.scan import Scan

        scan = Scan(self.disk, self.now)
        found = list(scan.entries())
        _refuse_loop({entry.name for entry in found})
        handlers.REGISTRY.closed = True  # as in a worker
        try:
            attempts = [entry for entry in found if self._attempt(entry)]
        finally:
            handlers.REGISTRY.closed = False
        scan.remove_empty()
        return len(attempts)

    def _attempt(self, entry: "Entry") -> bool:
        from ampt_cli import execute, handlers, reading, record, settling, spool
        from ampt_cli.layout import DONE, finished

        claim = spool.claim(self.disk, entry, "testing")
        if claim is None:
            return False  # what ran before it has moved it
        event = reading.first_line(self.disk, claim)
        listed = handlers.REGISTRY.of(event.name)
        earlier = reading.history(self.disk, claim.path).succeeded if len(listed) > 1 else ()
        result = execute.execute(
            event,
            listed,
            now=self.clock,
            succeeded=earlier,
            passes=_passes,
            brief=claim.attempt > TRACEBACKS,
        )
        result.us = 0
        made = execute.record_of(claim.attempt, self.now, result)
        if result.error is None:
            settling.settle_success(self.disk, claim, record.line(made), self.now)
            self.entries[entry.id] = finished(claim, DONE, self.now)
            return True
        verdict = settling.settle_other(
            self.disk,
            claim,
            made,
            now=self.now,
            retries=handlers.REGISTRY.retries_of(entry.name),
            wish=result.wish,
            succeeded=result.succeeded,
        )
        if verdict is not None:
            self.entries[entry.id] = settling.destination(claim, verdict)
        return True

    def find(self, id: str) -> "Entry":
        """Where an event is. Raises NotFound."""
        from ampt_cli import catalog

        known = self.entries.get(id)
        if known is not None and self.disk.exists(known.path):
            return known
        return catalog.find(self.disk, id)

    def state(self, id: str) -> str:
        """The state an event is in: pending, retry, done or dead."""
        return self.find(id).state

    def attempts(self, id: str) -> list[dict[str, Any]]:
        """The records of an event's attempts, oldest first."""
        from ampt_cli import catalog

        seen = catalog.look(self.disk, self.find(id))
        return [made for made in seen.records if "attempt" in made] if seen else []


def _refuse_loop(names: set[str]) -> None:
    """Raise RuntimeError where one of these events has an async handler, and a loop runs."""
    from ampt_cli import handlers

    listed = [handler for name in names for handler in handlers.REGISTRY.of(name)]
    called = [handler.key for handler in listed if handler.is_async]
    asyncio = sys.modules.get("asyncio")
    if called and asyncio is not None and asyncio._get_running_loop() is not None:  # noqa: SLF001
        raise RuntimeError(
            f"{called[0]} gets an event loop of its own, and one runs in this thread: "
            "await asyncio.to_thread(ampt.run), or let the test be no coroutine"
        )


@pytest.fixture
def ampt(tmp_path: "Path") -> Iterator[Kit]:
    """A private spool; `events` publishes into it, and handlers are forgotten afterwards."""
    from ampt_cli import events, handlers

    kit = Kit(tmp_path / "ampt-spool")
    known = {name: list(listed) for name, listed in handlers.REGISTRY.handlers.items()}
    retries = {name: dict(own) for name, own in handlers.REGISTRY.retries.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "spool", kit.path)
        patch.setattr(events, "clock", kit.clock)
        patch.setenv("AMPT_SPOOL", kit.path)  # of the programs that are started, as in a worker
        yield kit
    handlers.REGISTRY.clear()
    handlers.REGISTRY.handlers.update(known)
    handlers.REGISTRY.retries.update(retries)
    kit.disk.close()
