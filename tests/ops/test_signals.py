"""What a runner that stays does on signals."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunAmpt, StartAmpt

Write = Callable[[str], Path]
Wait = Callable[[Callable[[], object], float], None]


def in_state(spool: Path, state: str) -> list[Path]:
    """The entries of a state."""
    return [path for path in spool.glob(f"{state}/**/*.json") if path.is_file()]


OLD = "@events.on('n')\ndef a(event):\n    print('old')\n"
NEW = OLD.replace("old", "new")


@pytest.fixture
def runner(
    run_ampt: RunAmpt,
    start_ampt: StartAmpt,
    write_handlers: Write,
    spool_dir: Path,
    wait_until: Wait,
) -> subprocess.Popen[str]:
    """One that stays, and has handled an event by the old module."""
    module = write_handlers(OLD)
    run_ampt("publish", "n")
    runner = start_ampt("run", "--watch", "-m", module)
    wait_until(lambda: len(in_state(spool_dir, "done")) == 1, 20)
    return runner


@pytest.mark.row(50)
@pytest.mark.row(67)
def test_an_edited_module_is_used_after_sighup(
    run_ampt: RunAmpt,
    runner: subprocess.Popen[str],
    write_handlers: Write,
    spool_dir: Path,
    wait_until: Wait,
) -> None:
    """What was published before it was handled by the old one."""
    write_handlers(NEW)
    runner.send_signal(signal.SIGHUP)
    wait_until(lambda: _handled_by_new(run_ampt, spool_dir, wait_until), 20)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=20)

    assert runner.returncode == 0


def _handled_by_new(run_ampt: RunAmpt, spool_dir: Path, wait_until: Wait) -> bool:
    """Whether an event that is published now meets the new module."""
    before = len(in_state(spool_dir, "done"))
    id_ = run_ampt("publish", "n").out.strip()
    wait_until(lambda: len(in_state(spool_dir, "done")) > before, 20)
    [entry] = [path for path in in_state(spool_dir, "done") if id_ in path.name]
    return "new" in entry.read_text(encoding="utf-8")


@pytest.mark.row(50)
@pytest.mark.parametrize("broken", ["def", "import os\nos._exit(3)"], ids=["syntax", "exit"])
def test_after_sighup_a_broken_module_leaves_the_handlers_as_they_were(
    run_ampt: RunAmpt,
    runner: subprocess.Popen[str],
    write_handlers: Write,
    spool_dir: Path,
    wait_until: Wait,
    broken: str,
) -> None:
    """A bad deployment ends no service; a good one that follows is taken."""
    module = write_handlers(broken)
    runner.send_signal(signal.SIGHUP)
    assert runner.stderr is not None
    said = ""
    while "stay as they were" not in said:
        said = runner.stderr.readline()
        assert said, "it has ended"
    assert not _handled_by_new(run_ampt, spool_dir, wait_until)
    write_handlers(NEW)
    runner.send_signal(signal.SIGHUP)
    wait_until(lambda: _handled_by_new(run_ampt, spool_dir, wait_until), 20)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=20)

    assert f"cannot import the handlers {module}" in said
    assert runner.returncode == 0


SLOW = """
import time
@events.on("slow")
def slow(event):
    open(event.body, "w").close()
    time.sleep(1.5)
"""


Stopped = Callable[..., tuple[list[str], str]]  # ids, and what the runner said


@pytest.fixture
def stopped(
    run_ampt: RunAmpt,
    start_ampt: StartAmpt,
    write_handlers: Write,
    tmp_path: Path,
    wait_until: Wait,
) -> Stopped:
    """Run so many events by a module like SLOW, and signal the runner once it runs the first.

    The ids, and what the runner said; it has ended as it must, with 0.
    """

    def run(code: str, *signals: int, events: int = 1) -> tuple[list[str], str]:
        begun = tmp_path / "begun"
        ids = [run_ampt("publish", "slow", f'"{begun}"').out.strip() for _ in range(events)]
        runner = start_ampt("run", "-m", write_handlers(code))
        wait_until(begun.exists, 20)
        for number in signals:
            runner.send_signal(number)
        _, said = runner.communicate(timeout=20)
        assert runner.returncode == 0, said
        return ids, said

    return run


@pytest.mark.row(50)
def test_a_stop_lets_the_running_handler_finish_and_gives_back_the_rest(
    stopped: Stopped, spool_dir: Path
) -> None:
    """What has not begun is uncounted."""
    stopped(SLOW, signal.SIGTERM, events=3)

    assert len(in_state(spool_dir, "done")) == 1
    assert [path.name.count(".a0.") for path in in_state(spool_dir, "pending")] == [1, 1]
    assert in_state(spool_dir, "running") == []


@pytest.mark.row(50)
def test_a_second_signal_ends_at_once_and_loses_nothing(stopped: Stopped, spool_dir: Path) -> None:
    """The attempt is interrupted, and due again at once."""
    code = SLOW.replace("1.5", "50").replace('"slow")', '"slow", timeout=60_000)')
    [id_], _ = stopped(code, signal.SIGTERM, signal.SIGINT)
    [entry] = in_state(spool_dir, "retry")

    assert id_ in entry.name
    assert '"outcome":"interrupted"' in entry.read_text(encoding="utf-8")


@pytest.mark.row(50)
@pytest.mark.row(54)
def test_a_timeout_during_a_stop_is_a_timeout(stopped: Stopped, spool_dir: Path) -> None:
    """It is a failure, tried again in six minutes; the stop has interrupted nothing."""
    endless = "while True:\n        try: time.sleep(50)\n        except BaseException: pass"
    code = SLOW.replace("time.sleep(1.5)", endless).replace('"slow")', '"slow", timeout=500)')
    stopped(code, signal.SIGTERM)
    [entry] = in_state(spool_dir, "retry")
    written = entry.read_text(encoding="utf-8")

    assert '"outcome":"timed_out"' in written
    assert '"failures":1' in written


@pytest.mark.row(50)
def test_a_ctrl_c_that_a_script_keeps_from_its_background_stops_no_run(
    stopped: Stopped, spool_dir: Path
) -> None:
    """A shell starts what it runs with & so that it ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stopped(SLOW.replace("1.5", "0.2"), signal.SIGINT, events=2)
    finally:
        signal.signal(signal.SIGINT, before)

    assert len(in_state(spool_dir, "done")) == 2


