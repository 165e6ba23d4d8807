"""What a run takes, and when."""

import errno
import fcntl
import os
import pty
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ampt_cli import clock, ears, instants, place, publication
from ampt_cli.dispatch import Dispatch
from ampt_cli.event import Event
from ampt_cli.fsio import Disk
from ampt_cli.intake import Intake
from ampt_cli.outcomes import Outcomes
from ampt_cli.runner import Runner
from ampt_cli.supervisor import Supervisor
from ampt_cli.told import Observer, Settings
from tests.conftest import SCRIPT, drop_powers

HANDLERS = """
import os, time
@events.on("n")
@events.on("mail.a")
@events.on("mail.b")
def n(event):
    with open({trace!r}, "a") as file:
        file.write(f"{{event.name}} {{time.time() * 1000 - event.due:.0f}} {{os.getppid()}}\\n")
@events.on("bad")
def bad(event): raise ValueError("bad")
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Where handlers write what they were called for, how late (ms), and by whose worker."""
    return tmp_path / "trace"


@pytest.fixture
def handlers(write_handlers: Callable[[str], Path], trace: Path) -> Path:
    """Handlers that leave a trace."""
    return write_handlers(HANDLERS.format(trace=str(trace)))


def lines(trace: Path) -> list[list[str]]:
    """The words of each call."""
    return (
        [line.split() for line in trace.read_text("utf-8").splitlines()] if trace.exists() else []
    )


def test_a_run_takes_names_that_match_and_no_more_than_it_is_told(
    run_ampt, handlers: Path, trace: Path
) -> None:
    """The rest waits; a name that is not asked for is not touched."""
    for name in ("n", "mail.a", "mail.b", "mail.b", "bad"):
        run_ampt("publish", name)
    run_ampt("run", "-m", handlers, "--name", "mail.*", "--max", "2")
    run_ampt("run", "-m", handlers, "--name", "n")

    assert [words[0] for words in lines(trace)] == ["mail.a", "mail.b", "n"]
    assert run_ampt("inspect", "--state", "pending", "--json").out.count("\n") == 2


def test_a_dry_run_says_what_would_run_and_when(run_ampt, handlers: Path, trace: Path) -> None:
    """With another time, what would run then."""
    now, later = (run_ampt("publish", "n", *after).out.strip() for after in ((), ("-a", "2 days")))
    today = run_ampt("run", "-m", handlers, "--dry-run").out
    then = run_ampt("run", "-m", handlers, "--dry-run", "--now", "3 days").out

    assert (now in today, later in today) == (True, False)
    assert (now in then, later in then) == (True, True)
    assert lines(trace) == []
    assert run_ampt("run", "-m", handlers, "--now", "3 days").status == 2


def test_a_dry_run_says_no_more_than_would_be_begun(run_ampt, handlers: Path) -> None:
    """The same ones that the run takes then: with --max the oldest, with --name those that match."""
    ids = [run_ampt("publish", name).out.strip() for name in ("n", "mail.a", "mail.b", "mail.a")]
    limits = ("-m", handlers, "--name", "mail.*", "--max", "2")
    said = run_ampt("run", "--dry-run", *limits).out
    run_ampt("run", *limits)
    done = run_ampt("inspect", "--state", "done", "--json").out

    assert [id_ in said for id_ in ids] == [False, True, True, False]
    assert [id_ in done for id_ in ids] == [False, True, True, False]


def test_failures_are_no_failure_of_the_run_unless_asked_for(run_ampt, handlers: Path) -> None:
    """Cron mails what is said: one line for each failure, nothing else."""
    run_ampt("publish", "n")
    silent = run_ampt("run", "-m", handlers)
    run_ampt("publish", "bad")
    failing = run_ampt("run", "-m", handlers)
    run_ampt("publish", "bad")
    checked = run_ampt("run", "-m", handlers, "--check")

    assert silent == (0, "", "")
    assert (failing.status, failing.out, failing.err.count("\n")) == (0, "", 1)
    assert "ValueError: bad" in failing.err
    assert checked.status == 1


def test_a_terminal_is_told_what_was_done(
    run_ampt, clean_env: dict[str, str], handlers: Path
) -> None:
    """A person sees that something happened, or that nothing was due."""
    id_ = run_ampt("publish", "n").out.strip()
    for expected in (f"ampt: n {id_}: attempt 1 succeeded", "ampt: nothing is due"):
        ours, theirs = pty.openpty()
        subprocess.run([SCRIPT, "run", "-m", handlers], env=clean_env, stderr=theirs, check=True)
        os.close(theirs)

        assert os.read(ours, 4096).decode().split("\r\n") == [expected, ""]
        os.close(ours)
    assert run_ampt("run", "-m", handlers) == (0, "", "")


