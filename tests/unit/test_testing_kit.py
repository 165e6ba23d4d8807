"""The pytest fixture that users get."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ampt_cli import GiveUp, RetryLater, events, spool
from ampt_cli.errors import BadEvent
from ampt_cli.event import Event
from ampt_cli.testing import Kit
from tests.conftest import SCRIPT


def test_one_day_later(ampt: Kit) -> None:
    """The clock is moved, not waited for."""
    seen = []
    events.on("user.joined", lambda event: seen.append(event.body))
    id_ = ampt.publish("user.joined", 7, after="1 day")
    early = ampt.run()
    ampt.advance("1 day")

    assert (early, ampt.run(), seen, ampt.state(id_)) == (0, 1, [7], "done")


def test_a_schedule_of_its_own_until_dead(ampt: Kit) -> None:
    """Four hours of it, every six minutes, by the real moves on a real spool."""

    @events.on("bad", retry_for="4 hours")
    def handler(_event: Event) -> None:
        raise ValueError("no")

    id_ = ampt.publish("bad")
    while ampt.state(id_) != "dead":
        ampt.run()
        ampt.advance("6 minutes")

    attempts = ampt.attempts(id_)
    assert len(attempts) == 41
    assert attempts[-1]["verdict"] == "dead"


@pytest.mark.slow
def test_the_whole_schedule_of_retries_until_dead(ampt: Kit) -> None:
    """14 days in a second or so: the last attempts meet no more folders than the first."""

    @events.on("bad")
    def handler(_event: Event) -> None:
        raise ValueError("no")

    id_ = ampt.publish("bad")
    begun = ampt.now
    while ampt.state(id_) != "dead":
        assert ampt.run() == 1
        ampt.advance("6 minutes")

    attempts = ampt.attempts(id_)
    assert len(attempts) == 14 * 24 * 10 + 1
    assert attempts[-1]["start"] - begun == 14 * 24 * 60 * 60 * 1000
    assert ["traceback" in made["handlers"][0] for made in attempts[9:11]] == [True, False]
    assert len([path for path in Path(ampt.path, "retry").rglob("*") if path.is_dir()]) <= 4


def test_a_retry_calls_the_handlers_that_have_not_succeeded(ampt: Kit) -> None:
    """As in a run."""
    called = []
    events.on("n", lambda _: called.append("one"))

    @events.on("n")
    def two(event: Event) -> None:
        called.append("two")
        if event.attempt < 3:
            raise ValueError

    id_ = ampt.publish("n")
    while ampt.state(id_) != "done":
        ampt.run()
        ampt.advance("6 minutes")

    assert called == ["one", "two", "two", "two"]


def test_handlers_are_told_when_to_try_again_and_when_not(ampt: Kit) -> None:
    """By what they raise, as in a run."""

    @events.on("n")
    def handler(event: Event) -> None:
        raise GiveUp if event.attempt > 1 else RetryLater(after="1 hour")

    id_ = ampt.publish("n")
    ampt.run()
    ampt.advance("59 minutes")
    early = ampt.run()
    ampt.advance("1 minute")

    assert (early, ampt.run(), ampt.state(id_)) == (0, 1, "dead")


def test_what_an_operator_did_is_no_attempt(ampt: Kit) -> None:
    """Its record is in the event's file, too."""
    id_ = ampt.publish("n")
    spool.cancel(ampt.disk, ampt.find(id_), ampt.now)

    assert (ampt.state(id_), ampt.attempts(id_), ampt.run()) == ("done", [], 0)


def test_a_handler_that_is_registered_while_one_runs_is_refused(ampt: Kit) -> None:
    """As in a worker; between the runs a test registers what it likes."""

    @events.on("first")
    def first(_event: Event) -> None:
        events.on("second", lambda event: event.id)

    id_ = ampt.publish("first")
    ampt.run()

    assert "cannot register a handler of 'second' now" in ampt.attempts(id_)[0]["error"]
    events.on("second", lambda event: event.id)


def test_a_handler_that_writes_into_its_event_changes_no_schedule(ampt: Kit) -> None:
    """As in a run: what is tried again, and when, is of the event that was published."""

    @events.on("n", retry_every="1 hour")
    def handler(event: Event) -> None:
        event.name = event.id = "other"
        raise ValueError

    id_ = ampt.publish("n")
    ampt.run()

    assert ampt.attempts(id_)[0]["next"] - ampt.now == 3_600_000
    assert list(ampt.entries) == [id_]


def test_an_event_is_found_wherever_it_was_moved(ampt: Kit) -> None:
    """Also one that the code under test published, or an operator moved away."""
    events.on("n", lambda event: event.id)
    mine, theirs = ampt.publish("n"), events.publish("n").id
    ampt.run()
    for path in Path(ampt.path).glob(f"done/*/*.{mine}.*"):
        path.rename(Path(ampt.path, "dead", path.name))
    Path(ampt.path, "dead/2027-01-15").mkdir()
    for path in Path(ampt.path, "dead").glob("*.json"):
        path.rename(Path(ampt.path, "dead/2027-01-15", path.name))

    assert (ampt.state(mine), ampt.state(theirs)) == ("dead", "done")


