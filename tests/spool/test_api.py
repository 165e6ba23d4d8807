"""`from ampt_cli import events`: what a Python application publishes."""

import grp
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import date, time, timedelta
from enum import Enum
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from ampt_cli import chosen, clock, events, place, publication, reading
from ampt_cli.catalog import entries
from ampt_cli.errors import BadDue, BadEvent, UsageError
from ampt_cli.fsio import Disk


@pytest.fixture(autouse=True)
def own_spool(spool_dir: Path) -> Iterator[None]:
    """Events go into the spool of this test."""
    events.spool = str(spool_dir)
    yield
    events.spool = None


def stored(spool_dir: Path) -> list[Any]:
    """The bodies in the spool, as their handlers will be given them."""
    disk = place.open_disk(str(spool_dir))
    return [reading.first_line(disk, entry).body for entry in entries(disk)]


UNREADABLE = [{1: "a", "1": "b"}, {True: 1, "true": 2}, {None: 1, "null": 2}, 10**400, [-(10**400)]]


@pytest.mark.row(7)
@pytest.mark.row(9)
@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body)[:20])
def test_a_body_that_no_reader_would_accept_is_refused(body: object, spool_dir: Path) -> None:
    """A publish that returns is never quarantined for its body."""
    for publish in (lambda: events.publish("n", body), lambda: events.publish_many([("n", body)])):
        with pytest.raises(BadEvent, match="the body of 'n' is no JSON"):
            publish()
    assert list(spool_dir.rglob("*.json")) == []


@pytest.mark.parametrize(
    "body", [(1, (2, 3)), {1: "a"}, {"a": (True,)}, 10**399, [None, -0.5, "é"]]
)
def test_what_is_returned_is_what_handlers_are_given(body: object, spool_dir: Path) -> None:
    """Tuples are lists by then, and keys are text."""
    made = events.publish("n", body)

    assert stored(spool_dir) == [made.body]
    assert repr(stored(spool_dir)) == repr([made.body])


@pytest.mark.row(26)
@pytest.mark.parametrize("body", [(1, 2), {1: "a"}, {"a": [1, {"b": None}]}, 1, True, "x"])
def test_an_id_again_with_the_same_body_changes_nothing(body: object, spool_dir: Path) -> None:
    """Whatever Python calls the same JSON."""
    first = events.publish("n", body, id="a")
    again = events.publish("n", body, id="a", after="1 day")
    many = events.publish_many([{"name": "n", "body": body, "id": "a"}])

    assert (again, many) == (first, ["a"])
    assert len(stored(spool_dir)) == 1


@pytest.mark.row(26)
@pytest.mark.parametrize(
    ("body", "other"), [(1, True), (0, False), (1, 1.0), ([1], [True]), ({}, [])]
)
def test_an_id_with_what_only_python_calls_equal_is_an_error(body: object, other: object) -> None:
    """1 == True, and they are not the same JSON."""
    events.publish("n", body, id="a")

    with pytest.raises(BadEvent, match="published before"):
        events.publish("n", other, id="a")


class Named(str, Enum):  # noqa: UP042  as many write it; a StrEnum formats as its value
    JOINED = "user.joined"
    ID = "invoice-42"


def test_members_of_enums_are_what_they_stand_for(spool_dir: Path) -> None:
    """Formatted they are not: that put "Named.JOINED" into the name of a file."""

    class Numbered(int, Enum):
        SOON = clock.now() + 3_600_000

    single = events.publish(Named.JOINED, after=Numbered.SOON, id=Named.ID)
    events.publish_many([Named.JOINED, (Named.JOINED, None, Numbered.SOON)])
    names = {entry.name for entry in entries(place.open_disk(str(spool_dir)))}

    assert stored(spool_dir) == [None] * 3
    assert names == {"user.joined"}
    assert (str(single.name), str(single.id), str(single.due)) == (
        *("user.joined", "invoice-42", str(int(Numbered.SOON))),
    )


@pytest.mark.parametrize("after", [time(12), date(2030, 1, 1), 10**5000], ids=type)
def test_a_time_that_is_none_is_refused_whatever_its_type(after: Any, spool_dir: Path) -> None:
    """Also a number that Python itself would not print."""
    for publish in (
        lambda: events.publish("n", after=after),
        lambda: events.publish_many([("n", None, after)]),
    ):
        with pytest.raises(BadDue, match=r"^(event 1: )?cannot (use|read) "):
            publish()
    assert list(spool_dir.rglob("*.json")) == []