def test_a_runner_that_stays_wakes_at_a_publish_and_when_an_event_falls_due(
    run_ampt, start_ampt, handlers: Path, trace: Path, spool_dir: Path, wait_until
) -> None:
    """Long before it would look again by itself; and never early."""
    run_ampt("publish", "n")
    runner = start_ampt("run", "--watch", "-m", handlers)
    wait_until(lambda: len(lines(trace)) == 1)
    waited = []
    for _ in range(5):
        before = len(lines(trace))
        run_ampt("publish", "n")
        began = time.monotonic()
        wait_until(lambda before=before: len(lines(trace)) > before)
        waited.append(time.monotonic() - began)
    for name in ("mail.a", "mail.b", "mail.a"):
        run_ampt("publish", name, "--after", "300")
        wait_until(lambda name=name: lines(trace)[-1][0] == name)
    late = [int(words[1]) for words in lines(trace)[-3:]]
    runner.terminate()
    runner.communicate(timeout=20)

    assert min(waited) < 0.4, "woken, not found at the next look of each second"
    assert 0 <= min(late) < 300, "awake, not found at the next look of each second"
    assert runner.returncode == 0


def test_what_is_given_back_counts_for_no_limit_of_attempts(disk: Disk) -> None:
    """With --max, what no worker had begun may be claimed again by the same runner."""
    for _ in range(3):
        publication.publish(disk, publication.draft("n", None, None, 1_800_000_000_000))
    outcomes = Outcomes(disk, Settings(""), Observer(), int)
    made = Dispatch(Intake(disk, lambda: 1_800_000_000_001, ()), outcomes, 2)
    disk.make_folder("running/r")
    made.intake.runner = "r"
    first = made._take(3)
    made.hold(first[:])
    made.give_back()
    made.intake.rescan()

    assert (len(first), len(made._take(3))) == (2, 2)


def test_what_is_left_where_it_is_counts_for_no_limit_of_attempts() -> None:
    """No attempt was made of it: with --max 1, the event behind it still has its turn."""
    intake: Any = SimpleNamespace(claim=lambda: "entry", skip=lambda _: None)
    outcomes: Any = SimpleNamespace(left=[])
    made = Dispatch(intake, outcomes, 1)
    [seq] = made._take(1)
    outcomes.left.append(made.claims.pop(seq))
    before = made.room()
    made.hold([])

    assert (before, made.room(), outcomes.left) == (0, 1, [])


def test_what_was_claimed_before_the_disk_failed_is_held() -> None:
    """It is given back then; else nobody would run it before this runner has ended."""

    def claims() -> Iterator[str]:
        yield "entry"
        raise OSError("the disk")

    intake: Any = SimpleNamespace(claim=claims().__next__)
    outcomes: Any = SimpleNamespace(left=[])
    made = Dispatch(intake, outcomes, None)
    made.hold(made._take(1))
    with pytest.raises(OSError, match="the disk"):
        made._take(2)

    assert made.holds


def test_what_a_full_pipe_refuses_keeps_its_place() -> None:
    """It is neither given back nor offered again before the worker has taken something."""
    taken: list[int] = []
    limits = iter([1, 3, 8])  # events at most that the pipe has room for, at each offer

    def submit(events: list[tuple[int, str]]) -> list[int]:
        some = next(limits)
        taken.extend(seq for seq, _ in events[:some])
        return [seq for seq, _ in events[some:]]

    released: list[object] = []
    entries = (SimpleNamespace(file=str(number)) for number in range(8))
    outcomes: Any = SimpleNamespace(left=[], release=released.append)
    intake: Any = SimpleNamespace(claim=lambda: next(entries, None))
    slot = SimpleNamespace(
        waiting=taken, wants_more=lambda: True, room=lambda: 8 - len(taken), submit=submit
    )
    workers: Any = SimpleNamespace(slots=[slot], room=8)
    made = Dispatch(intake, outcomes, None)

    made.give_out(workers)
    assert (taken, released, made.holds) == ([1, 2, 3, 4], [], True)
    made.give_out(workers)
    assert (taken, released, made.holds) == ([1, 2, 3, 4, 5, 6, 7, 8], [], False)


