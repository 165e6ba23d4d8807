"""Which events are meant: by an id or the beginning of one, and by a filter."""

import os
import time
from collections.abc import Iterable, Iterator
from errno import EIO
from pathlib import Path
from typing import Any

import pytest

from ampt_cli import catalog, instants, layout, publication, reading, spool, walk
from ampt_cli.catalog import Filter, Seen
from ampt_cli.chosen import publish as publish_chosen
from ampt_cli.commands.looking import chosen
from ampt_cli.errors import NotFound, UsageError
from ampt_cli.fsio import Disk
from ampt_cli.known import RACY, SECOND
from ampt_cli.unread import Unread

NOW = 1_800_000_000_000


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
        (seen("dead", {**FAILED, "ms": "4"}), NOW),
    ],
    ids=["pending", "retry", "dead", "cancelled", "a deed without an outcome", "no record"]
    + ["a damaged record"],
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

    assert sorted(one.entry.id for one in catalog.search(Unread(disk), wanted)) == ids


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

    listed, total = chosen(Unread(disk), Filter(states), sort, 9, told)

    assert "".join(one.entry.id for one in listed if one.event) == ids
    assert total == 3


def linked(disk: Disk, id: str) -> layout.Entry:
    """A waiting entry with a chosen id, by which it is found again."""
    made = publication.draft("n", None, None, NOW, id)
    return layout.published(publish_chosen(disk, made))


def claim(disk: Disk, entry: layout.Entry) -> layout.Entry:
    """It runs."""
    if not disk.exists("running/r"):
        disk.make_folder("running/r")
    claimed = spool.claim(disk, entry, "r")
    assert claimed is not None
    return claimed


def settle(disk: Disk, claimed: layout.Entry, state: str) -> None:
    """It has failed, and waits for the same hour; or it is over."""
    waits = state in layout.WAITING
    target = layout.waiting(claimed, state, NOW) if waits else layout.finished(claimed, state, NOW)
    assert spool.settle(disk, claimed, target, b"{}\n", sync=False)


def touch(disk: Disk, ns: int) -> None:
    """All buckets changed last at that time."""
    for folder in walk.folders(disk, layout.WAITING):
        os.utime(folder, ns=(ns, ns), dir_fd=disk.root)


def ids(found: Iterable[Seen]) -> str:
    """In the order of the alphabet."""
    return "".join(sorted(one.entry.id for one in found))


