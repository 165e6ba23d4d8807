"""Which events are meant: by an id or the beginning of one, and by a filter."""

from pathlib import Path
from typing import Any

import pytest

from ampt_cli import catalog, instants, layout, place, publication, spool
from ampt_cli.catalog import Filter, Seen
from ampt_cli.commands.looking import chosen
from ampt_cli.errors import NotFound, UsageError
from ampt_cli.fsio import Disk

NOW = 1_800_000_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A fresh spool."""
    return place.open_disk(str(tmp_path / "spool"), create=True)


def publish(disk: Disk, id: str, after: int | None = None) -> layout.Entry:
    """A waiting entry."""
    made = publication.publish(disk, publication.draft("n", None, after, NOW, id))
    return layout.new(layout.PENDING, made.due, made.id, made.name)


def test_an_id_is_found_by_a_beginning_that_no_other_has(disk: Disk) -> None:
    """A whole id is meant although others begin with it; in whichever state they are."""
    entries = {id_: publish(disk, id_) for id_ in ("a", "a1", "a2", "b-1")}
    moved = spool.cancel(disk, entries["b-1"], NOW)

    assert catalog.find(disk, "a") == entries["a"]
    assert catalog.find(disk, "a2") == entries["a2"]
    assert catalog.find(disk, "b") == moved
    with pytest.raises(NotFound, match="no event with the id 'c'"):
        catalog.find(disk, "c")


@pytest.mark.parametrize(
    ("count", "listed"), [(2, "x0, x1$"), (4, "x0, x1, x2, x3$"), (5, "x0, x1, x2, x3, …$")]
)
def test_a_beginning_of_several_ids_is_ambiguous(disk: Disk, count: int, listed: str) -> None:
    """No deed is done to one of them by chance; the first four are named."""
    for number in reversed(range(count)):
        publish(disk, f"x{number}")

    with pytest.raises(UsageError, match=f"the id 'x' is ambiguous: {listed}"):
        catalog.find(disk, "x")


def seen(state: str, *records: dict[str, Any]) -> Seen:
    """An entry that is, or was, due at NOW."""
    return Seen(layout.new(state, NOW, "x", "n", len(records)), None, list(records))


FAILED = {"attempt": 1, "start": NOW + 10, "ms": 4.6, "outcome": "failed", "error": "KeyError: 'A'"}
CANCELLED = {"action": "cancelled", "time": NOW + 20, "outcome": "cancelled"}


@pytest.mark.parametrize(
    ("found", "instant"),
    [
        (seen("pending"), NOW),
        (seen("retry", FAILED), NOW),
        (seen("dead", FAILED), NOW + 15),
        (seen("done", FAILED, CANCELLED), NOW + 20),
        (seen("dead", FAILED, {"action": "retried", "time": NOW + 99}), NOW + 15),
        (seen("done"), NOW),
    ],
    ids=["pending", "retry", "dead", "cancelled", "a deed without an outcome", "no record"],
)
def test_what_waits_is_listed_by_when_it_is_due_and_the_rest_by_when_it_ended(
    found: Seen, instant: int
) -> None:
    """Both ends of a span of time are in it, to the millisecond."""
    assert catalog.passes(found, Filter(since=instant, until=instant))
    assert not catalog.passes(found, Filter(since=instant + 1))
    assert not catalog.passes(found, Filter(until=instant - 1))


def test_an_error_is_found_by_a_part_of_it_in_any_case() -> None:
    """Of the last attempt; what has no error has none of its parts."""
    wanted = Filter(error="keyerror: 'a")
    later = {**FAILED, "attempt": 2, "error": "OSError"}

    assert catalog.passes(seen("retry", FAILED), wanted)
    assert not catalog.passes(seen("retry", FAILED, later), wanted)
    assert not catalog.passes(seen("pending"), wanted)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), ["late", "soon"]),
        (Filter(since=NOW + instants.HOUR + 1), ["late"]),
        (Filter(until=NOW + instants.HOUR), ["soon"]),
        (Filter(error="x"), []),
        (Filter(names=("m", "?")), ["late", "soon"]),
        (Filter(names=("m", "N")), []),
        (Filter(states=("retry", "done")), []),
    ],
    ids=["all", "since", "until", "error", "one of the names", "none of them", "states"],
)
def test_a_search_yields_what_passes(disk: Disk, wanted: Filter, ids: list[str]) -> None:
    """Each part of the filter counts, also alone."""
    publish(disk, "soon", instants.HOUR)
    publish(disk, "late", instants.DAY)

    assert sorted(one.entry.id for one in catalog.search(disk, wanted)) == ids


@pytest.mark.parametrize(
    ("states", "sort", "ids"),
    [
        (layout.STATES, "state", "bac"),
        (layout.STATES, "-state", "cab"),
        (layout.STATES, "due", "abc"),
        (layout.WAITING, "due", "ac"),
    ],
)
def test_what_moves_before_it_is_opened_is_listed_where_it_is_then(
    disk: Disk, states: tuple[str, ...], sort: str, ids: str
) -> None:
    """In its order there; not where it is in none of the states that are listed."""
    entries = {id_: publish(disk, id_, instants.HOUR + ord(id_)) for id_ in "abc"}

    def told(before: int) -> None:
        if before == 2:  # all were found
            spool.cancel(disk, entries["b"], NOW)

    listed, total = chosen(disk, Filter(states), sort, 9, told)

    assert "".join(one.entry.id for one in listed if one.event) == ids
    assert total == 3