def test_each_form_of_an_event_of_many_is_published_as_it_says(spool_dir: Path) -> None:
    """With what need not be said, and without."""
    ids = events.publish_many(
        [
            "n",
            ("n",),
            ("n", 1),
            ("n", 1, "1 day"),
            {"name": "n"},
            {"name": "n", "body": 1, "after": timedelta(days=1), "id": "mine"},
        ]
    )
    disk = place.open_disk(str(spool_dir))
    found = {entry.id: reading.first_line(disk, entry) for entry in entries(disk)}
    made = [found[id_] for id_ in ids]

    assert [event.body for event in made] == [None, None, 1, 1, None, 1]
    assert [event.delay for event in made] == [0, 0, 0, 86_400_000, 0, 86_400_000]
    assert ids[-1] == "mine"


@pytest.mark.parametrize("given", ["abc", b"abc", {"name": "a"}, None, 5])
def test_one_event_is_no_list_of_events(given: Any, spool_dir: Path) -> None:
    """A name alone is not published letter by letter."""
    with pytest.raises(BadEvent, match="takes a list of events"):
        events.publish_many(given)
    assert list(spool_dir.rglob("*.json")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        *(5, ["n"], (), ("n", 1, None, 4), ("n", {1}), ("n", 1, "x")),
        *({}, {"body": 1}, {"nam": 1}, {"name": "n", 5: 5}),
    ],
)
def test_a_wrong_event_of_many_is_named_by_its_number(wrong: Any, spool_dir: Path) -> None:
    """And nothing of them is published."""
    with pytest.raises(UsageError, match=r"^event 2: "):
        events.publish_many(["a", wrong])
    assert list(spool_dir.rglob("*.json")) == []


@pytest.mark.parametrize("wrong", [("n", 1, None, "an-id"), ["n", 1]])
def test_an_event_of_many_in_no_known_form_is_told_which_there_are(wrong: Any) -> None:
    """A tuple is not enough to be one of them: it has no place for an id."""
    with pytest.raises(BadEvent, match="a tuple of name, body and after, or a dict") as caught:
        events.publish_many([wrong])

    assert '"id": "paid-42"' in str(caught.value.hint)


@pytest.mark.parametrize(
    "publish",
    [
        lambda: events.publish("n", after=1_800_000_000),
        lambda: events.publish_many([("n", None, 1_800_000_000)]),
    ],
)
def test_seconds_since_1970_are_warned_of(publish: FunctionType) -> None:
    """They are a delay in ms to us. The warning names the place in the caller's code."""
    with pytest.warns(UserWarning, match="for seconds since 1970 write @1800000000") as warned:
        publish()
    assert (warned[0].filename, warned[0].lineno) == (__file__, publish.__code__.co_firstlineno)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        events.publish("n", after=1_000)