def test_what_goes_back_to_what_was_read_is_listed_and_nothing_twice(disk: Disk) -> None:
    """Its bucket changed since; by a clock that is a little behind, and in whole seconds."""
    settle(disk, claim(disk, publish(disk, "a")), layout.RETRY)
    claimed = claim(disk, publish(disk, "b"))

    def told(number: int) -> None:
        if number == 0:  # the bucket was read
            settle(disk, claimed, layout.RETRY)
            touch(disk, time.time_ns() - SECOND - RACY // 2)

    assert ids(catalog.search(Unread(disk), Filter(), told=told)) == "ab"
    assert ids(catalog.search(Unread(disk), Filter((layout.RETRY,)))) == "ab"


def test_what_did_not_change_is_read_once(disk: Disk) -> None:
    """Of a large spool that is most."""
    publish(disk, "a", instants.DAY)
    publish(disk, "b", instants.HOUR)
    told: list[int] = []
    touch(disk, 0)

    assert ids(catalog.search(Unread(disk), Filter(), told=told.append)) == "ab"
    assert told == [0, 1]


@pytest.mark.parametrize("read", [False, True])
def test_what_ends_after_it_was_found_is_listed_once(disk: Disk, read: bool) -> None:
    """As it was found; or, where it is opened, as it was then."""
    claimed = claim(disk, publish(disk, "a"))
    wanted = Filter((layout.RUNNING, layout.DONE))
    states = [
        one.entry.state
        for one in catalog.search(
            Unread(disk),
            wanted,
            read=read,
            told=lambda number: None if number else settle(disk, claimed, layout.DONE),
        )
    ]

    assert states == [layout.DONE if read else layout.RUNNING]


def test_each_file_in_quarantine_is_listed_beside_other_states(disk: Disk) -> None:
    """Though they are of one event."""
    for number in range(2):
        spool.quarantine(disk, publish(disk, "a").path, "damaged", NOW + number)
    publish(disk, "b")

    assert ids(catalog.search(Unread(disk), Filter((layout.PENDING, layout.QUARANTINE)))) == "aab"


def test_a_bucket_that_goes_away_is_no_error(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what came in the place of its date."""
    publish(disk, "a")
    folders = walk.folders

    def gone(*about: Any) -> Iterator[str]:
        yield from ("pending/2000-01-01/00", f"{layout.FORMAT}/00")
        yield from folders(*about)

    monkeypatch.setattr(walk, "folders", gone)

    unread = Unread(disk)
    assert ids(catalog.search(unread, Filter())) == "a"
    assert not unread.why


def places(disk: Disk, entry: layout.Entry) -> Iterator[layout.Entry]:
    """It goes through all states, and ends."""
    yield entry
    claimed = claim(disk, entry)
    yield claimed
    settle(disk, claimed, layout.RETRY)
    waits = layout.waiting(claimed, layout.RETRY, NOW)
    yield waits
    claimed = claim(disk, waits)
    settle(disk, claimed, layout.DEAD)
    yield layout.finished(claimed, layout.DEAD, NOW)


@pytest.mark.parametrize("made", [True, False], ids=["made", "chosen"])
def test_a_whole_id_is_found_without_reading_the_spool(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """It says where to look, or its second link does; others that are called like it are not it."""
    if made:
        new = publication.publish(disk, publication.draft("n", None, None, NOW, None))
        entry = layout.published(new)
    else:
        entry = linked(disk, "order-7")
    publication.publish(disk, publication.draft(f"re.{entry.id}.a0", None, None, NOW, None))
    opened = os.listdir("/proc/self/fd")
    monkeypatch.setattr(catalog, "entries", lambda *_: pytest.fail("all of it was read"))

    for there in places(disk, entry):
        assert catalog.find(disk, entry.id) == there
    assert os.listdir("/proc/self/fd") == opened


@pytest.mark.parametrize("id_", ["z" * 26, "customer-17-invoice2-00001", f"{'0' * 20}ffffff"])
def test_an_id_that_names_no_hour_is_found_as_others_are(disk: Disk, id_: str) -> None:
    """Or is not found."""
    with pytest.raises(NotFound):
        catalog.find(disk, id_)
    assert catalog.find(disk, publish(disk, id_).id).id == id_


@pytest.mark.parametrize("text", [b"", b'{"ampt":2}\n', "a folder", "a link"])
def test_an_id_whose_second_link_says_nothing_is_found_by_its_name(
    disk: Disk, text: bytes | str
) -> None:
    """Damaged, of a newer format, or no file."""
    entry = linked(disk, "order-7")
    link = Path(disk.path, layout.id_path("order-7"))
    if isinstance(text, bytes):
        link.write_bytes(text)
    else:
        link.unlink()
        link.mkdir() if text == "a folder" else link.symlink_to("nowhere")

    assert catalog.find(disk, "order-7") == entry


def test_what_moves_on_while_it_is_looked_for_is_found(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went to where was looked already; the second time it is there."""
    entry = publish(disk, "order-7")
    seen = iter([[], [entry], [], []])
    monkeypatch.setattr(Unread, "entries", lambda *_: next(seen))

    assert catalog.find(disk, "order") == entry
    with pytest.raises(NotFound):
        catalog.find(disk, "order")


def test_what_the_disk_refuses_is_listed_with_the_reason(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hides no other."""
    entry = publish(disk, "a")

    def refused(*_: object) -> None:
        raise OSError(EIO, "Input/output error")

    monkeypatch.setattr(reading, "whole", refused)
    seen = catalog.look(disk, entry)

    assert seen is not None
    assert seen.damage == "it cannot be read: Input/output error"