def test_runners_share_what_is_due_and_run_nothing_twice(
    run_ampt, start_ampt, handlers: Path, trace: Path, spool_dir: Path
) -> None:
    """Each of them has a part of it."""
    batch = '{"name":"n"}\n' * 3000
    run_ampt("publish", "--batch", "-", stdin=batch)
    runners = [start_ampt("run", "-m", handlers) for _ in range(3)]
    for runner in runners:
        runner.communicate(timeout=60)
    found = lines(trace)

    assert [runner.returncode for runner in runners] == [0, 0, 0]
    assert len(found) == 3000
    assert len({words[2] for words in found}) > 1
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 3000
    assert run_ampt("check").status == 0


def test_several_workers_of_one_runner_work_at_the_same_time(
    run_ampt, write_handlers, tmp_path: Path
) -> None:
    """Each waits for the other here: one after the other they would time out."""
    path = write_handlers(
        f"""
import os, time
@events.on("meet")
def meet(event):
    open(os.path.join({str(tmp_path)!r}, "here-" + event.body), "w").close()
    while not os.path.exists(os.path.join({str(tmp_path)!r}, "here-" + "ba"[event.body == "b"])):
        time.sleep(0.005)
"""
    )
    for who in "ab":
        run_ampt("publish", "meet", "--text", who)
    run_ampt("run", "-m", path, "--jobs", "2")

    assert run_ampt("inspect", "--state", "done", "--json").out.count("\n") == 2


def test_what_is_due_is_taken_oldest_first(
    run_ampt, handlers: Path, trace: Path, disk: Disk
) -> None:
    """By due time, not by the order of publication; over hours and days."""
    now = time.time_ns() // 1_000_000
    ages = {"mail.b": instants.SECOND, "n": 30 * instants.DAY, "mail.a": 2 * instants.HOUR}
    for name, age in ages.items():
        publication.publish(disk, Event(f"of-{age}", name, None, now - age, now - age))
    run_ampt("run", "-m", handlers)

    assert [words[0] for words in lines(trace)] == ["n", "mail.a", "mail.b"]


SMALL_PIPES = """
import fcntl, os, sys
whole = os.pipe
def pipe():
    read, write = whole()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    return read, write
os.pipe = pipe
from ampt_cli.entry import main
sys.exit(main())
"""


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes are what they are here")
def test_a_timeout_ends_a_handler_behind_a_pipe_that_is_full(
    run_ampt, write_handlers: Callable[[str], Path], clean_env: dict[str, str], tmp_path: Path
) -> None:
    """The kernel gives a user who has many pipes smaller ones: 8 events instead of 128."""
    module = write_handlers(
        """
import time
@events.on("n", timeout=300)
def n(event):
    if event.body == 40: time.sleep(3600)
"""
    )
    batch = "".join(f'{{"name":"n","body":{number}}}\n' for number in range(80))
    run_ampt("publish", "--batch", "-", stdin=batch)
    command = [sys.executable, "-c", SMALL_PIPES, "run", "-m", str(module)]
    subprocess.run(command, env=clean_env, cwd=tmp_path, timeout=60, check=True)

    assert run_ampt("inspect", "--state", "done", "--json").out.count("\n") == 79
    assert "timed out" in run_ampt("inspect", "--state", "retry", "--json").out


@pytest.mark.row(54)
def test_a_timeout_ends_a_handler_while_nobody_reads_stderr(
    run_ampt, start_ampt, wait_until, write_handlers: Callable[[str], Path], spool_dir: Path
) -> None:
    """A pager, Ctrl-S, a stuck journal. What there was to tell is told in the end."""
    module = write_handlers(
        """
import time
@events.on("loud")
def loud(event):
    for number in range(500): print(event.body, number, "." * 90)
@events.on("slow", timeout=100)
def slow(event): time.sleep(3600)
"""
    )
    for number in range(4):
        run_ampt("publish", "loud", f"{number}")
    run_ampt("publish", "slow")
    runner = start_ampt("run", "-m", module)
    wait_until(lambda: [*spool_dir.glob("retry/*/*/*.slow.json")], 30)
    _, told = runner.communicate(timeout=30)

    *printed, last = told.splitlines()
    assert runner.returncode == 0
    assert [line.partition("| ")[2] for line in printed] == [
        f"{body} {number} {'.' * 90}" for body in range(4) for number in range(500)
    ]
    assert "timed out" in last