@pytest.mark.row(50)
@pytest.mark.row(51)
def test_signals_that_were_blocked_when_it_was_started_are_heard(
    run_ampt: RunAmpt,
    start_ampt: StartAmpt,
    write_handlers: Write,
    spool_dir: Path,
    wait_until: Wait,
) -> None:
    """A program inherits what is blocked: the death of a worker was never noticed, nor a stop."""
    module = write_handlers("import os\n@events.on('n')\ndef n(event): os._exit(3)\n")
    run_ampt("publish", "n")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    try:
        runner = start_ampt("run", "--watch", "-m", module)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    wait_until(lambda: in_state(spool_dir, "retry"), 20)
    runner.send_signal(signal.SIGTERM)
    _, said = runner.communicate(timeout=20)

    assert runner.returncode == 0
    assert "the worker exited with status 3 without a result" in said


@pytest.mark.row(50)
@pytest.mark.row(67)
def test_a_reload_that_fails_while_a_worker_is_replaced_says_what_is_wrong(
    run_ampt: RunAmpt, write_handlers: Write
) -> None:
    """The handlers cannot stay as they were: the one worker that had them is gone."""
    module = write_handlers(
        """
import os, signal, threading, time
@events.on("n")
def n(event):
    threading.Thread(target=time.sleep, args=(60,)).start()
    open(__file__, "w").write("def")
    os.kill(os.getppid(), signal.SIGHUP)
"""
    )
    run_ampt("publish", "n")
    ran = run_ampt("run", "--watch", "-m", module)

    assert ran.status == 78
    assert "stay as they were" not in ran.err
    assert f"cannot import the handlers {module}: SyntaxError" in ran.err


@pytest.mark.row(50)
@pytest.mark.row(59)
def test_a_handler_that_ends_its_worker_during_a_stop_has_failed(
    stopped: Stopped, spool_dir: Path
) -> None:
    """The stop has interrupted nothing: it is tried again in six minutes, and says why."""
    code = SLOW.replace("time.sleep(1.5)", "time.sleep(1); os._exit(3)")
    _, said = stopped(code.replace("time", "os, time", 1), signal.SIGTERM)
    [entry] = in_state(spool_dir, "retry")

    assert "failed: the worker exited with status 3 without a result" in said
    assert '"failures":1' in entry.read_text(encoding="utf-8")


# It is told to stop, twice, once it does no more than wait for what runs.
DRAINING = """
import os, signal, sys
from ampt_cli.commands import run
from ampt_cli.runner import Runner

drain = Runner._drain

def told(self):
    for _ in range(2): os.kill(os.getpid(), signal.SIGTERM)
    drain(self)

Runner._drain = told
sys.exit(run.main(["--watch", "--handlers", sys.argv[1]]))
"""


@pytest.mark.row(44)
@pytest.mark.row(50)
def test_a_second_signal_ends_also_a_runner_that_waits_for_what_runs_to_end_with_an_error(
    run_ampt: RunAmpt, clean_env: dict[str, str], write_handlers: Write, spool_dir: Path
) -> None:
    """Its spool was moved, say; it heard nothing until the handler had returned."""
    old = spool_dir.with_name("old")
    module = write_handlers(
        f"""
import os, time
@events.on("slow", timeout="1 minute")
def slow(event):
    os.rename({str(spool_dir)!r}, {str(old)!r})
    time.sleep(50)
"""
    )
    run_ampt("publish", "slow")
    done = subprocess.run(
        [sys.executable, "-c", DRAINING, module],
        env=clean_env,
        capture_output=True,
        text=True,
        timeout=20,
    )
    [entry] = in_state(old, "retry")

    assert done.returncode == 3, done.stderr
    assert '"outcome":"interrupted"' in entry.read_text(encoding="utf-8")