def test_a_body_that_no_reader_would_accept_is_refused_as_ever(ampt: Kit) -> None:
    """And not met as a damaged event by the next run."""
    with pytest.raises(BadEvent, match="the body of 'n' is no JSON"):
        ampt.publish("n", {1: "a", "1": "b"})

    assert ampt.run() == 0


def test_an_event_that_a_handler_cancels_is_no_attempt(ampt: Kit) -> None:
    """Although both were due: the second is gone when its turn comes."""
    first, second = ampt.publish("first"), ampt.publish("second")

    @events.on("first")
    @events.on("second")
    def cancel(event: Event) -> None:
        other = first if event.id == second else second
        spool.cancel(ampt.disk, ampt.find(other), ampt.now)

    attempts = ampt.run()

    assert (attempts, len(ampt.attempts(first) + ampt.attempts(second))) == (1, 1)
    assert (ampt.state(first), ampt.state(second)) == ("done", "done")


def test_a_program_that_the_code_under_test_starts_publishes_here(
    ampt: Kit, tmp_path: Path
) -> None:
    """As in a run, and not into the spool of whoever runs the tests."""
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([SCRIPT, "publish", "n"], env=environment, check=True, capture_output=True)

    assert len(list(Path(ampt.path).glob("pending/*/*/*.n.json"))) == 1
    assert not (tmp_path / ".local").exists()


@pytest.mark.parametrize(
    "ends", [KeyboardInterrupt, pytest.skip.Exception, pytest.fail.Exception, pytest.exit.Exception]
)
def test_what_ends_a_test_does_so_in_a_handler_too(ampt: Kit, ends: type[BaseException]) -> None:
    """It is no failure of the handler: Ctrl-C, and pytest's skip, fail and exit."""

    @events.on("n")
    def handler(_event: Event) -> None:
        raise ends("enough")

    ampt.publish("n")
    with pytest.raises(ends, match="enough"):
        ampt.run()


def test_an_async_handler_is_refused_in_a_loop_and_runs_in_a_thread(ampt: Kit) -> None:
    """Its loop cannot be begun within another: nothing is attempted, and the error says how to."""

    @events.on("n")
    async def handler(_event: Event) -> None:
        await asyncio.sleep(0)

    async def test() -> tuple[int, str]:
        with pytest.raises(RuntimeError, match=r"await asyncio.to_thread\(ampt.run\)"):
            ampt.run()
        return await asyncio.to_thread(ampt.run), ampt.state(id_)

    id_ = ampt.publish("n")

    assert (asyncio.run(test()), len(ampt.attempts(id_))) == ((1, "done"), 1)


def test_a_plain_handler_runs_in_an_async_test(ampt: Kit) -> None:
    """It needs no event loop."""

    async def test() -> int:
        return ampt.run()

    events.on("n", lambda event: event.id)
    id_ = ampt.publish("n")

    assert (asyncio.run(test()), ampt.state(id_)) == (1, "done")


def passes(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """What becomes of such a file of tests."""
    (folder / "test_theirs.py").write_text(tests, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_theirs.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_hundreds_of_tests_leave_no_descriptors_open(tmp_path: Path) -> None:
    """Each has a spool of its own, and closes it."""
    ended = passes(
        tmp_path,
        "import os, pytest\n"
        "from ampt_cli import events\n"
        "@pytest.mark.parametrize('number', range(30))\n"
        "def test_one(ampt, number):\n"
        "    events.publish('n')\n"
        "    assert ampt.run() == 1\n"
        "    assert len(os.listdir('/proc/self/fd')) < 25\n",
    )

    assert ended.returncode == 0, ended.stdout


def test_a_test_forgets_the_handlers_of_its_own_and_no_others(tmp_path: Path) -> None:
    """Also where they are of one event, and say how it is tried again."""
    ended = passes(
        tmp_path,
        "import pytest\n"
        "from ampt_cli import events\n"
        "called = []\n"
        "@events.on('n', retry_every='1 hour')\n"
        "def of_all(event):\n"
        "    called.append(event.body)\n"
        "@pytest.mark.parametrize('number', range(3))\n"
        "def test_one(ampt, number):\n"
        "    @events.on('n', retry_for=f'{number + 1} hours')\n"
        "    def own(event):\n"
        "        raise ValueError\n"
        "    id = ampt.publish('n', number)\n"
        "    ampt.run()\n"
        "    assert called == [*range(number + 1)]\n"
        "    [attempt] = ampt.attempts(id)\n"
        "    assert len(attempt['handlers']) == 2\n"
        "    assert attempt['next'] - ampt.now == 3_600_000\n",
    )

    assert ended.returncode == 0, ended.stdout