def test_what_runs_is_settled_where_the_runner_itself_cannot_go_on(
    run_ampt, write_handlers, spool_dir: Path
) -> None:
    """It looks at the folder of runners once a second, and may not read it any more."""
    handlers = write_handlers(
        "import os, time\n"
        "@events.on('n', timeout='20 seconds')\n"
        f"def n(event): os.chmod({str(spool_dir / 'running')!r}, 0o300); time.sleep(3)\n"
    )
    run_ampt("publish", "n")
    ended = run_ampt("run", "--watch", "--max", "1", "-m", handlers, powerless=True)
    (spool_dir / "running").chmod(0o700)

    assert ended.status == 77, ended.err
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 1


def test_a_wake_that_is_no_fifo_is_told_and_looked_past(
    run_ampt, handlers: Path, trace: Path, spool_dir: Path
) -> None:
    """It could always be read, and a runner would never rest."""
    run_ampt("publish", "n")
    (spool_dir / "wake").unlink()
    (spool_dir / "wake").write_bytes(b"")
    ended = run_ampt("run", "--watch", "--max", "1", "-m", handlers)

    assert (ended.status, len(lines(trace))) == (0, 1)
    assert "no prompt wake-up, looking once a second instead: wake is no FIFO" in ended.err
    assert "wake: no FIFO" in run_ampt("check").out


def test_descriptors_may_have_any_number(
    run_ampt, handlers: Path, trace: Path, clean_env: dict[str, str]
) -> None:
    """As those of many workers have, and of a run whose parent leaves it a thousand files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("this needs more than a thousand open files")
    run_ampt("publish", "n")
    null = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    open_too = [os.dup(null) for _ in range(1030)]
    try:
        ran = subprocess.run(
            [SCRIPT, "run", "--jobs", "2", "-m", handlers],
            env=clean_env,
            pass_fds=open_too,
            capture_output=True,
            timeout=60,
        )
    finally:
        for fd in [null, *open_too]:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert [words[0] for words in lines(trace)] == ["n"]


def test_a_few_open_files_are_enough(
    run_ampt, handlers: Path, trace: Path, clean_env: dict[str, str]
) -> None:
    """With less than our own descriptors lie above, the handlers were said to be at fault (78)."""
    run_ampt("publish", "n")
    command = f'ulimit -n 64; exec "{SCRIPT}" run -m "{handlers}"'
    ran = subprocess.run(["sh", "-c", command], env=clean_env, capture_output=True, timeout=60)

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert [words[0] for words in lines(trace)] == ["n"]


def test_the_working_folder_may_be_another_users(
    run_ampt, write_handlers, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """As that of a command by sudo; a handler that leaves it costs a new worker, as does no other."""
    handlers = write_handlers(
        "import os\n@events.on('n')\ndef n(event):\n"
        "    print(os.getpid(), os.getcwd())\n    os.chdir(event.body)\n"
        "events.on('stay', lambda event: print(os.getpid(), os.getcwd()))\n"
    )
    folder = tmp_path / "locked"
    folder.mkdir()
    for command in (["stay"], ["stay"], ["n", '"/"'], ["stay"]):
        run_ampt("publish", *command)
    script = f'chmod 0 .; exec "{SCRIPT}" run -m "{handlers}"'
    ran = subprocess.run(
        [*drop_powers(), "sh", "-c", script],
        env=clean_env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    folder.chmod(0o700)
    said = [line.partition("| ")[2].split() for line in ran.stderr.splitlines()]

    assert ran.returncode == 0, ran.stderr
    assert [where for _, where in said] == [str(folder)] * 4
    assert [pid for pid, _ in said].count(said[0][0]) == 3


# A runner that looks for itself once an hour, and so handles only what it is woken for.
DEAF = """
import sys
from ampt_cli import intake, runner
intake.POLL = runner.POLL = 3600
from ampt_cli.entry import main
sys.exit(main())
"""


@pytest.mark.skipif(not ears.tells_each_write(), reason="here a write wakes one, and it may be any")
def test_a_publish_wakes_every_runner(
    run_ampt, handlers: Path, trace: Path, clean_env: dict[str, str], wait_until
) -> None:
    """Runners that share out names: whoever was first took the byte, and the other was a second late."""
    run_ampt("publish", "mail.a")
    run_ampt("publish", "mail.b")
    command = [sys.executable, "-c", DEAF, "run", "--watch", "-m", str(handlers), "--name"]
    runners = [subprocess.Popen([*command, name], env=clean_env) for name in ("mail.a", "mail.b")]
    try:
        wait_until(lambda: len(lines(trace)) == 2)
        for count in range(3, 23):
            run_ampt("publish", "mail.a" if count % 2 else "mail.b")
            wait_until(lambda count=count: len(lines(trace)) == count)
    finally:
        for runner in runners:
            runner.terminate()
            runner.communicate(timeout=20)

    assert [runner.returncode for runner in runners] == [0, 0]


def test_a_runner_hears_through_a_wake_that_was_made_anew(
    run_ampt, handlers: Path, trace: Path, clean_env: dict[str, str], spool_dir: Path, wait_until
) -> None:
    """check said that it was mended; a runner that stayed heard nobody until it was started again."""
    often = DEAF.replace("= 3600", "= 3600; runner.POLL = chores.POLL = chores.UPKEEP = 0.05")
    often = often.replace("import intake", "import chores, intake")
    run_ampt("publish", "n")
    command = [sys.executable, "-c", often, "run", "--watch", "-m", str(handlers)]
    runner = subprocess.Popen(command, env=clean_env)
    try:
        wait_until(lambda: len(lines(trace)) == 1)
        (spool_dir / "wake").unlink()
        run_ampt("check", "--repair")
        wait_until(lambda: run_ampt("publish", "n") and len(lines(trace)) > 1)
    finally:
        runner.terminate()
        runner.communicate(timeout=20)

    assert runner.returncode == 0


# A runner that looks often, and says when it has come to rest.
RESTING = """
import sys
from pathlib import Path
from ampt_cli import chores, intake, known, rest, runner
intake.POLL = runner.POLL = chores.POLL = rest.POLL = 0.05
holds = known.Snapshot.holds
def noting(snapshot, disk):
    held = holds(snapshot, disk)
    Path(disk.path, "tmp", "resting").write_text(str(held))
    return held
