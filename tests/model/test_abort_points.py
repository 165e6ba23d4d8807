"""The program stops before each of its calls, in turn: then all is as before, or as after."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.model import model
from tests.model.model import Event
from tests.model.test_machine import unexplained
from tests.model.world import START, Stop, World, stopped

LATER = START + 3_600_000


class Deed(NamedTuple):
    """What is done, after what, and in how many calls at least."""

    do: Callable[[World], None]
    after: tuple[Callable[[World], None], ...] = ()
    calls: int = 2


def publish(world: World) -> None:
    """The event of this test."""
    world.publish("e", START)


def choose(world: World) -> None:
    """The same, by its id."""
    world.choose("e", START)


def claim(world: World) -> None:
    """Claimed."""
    world.claim("e")


def fail(world: World) -> None:
    """Failed."""
    world.fail("e")


def give_up(world: World) -> None:
    """Dead."""
    world.give_up("e")


def elsewhere(world: World) -> None:
    """A spool that has a bucket, and an event in another."""
    world.publish("other", LATER)


DEEDS = {
    "publish into a new bucket": Deed(publish, calls=10),
    "publish into an old bucket": Deed(publish, (lambda w: w.publish("other", START),), 5),
    "publish a chosen id": Deed(choose, calls=15),
    "publish a chosen id again": Deed(choose, (choose,), 3),
    "publish a batch": Deed(lambda w: w.publish_batch(["e", "f"]), calls=25),
    "claim": Deed(claim, (publish, lambda w: w.move_in()), 1),
    "release": Deed(lambda w: w.release("e"), (publish, claim), 1),
    "succeed": Deed(lambda w: w.succeed("e"), (publish, claim), 5),
    "fail": Deed(fail, (publish, claim), 8),
    "give up": Deed(give_up, (publish, claim), 8),
    "rescue": Deed(lambda w: w.rescue(), (publish, claim), 10),
    "redrive": Deed(lambda w: w.redrive("e"), (publish, claim, give_up), 4),
    "move": Deed(lambda w: w.reschedule("e", LATER), (publish,), 5),
    "cancel": Deed(lambda w: w.cancel("e"), (publish,), 5),
    "quarantine": Deed(lambda w: w.quarantine("e"), (publish,), 6),
    "give back": Deed(lambda w: w.give_back("e"), (publish, lambda w: w.quarantine("e")), 4),
    "discard": Deed(lambda w: w.discard("e"), (publish, lambda w: w.cancel("e")), 1),
    "discard a chosen id": Deed(lambda w: w.discard("e"), (choose, lambda w: w.cancel("e")), 3),
    "remove empty buckets": Deed(
        lambda w: w.tidy(), (elsewhere, lambda w: w.cancel("other"), publish), 5
    ),
}


def prepared(deed: Deed) -> World:
    """A spool in which it can be done."""
    world = World()
    for earlier in deed.after:
        with stopped(None):
            earlier(world)
    return world


def states(world: World) -> dict[str, Event]:
    """Every event, and what its records come to. One whose id ampt made is called so."""
    found = {}
    for id_, entries in world.entries().items():
        [entry] = entries
        found[id_ if len(id_) < 20 else "of ampt"] = world.seen(entry)
    return found


@pytest.mark.parametrize("name", DEEDS)
def test_a_stop_before_any_call_leaves_the_old_state_or_the_new_one(name: str) -> None:
    """Each event has one entry, `check` has only what a crash explains, and the deed can be done."""
    deed = DEEDS[name]
    world = prepared(deed)
    before = states(world)
    with stopped(None) as calls:
        deed.do(world)
    after = states(world)
    world.close()
    undone = 0
    for at in range(len(calls)):
        world = prepared(deed)
        with pytest.raises(Stop), stopped(at):
            deed.do(world)
        world.reopen()
        found = states(world)
        for id_ in before.keys() | after.keys() | found.keys():
            assert model.may_be(found.get(id_), before.get(id_), after.get(id_)), (at, calls[at])
        assert unexplained(world.findings()) == []
        undone += found == before
        finish(world, deed, undone=found == before)
        if found == before:
            assert states(world).keys() == after.keys(), (at, calls[at])
        world.close()

    assert len(calls) >= deed.calls, f"only {calls}: does this test stop anything?"
    assert undone


def finish(world: World, deed: Deed, *, undone: bool) -> None:
    """Done where it was not done, and run to the end: nothing is in the way."""
    world.now += 1
    with stopped(None):
        if choose in deed.after and world.entries():
            choose(world)
            assert list(states(world)) == ["e"], "published twice"
        if undone:
            deed.do(world)
    world.rescue()
    for id_, [entry] in world.entries().items():
        if entry.state in model.WAITING:
            world.claim(id_)
            world.succeed(id_)
    world.rescue()
    world.repair()
    assert world.problems == []
    assert world.findings() == []
    assert {event.state for event in states(world).values()} <= {"done", "dead", "quarantine"}