def test_threads_and_forks_of_one_program_publish_together(spool_dir: Path) -> None:
    """Nothing is lost, and an id that all of them choose is published once."""

    def work() -> None:
        for i in range(20):
            events.publish("own", i)
            events.publish("shared", i, id=f"same-{i}")

    events.publish("first")  # the spool is open when they begin
    program = (
        "import os, sys, threading; from ampt_cli import events; events.spool = sys.argv[1]\n"
        "def work():\n"
        "    for i in range(20): events.publish('own', i); events.publish('shared', i, id=f'same-{i}')\n"
        "events.publish('first')\n"
        "child = os.fork()  # before it has threads\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "for one in threads: one.start()\n"
        "for one in threads: one.join()\n"
        "os._exit(0) if not child else sys.exit(os.waitpid(child, 0)[1])\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program, str(spool_dir)])
    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert other.wait(timeout=60) == 0
    names = [path.name.split(".")[3] for path in spool_dir.glob("pending/*/*/*.json")]
    assert (names.count("own"), names.count("shared")) == (9 * 20, 20)


# The kernel may still count a thread that the test before has joined.
@pytest.mark.filterwarnings("ignore:.* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_meanwhile_keeps_no_id_from_others(
    spool_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It inherits the lock of chosen ids where another thread is publishing, and lives for long."""
    check_room, children = publication.check_room, []
    lives, ends = os.pipe()

    def fork_first(disk: Disk) -> None:
        children.append(os.fork())
        if children[-1] == 0:
            os.close(ends)
            os.read(lives, 1)  # until the test ends
            os._exit(0)
        check_room(disk)

    monkeypatch.setattr(chosen, "check_room", fork_first)
    events.publish("n", id="first")
    try:
        with chosen.IdLock(place.open_disk(str(spool_dir)), wait=False):
            pass
    finally:
        os.close(ends)
        os.close(lives)
        os.waitpid(children[0], 0)

    assert len(children) == 1


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_a_spool_is_named_by_whatever_is_a_path(kind: Any, tmp_path: Path) -> None:
    """Bytes, too, of which the way upward had no end."""
    events.spool = kind(tmp_path / "other")
    events.publish("n", 5)

    assert stored(tmp_path / "other") == [5]


def test_in_a_group_spool_a_program_publishes_for_the_group(spool_dir: Path) -> None:
    """Its members could not run the event else."""
    place.open_disk(str(spool_dir), create=True, group=grp.getgrgid(os.getgid()).gr_name)
    before = os.umask(0o077)
    try:
        events.publish("n")
        events.publish("n", id="order-7")
        events.publish_many(["n"])
    finally:
        os.umask(before)

    paths = [path for path in (spool_dir / "pending").rglob("*") if path.name[0] != "."]
    modes = {(path.is_dir(), path.stat().st_mode & 0o7777) for path in paths}
    assert modes == {(True, 0o2770), (False, 0o660)}


def test_a_spool_that_is_named_goes_before_the_one_that_is_run(
    spool_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler may publish elsewhere."""
    monkeypatch.setattr(events, "default", str(tmp_path / "run"))
    events.publish("n", 5)
    events.spool = None
    events.publish("n", 6)

    assert (stored(spool_dir), stored(tmp_path / "run")) == ([5], [6])


def test_spools_that_are_used_in_turn_leave_no_descriptors_open(tmp_path: Path) -> None:
    """However often a program changes between them."""
    counts = set()
    for number in range(20):
        events.spool = str(tmp_path / f"spool-{number % 2}")
        events.publish("n")
        counts.add(len(os.listdir("/proc/self/fd")))

    assert len(counts) == 1


def test_a_program_that_closed_everything_keeps_what_it_opened_since(tmp_path: Path) -> None:
    """As a daemon does: the number of the spool's folder is another file's by then."""
    code = (
        "import os; from ampt_cli import events\n"
        f"events.spool = {str(tmp_path / 'spool')!r}; events.publish('n')\n"
        "os.closerange(3, 256); mine = os.open(os.devnull, os.O_WRONLY)\n"
        "events.publish('n'); os.write(mine, b'x')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_that_closed_everything_goes_on_publishing(tmp_path: Path) -> None:
    """The spool's folder may get its old number: what closes the old one must not close the new."""
    code = (
        "import os; from ampt_cli import events\n"
        f"events.spool = {str(tmp_path / 'spool')!r}; events.publish('n')\n"
        "os.closerange(3, 256); events.publish('n'); events.publish('n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(stored(tmp_path / "spool")) == 3


def test_a_publish_ends_in_the_spool_where_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread changes the spool meanwhile: nothing is closed that is in use."""
    write_new = Disk.write_new

    def change_first(disk: Disk, *given: Any, **more: Any) -> None:
        if events.spool == str(tmp_path / "one"):
            events.spool = str(tmp_path / "two")
            thread = threading.Thread(target=events.publish, args=("second",))
            thread.start()
            thread.join()
        write_new(disk, *given, **more)

    events.spool = str(tmp_path / "one")
    events.publish("before")  # makes the spool
    monkeypatch.setattr(Disk, "write_new", change_first)
    events.spool = str(tmp_path / "one")
    events.publish("first")

    names = sorted((path.parts[-5], path.name.split(".")[3]) for path in tmp_path.rglob("*.json"))
    assert names == [("one", "before"), ("one", "first"), ("two", "second")]