known.Snapshot.holds = noting
from ampt_cli.entry import main
sys.exit(main())
"""


def test_what_comes_without_a_word_is_found_by_a_runner_that_rests(
    run_ampt,
    handlers: Path,
    trace: Path,
    clean_env: dict[str, str],
    spool_dir: Path,
    wait_until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waits, what is due at once, and what is due later: a publisher's word may be lost."""
    monkeypatch.setattr(publication, "wake", lambda _: None)
    run_ampt("publish", "n")
    command = [sys.executable, "-c", RESTING, "run", "--watch", "-m", str(handlers)]
    runner = subprocess.Popen(command, env=clean_env)
    disk, resting = place.open_disk(str(spool_dir)), spool_dir / "tmp" / "resting"
    try:
        for count, after in ((2, None), (3, 300), (4, None)):
            wait_until(lambda: resting.exists() and resting.read_text() == "True")
            publication.publish(disk, publication.draft("n", None, after, clock.now()))
            wait_until(lambda count=count: len(lines(trace)) == count)
            resting.unlink()
    finally:
        runner.terminate()
        runner.communicate(timeout=20)

    assert runner.returncode == 0


@pytest.mark.skipif(not ears.tells_each_write(), reason="nothing is opened but the FIFO")
def test_a_wake_that_cannot_be_heard_is_not_left_open(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For want of open files, say: a runner that stays tries again each minute."""

    def refused() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("ampt_cli.ears.select.epoll", refused)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        ears.Ears(disk)

    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("edges", [True, False])
def test_what_publishers_write_is_heard_once_and_taken_away(
    edges: bool, spool_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the kernel's word on each write, where there is one; a FIFO that is full would hold none."""
    monkeypatch.setattr(
        ears, "tells_each_write", lambda whole=ears.tells_each_write: edges and whole()
    )
    disk = place.open_disk(str(spool_dir), create=True)
    made = ears.Ears(disk)
    heard = []
    for _ in range(20_000):
        publication.wake(disk)
        heard.append(made.heard())
    heard_again = made.heard()
    publication.wake(disk)

    assert (set(heard), heard_again) == ({True}, False)
    assert 1 <= len(os.read(made.fifo, 1 << 16)) <= ears.FULL + 1


@pytest.mark.parametrize("wait", ["a reload", "what still runs"])
def test_a_publish_ends_no_wait_in_which_nobody_would_claim(wait: str, disk: Disk) -> None:
    """The FIFO could be read all the while, and a runner that waited for others would never rest."""
    made = Runner(disk, Settings(""), Observer(), int)
    heard: set[int] = set()
    seen: list[set[int]] = []

    def poll(_: float) -> list[Any]:
        seen.append(set(heard))
        made.workers.busy = 0  # type: ignore[misc]
        return []

    made.workers = cast(
        "Any",
        SimpleNamespace(
            watch=heard.add,
            unwatch=heard.remove,
            renew=lambda _: seen.append(set(heard)),
            wait_ready=lambda _: None,
            declared={},
            slots=[],
            busy=1,
            poll=poll,
        ),
    )
    made.ears = cast("Any", SimpleNamespace(fd=7))
    made._listen(True)
    if wait == "a reload":
        made.reloading = True
        made._begins_anew()
    else:
        made._drain()

    assert seen == [set()]


def test_a_publish_wakes_no_runner_that_stands_aside(disk: Disk) -> None:
    """It would take the byte from the one that is at work."""
    made = Runner(disk, Settings(""), Observer(), int)
    made.workers = cast("Any", SimpleNamespace(room=1))
    made.share = cast("Any", SimpleNamespace(aside=False))
    willing = made._would_claim()
    made.share.aside = True

    assert (willing, made._would_claim()) == (True, False)


@pytest.mark.parametrize(
    ("watch", "claims", "aside", "may"),
    [
        (True, {}, False, True),
        (False, {}, False, False),
        (True, {1: None}, False, False),
        (True, {}, True, False),
    ],
)
def test_a_runner_may_rest_when_it_stays_and_nothing_is_expected_of_it(
    disk: Disk, watch: bool, claims: dict[int, Any], aside: bool, may: bool
) -> None:
    """Who stands aside tries again after a while whether it is missed."""
    settings = Settings("", watch=watch)
    made = Runner(disk, settings, Observer(), int)
    made.share = cast("Any", SimpleNamespace(aside=aside))
    made.dispatch.claims = claims

    assert made._may_rest() is may


@pytest.mark.parametrize(
    ("serves", "waiting", "killed_for", "idle"),
    [(True, [], "", True), (False, [], "", False), (True, [1], "", False), (True, [], "x", False)],
)
def test_a_worker_that_is_begun_at_work_or_killed_is_waited_for(
    serves: bool, waiting: list[int], killed_for: str, idle: bool
) -> None:
    """By its deadlines, of which who rests knows nothing."""
    rests = SimpleNamespace(serves=lambda: True, waiting=[], killed_for="")
    slot = SimpleNamespace(serves=lambda: serves, waiting=waiting, killed_for=killed_for)
    made: Any = object.__new__(Supervisor)
    made.slots = [rests, slot]

    assert made.idle is idle


@pytest.mark.parametrize("news", [[], [(7, 1)]])
def test_who_rests_is_told_whether_there_was_news(news: list[tuple[int, int]]) -> None:
    """After so many milliseconds, for poll(2)."""
    made: Any = object.__new__(Supervisor)
    made._poll = SimpleNamespace(poll={250: news}.__getitem__)

    assert made.rests(0.25) is not bool(news)


STANDING_ASIDE = """
import os, sys
from ampt_cli import clock, place, runner
from ampt_cli.sharing import Share
from ampt_cli.told import Observer, Settings

class Told(Share):
    looks = 0
    def look(self, now, **done):
        claims = [name for name in os.listdir(f"{spool}/{self.folder}") if "." in name]
        print(self.aside, len(claims), flush=True)
        self.looks += 1
        self.aside, self.look_at = self.looks % 4 > 0, now + 0.02

spool, handlers, names = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
runner.Share = Told
told = Settings(handlers, names=names)
print(runner.Runner(place.open_disk(spool), told, Observer(), clock.now).run().counts)
"""


@pytest.mark.parametrize("names", [(), ("n",)])
def test_a_runner_that_stands_aside_holds_nothing_and_comes_back(
    run_ampt, handlers: Path, spool_dir: Path, names: tuple[str, ...]
) -> None:
    """What it was given is run or given back; one that is told which names to take never does."""
    run_ampt("publish", "--batch", "-", stdin='{"name":"n"}\n' * 500)
    argv = [sys.executable, "-c", STANDING_ASIDE, str(spool_dir), str(handlers), *names]
    *looks, counts = subprocess.run(
        argv, check=True, capture_output=True, text=True, timeout=60
    ).stdout.splitlines()

    assert "'succeeded': 500" in counts
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 500
    assert ("True 0" in looks, bool(looks)) == (not names, not names)
