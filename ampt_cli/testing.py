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

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ampt_cli.layout import Entry

START = 1_800_000_000_000  # ms: 2027-01-15T08:00:00Z


class Kit:
    """A private spool with a clock of its own."""

    def __init__(self, folder: "Path") -> None:
        from ampt_cli import fsio, place  # noqa: PLC0415  gate: only in tests that use it

        class Unsynced(fsio.Disk):
            """A disk whose syncs do nothing: a test survives no power cut."""

            __slots__ = ()

            def sync_fd(self, fd: int) -> None:
                """Leave it to the kernel."""

        self.now = START
        self.path = str(folder)
        made = place.open_disk(self.path, create=True)
        self.disk = Unsynced(made.root)
        self.disk.make_folder("running/testing")

    def clock(self) -> int:
        """The kit's time (ms since 1970)."""
        return self.now

    def advance(self, length: Any) -> None:
        """Move the clock forward by "1 day", 5m, a number of ms, or a timedelta."""
        from ampt_cli import due  # noqa: PLC0415  as above

        self.now += due.parse_duration(length)

    def publish(self, name: str, body: Any = None, after: Any = None) -> str:
        """Publish an event at the kit's time; its id."""
        from ampt_cli import publication  # noqa: PLC0415  as above

        made = publication.draft(name, body, after, self.now)
        return publication.publish(self.disk, made).id

    def run(self) -> int:
        """Run what is due now, each event once; how many attempts that were."""
        from ampt_cli.scan import Scan  # noqa: PLC0415  as above

        found = list(Scan(self.disk, self.now).entries())
        for entry in found:
            self._attempt(entry)
        return len(found)

    def _attempt(self, entry: "Entry") -> None:
        from ampt_cli import execute, handlers, reading, record, settling, spool  # noqa: PLC0415  as above
        from ampt_cli.policy import Retries  # noqa: PLC0415

        claim = spool.claim(self.disk, entry, "testing")
        if claim is None:
            return
        event, _ = reading.first_line(self.disk, claim)
        earlier = reading.history(self.disk, claim.path).succeeded
        listed = handlers.REGISTRY.of(event.name)
        result = execute.execute(event, listed, now=self.clock, succeeded=earlier)
        made = execute.record_of(claim.attempt, self.now, 0, result)
        if result.error is None:
            settling.settle_success(self.disk, claim, record.line(made), self.now)
            return
        settling.settle_other(
            self.disk,
            claim,
            made,
            now=self.now,
            retries=handlers.REGISTRY.retries_of(event.name, Retries()),
            wish=result.wish,
            succeeded=result.succeeded,
        )

    def find(self, id: str) -> "Entry":  # noqa: A002  the public name
        """Where an event is. Raises NotFound."""
        from ampt_cli import catalog  # noqa: PLC0415  as above

        return catalog.find(self.disk, id)

    def state(self, id: str) -> str:  # noqa: A002
        """The state an event is in: pending, retry, done or dead."""
        return self.find(id).state

    def attempts(self, id: str) -> list[dict[str, Any]]:  # noqa: A002
        """The records of an event's attempts, oldest first."""
        from ampt_cli import catalog  # noqa: PLC0415  as above

        seen = catalog.look(self.disk, self.find(id))
        return [made for made in seen.records if "attempt" in made] if seen else []


@pytest.fixture
def ampt(tmp_path: "Path") -> Iterator[Kit]:
    """A private spool; `events` publishes into it, and handlers are forgotten afterwards."""
    from ampt_cli import events, handlers  # noqa: PLC0415  as above

    kit = Kit(tmp_path / "ampt-spool")
    before = events.spool, events.clock
    known = {name: list(listed) for name, listed in handlers.REGISTRY.handlers.items()}
    retries = {name: dict(own) for name, own in handlers.REGISTRY.retries.items()}
    events.spool, events.clock = kit.path, kit.clock
    yield kit
    events.spool, events.clock = before
    handlers.REGISTRY.clear()
    handlers.REGISTRY.handlers.update(known)
    handlers.REGISTRY.retries.update(retries)
