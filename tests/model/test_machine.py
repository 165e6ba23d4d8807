"""Every move in any order, with crashes and a clock that jumps: the spool is what the model says."""

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ampt_cli.layout import Entry
from tests.model import model
from tests.model.model import Event
from tests.model.world import START, Stop, World, stopped

EXPLAINED = ("may not survive a power cut", "left by a publisher that was killed")
HOUR = 3_600_000
JUMPS = (-HOUR, 1, 6 * 60_000, 3 * HOUR, 86_400_000, 15 * 86_400_000)
SOON = (0, 1, HOUR, 40 * 86_400_000)
CALLS = st.none() | st.integers(0, 30)  # after how many calls the program stops


def unexplained(findings: list[str]) -> list[str]:
    """What no crash leaves."""
    return [one for one in findings if not one.endswith(EXPLAINED)]


class Machine(RuleBasedStateMachine):
    """Rules are the moves of spool_format.md, section 6."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.model: dict[str, Event] = {}
        self.chosen: set[str] = set()
        self.number = 0

    def teardown(self) -> None:
        """Whatever was done, everything can be brought to its end, and nothing is left."""
        world = self.world
        world.rescue()
        for id_ in list(world.entries()):
            if world.entry(id_).state in model.WAITING:
                world.cancel(id_)
        world.repair()
        assert world.findings() == []
        assert world.problems == []
        world.close()

    # -- one move -----------------------------------------------------------------

    def move(self, deed: Callable[[], None], changes: dict[str, Event], stop: int | None) -> None:
        """Do it, perhaps in part: then each event is where it was, or where it was to go."""
        try:
            with stopped(stop):
                deed()
        except Stop:
            self.world.reopen()
            found = self.world.entries()
            for id_, after in changes.items():
                self.adopt(id_, after, found.get(id_, []))
            return
        self.model |= changes

    def adopt(self, id_: str, after: Event, entries: list[Entry]) -> None:
        """After a crash: one entry at most, and no third state. Its records may be a step ahead."""
        before = self.model.get(id_)
        if not entries:
            assert before is None or after.state == model.GONE, f"{id_} was lost"
            if before is not None:
                self.model[id_] = after
            return
        [entry] = entries
        seen = self.world.seen(entry)
        assert model.may_be(seen, before, after)
        self.model[id_] = seen

    def pick(self, data: st.DataObject, *states: str) -> str:
        """An event in one of these states."""
        return data.draw(st.sampled_from(self.ids(*states)))

    def ids(self, *states: str) -> list[str]:
        return sorted(id_ for id_, event in self.model.items() if event.state in states)

    # -- the moves ------------------------------------------------------------------

    @rule(wait=st.sampled_from(SOON), by_id=st.booleans(), stop=CALLS)
    def publish(self, wait: int, by_id: bool, stop: int | None) -> None:
        self.number += 1
        id_ = f"{'c' if by_id else 'g'}{self.number}"
        world, due = self.world, self.world.now + wait
        deed = world.choose if by_id else world.publish
        self.move(lambda: deed(id_, due), {id_: model.published(due)}, stop)
        if by_id and id_ in self.model:
            self.chosen.add(id_)

    @precondition(lambda self: self.chosen)
    @rule(data=st.data(), stop=CALLS)
    def publish_again(self, data: st.DataObject, stop: int | None) -> None:
        """Changes nothing, wherever the event is by now."""
        id_ = data.draw(st.sampled_from(sorted(self.chosen)))
        if self.model[id_].state == model.GONE:
            return
        self.move(lambda: self.world.choose(id_, self.world.now), {id_: self.model[id_]}, stop)

    @precondition(lambda self: self.ids(*model.WAITING))
    @rule(data=st.data(), stop=CALLS)
    def claim(self, data: st.DataObject, stop: int | None) -> None:
        id_ = self.pick(data, *model.WAITING)
        self.world.move_in()
        self.move(lambda: self.world.claim(id_), {id_: model.claimed(self.model[id_])}, stop)

    @precondition(lambda self: self.ids(model.RUNNING))
    @rule(
        data=st.data(),
        how=st.sampled_from(("succeed", "fail", "fail", "give_up", "release")),
        stop=CALLS,
    )
    def settle(self, data: st.DataObject, how: str, stop: int | None) -> None:
        id_, now = self.pick(data, model.RUNNING), self.world.now
        event = self.model[id_]
        after = {
            "succeed": model.succeeded(event),
            "fail": model.failed(event, now, now),
            "give_up": model.given_up(event, now),
            "release": model.released(event),
        }[how]
        self.move(lambda: getattr(self.world, how)(id_), {id_: after}, stop)

    @precondition(lambda self: self.ids(model.RUNNING))
    @rule(stop=CALLS)
    def rescue(self, stop: int | None) -> None:
        now = self.world.now
        changes = {id_: model.rescued(self.model[id_], now, now) for id_ in self.ids(model.RUNNING)}
        self.move(self.world.rescue, changes, stop)

    @precondition(lambda self: self.ids(model.DEAD))
    @rule(data=st.data(), stop=CALLS)
    def redrive(self, data: st.DataObject, stop: int | None) -> None:
        id_ = self.pick(data, model.DEAD)
        after = model.redriven(self.model[id_], self.world.now)
        self.move(lambda: self.world.redrive(id_), {id_: after}, stop)

    @precondition(lambda self: self.ids(*model.WAITING))
    @rule(data=st.data(), wait=st.sampled_from(SOON), stop=CALLS)
    def reschedule(self, data: st.DataObject, wait: int, stop: int | None) -> None:
        id_, due = self.pick(data, *model.WAITING), self.world.now + wait
        after = model.moved(self.model[id_], due)
        self.move(lambda: self.world.reschedule(id_, due), {id_: after}, stop)

    @precondition(lambda self: self.ids(*model.WAITING))
    @rule(data=st.data(), stop=CALLS)
    def cancel(self, data: st.DataObject, stop: int | None) -> None:
        id_ = self.pick(data, *model.WAITING)
        self.move(lambda: self.world.cancel(id_), {id_: model.cancelled(self.model[id_])}, stop)

    @precondition(lambda self: self.ids(*model.WAITING))
    @rule(data=st.data(), stop=CALLS)
    def quarantine(self, data: st.DataObject, stop: int | None) -> None:
        id_ = self.pick(data, *model.WAITING)
        self.move(lambda: self.world.quarantine(id_), {id_: model.set_aside(self.model[id_])}, stop)

    @precondition(lambda self: self.ids(model.QUARANTINE))
    @rule(data=st.data(), stop=CALLS)
    def give_back(self, data: st.DataObject, stop: int | None) -> None:
        id_ = self.pick(data, model.QUARANTINE)
        after = model.redriven(self.model[id_], self.world.now)
        self.move(lambda: self.world.give_back(id_), {id_: after}, stop)

    @precondition(lambda self: self.ids(*model.FINISHED))
    @rule(data=st.data(), stop=CALLS)
    def discard(self, data: st.DataObject, stop: int | None) -> None:
        id_ = self.pick(data, *model.FINISHED)
        self.move(lambda: self.world.discard(id_), {id_: model.discarded(self.model[id_])}, stop)

    @rule(stop=CALLS)
    def tidy(self, stop: int | None) -> None:
        self.move(self.world.tidy, {}, stop)

    @rule(jump=st.sampled_from(JUMPS))
    def the_clock_moves(self, jump: int) -> None:
        self.world.now = max(self.world.now + jump, START)

    # -- what is always true ----------------------------------------------------------

    @invariant()
    def every_event_has_the_one_entry_that_the_model_says(self) -> None:
        """I1, I4; and nothing is there that nobody published."""
        found = self.world.entries()
        there = {id_: event for id_, event in self.model.items() if event.state != model.GONE}

        assert there.keys() == found.keys()
        for id_, event in there.items():
            [entry] = found[id_]
            assert self.world.seen(entry) == event

    @invariant()
    def the_check_finds_nothing_that_a_crash_does_not_explain(self) -> None:
        """I2, I3; a bucket whose maker was stopped is the next mover's."""
        assert unexplained(self.world.findings()) == []


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
