"""Runners that are stopped, killed, outlived, starved, or late."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PATIENT = """
import sys
from ampt_cli import overtime
overtime.STOLEN_AFTER = 3600.0
from ampt_cli.entry import main
sys.exit(main())
"""


@pytest.mark.row(49)
def test_a_runner_that_is_killed_leaves_its_events_due_at_once(
    run_ampt,
    clean_env: dict[str, str],
    handlers: Path,
    spool_dir: Path,
    wait_until,
    calls,
    gate: Path,
) -> None:
    """The one that had begun is counted and interrupted; the others are not counted."""
    begun = run_ampt("publish", "slow").out.strip()
    claimed = [run_ampt("publish", "n").out.strip() for _ in range(3)]
    # It takes nothing back from its worker, so it dies with all of them claimed.
    runner = subprocess.Popen([sys.executable, "-c", PATIENT, "run", "-m", handlers], env=clean_env)
    try:
        wait_until(lambda: calls() and len([*spool_dir.glob("running/*/*.a1.*")]) == 4)
    finally:
        runner.kill()
        runner.wait()
    gate.touch()

    rescued = run_ampt("run", "-m", handlers)
    assert (rescued.status, rescued.err.count("\n")) == (0, 1)
    assert f"slow {begun}: attempt 1 interrupted: the runner, or its machine" in rescued.err
    ran = [f"{begun} 1", f"{begun} 2", *(f"{id_} 1" for id_ in claimed)]
    assert sorted(calls()) == sorted(ran)
    [first, _] = json.loads(run_ampt("inspect", begun, "--json").out)["records"]
    assert first["outcome"] == "interrupted"


def test_what_waits_behind_a_slow_event_is_left_to_another_runner(
    run_ampt, start_ampt, handlers: Path, wait_until, calls, gate: Path
) -> None:
    """It had been claimed, and is given back while the slow one runs."""
    run_ampt("publish", "slow")
    quick = [run_ampt("publish", "n").out.strip() for _ in range(3)]
    runner = start_ampt("run", "-m", handlers)
    wait_until(calls)
    wait_until(lambda: run_ampt("run", "-m", handlers) and len(calls()) == 4)
    ours = calls()[1:]
    gate.touch()
    runner.communicate(timeout=20)

    assert runner.returncode == 0
    assert sorted(ours) == sorted(f"{id_} 1" for id_ in quick)


@pytest.mark.row(52)
def test_a_runner_that_is_stopped_keeps_its_claims(
    run_ampt,
    start_ampt,
    handlers: Path,
    spool_dir: Path,
    wait_until,
    calls,
    gate: Path,
) -> None:
    """However long: its lock is held. Continued, it goes on."""
    run_ampt("publish", "slow")
    runner = start_ampt("run", "-m", handlers)
    wait_until(calls)
    os.kill(runner.pid, signal.SIGSTOP)
    run_ampt("run", "-m", handlers)
    stolen = list(spool_dir.glob("[!r]*/*/*.json"))
    watched = run_ampt("check", "--monitor", "--late", "1,3600000")
    gate.touch()
    os.kill(runner.pid, signal.SIGCONT)
    runner.communicate(timeout=20)

    assert stolen == []
    assert (watched.status, watched.out.split(" for ")[0]) == (
        1,
        "AMPT WARNING - the oldest event is overdue",
    )
    assert len(calls()) == 1
    assert len(list(spool_dir.glob("done/*/*.a1.slow.json"))) == 1


@pytest.mark.row(75)
def test_what_a_handler_leaves_behind_holds_no_lock(
    run_ampt, start_ampt, write_handlers, spool_dir: Path, wait_until, tmp_path: Path
) -> None:
    """A daemon that outlives runner and worker does not keep the claims from the next runner."""
    begun = tmp_path / "begun"
    path = write_handlers(
        f"""
import os, subprocess, time
@events.on("n")
def n(event):
    if event.attempt > 1: return
    daemon = subprocess.Popen(["setsid", "sleep", "60"], start_new_session=True)
    open({str(begun)!r}, "w").write(str(daemon.pid)); os.rename({str(begun)!r}, {str(begun) + "!"!r})
    time.sleep(4)
"""
    )
    run_ampt("publish", "n")
    runner = start_ampt("run", "-m", path)
    done = Path(str(begun) + "!")
    wait_until(done.exists)
    runner.kill()
    runner.wait()
    try:
        assert run_ampt("run", "-m", path).status == 0
        assert len(list(spool_dir.glob("done/*/*.a2.n.json"))) == 1
    finally:
        try:
            os.killpg(int(done.read_text(encoding="utf-8")), signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.row(61)
@pytest.mark.parametrize("option", [["--memory", "512M"], []], ids=["option", "configuration"])
def test_a_worker_has_no_more_memory_than_it_was_given(
    option: list[str], run_ampt, write_handlers, tmp_path: Path
) -> None:
    """The handler gets a MemoryError, the attempt failed, and the next event is handled."""
    path = write_handlers(
        """
@events.on("bomb")
def bomb(event): return bytearray(1 << 30)
@events.on("n")
def n(event): print(open("/proc/self/oom_score_adj").read())
"""
    )
    bomb, good = (run_ampt("publish", name).out.strip() for name in ("bomb", "n"))
    config = tmp_path / "ampt.toml"
    config.write_text(f'memory = "{"64G" if option else "512M"}"\n', encoding="utf-8")
    config.chmod(0o600)
    ran = run_ampt("run", "-m", path, "--check", *option, env={"AMPT_CONFIG": str(config)})
    failed, fine = (json.loads(run_ampt("inspect", id_, "--json").out) for id_ in (bomb, good))

    assert ran.status == 1
    assert "MemoryError" in failed["records"][0]["error"]
    assert (failed["state"], fine["state"]) == ("retry", "done")
    assert int(fine["records"][0]["output"]) >= 500  # the kernel ends it before its runner
    assert run_ampt("run", "-m", path, "--memory", "12").status == 2


@pytest.mark.row(61)
def test_a_worker_whose_handlers_keep_its_memory_is_replaced(
    run_ampt, write_handlers, spool_dir: Path
) -> None:
    """Once one has failed; all that came later failed, however little they wanted."""
    path = write_handlers(
        """
kept = []
@events.on("leak")
def leak(event): kept.append(bytearray(100 << 20))
"""
    )
    run_ampt("publish", "--batch", "-", stdin='{"name":"leak"}\n' * 12)
    ran = run_ampt("run", "-m", path, "--memory", "512M")

    failed = len(list(spool_dir.glob("retry/*/*/*.a1.leak.json")))
    assert ran.err.count("MemoryError") == failed
    assert 1 <= failed <= 4
    assert len(list(spool_dir.glob("done/*/*.a1.leak.json"))) == 12 - failed


@pytest.mark.row(64)
@pytest.mark.parametrize("failed_before", [True, False])
def test_a_worker_whose_handlers_keep_its_files_open_is_replaced(
    failed_before: bool, run_ampt, write_handlers, spool_dir: Path
) -> None:
    """Once one has failed, with its own error; all that came later failed, of whatever name."""
    path = write_handlers(
        """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
kept = []
@events.on("bad")
def bad(event): raise ValueError
@events.on("leak")
def leak(event): kept.extend(open("/dev/null") for _ in range(20))
@events.on("n")
def n(event): open("/dev/null").close()
"""
    )
    for name, count in ("bad", int(failed_before)), ("leak", 30), ("n", 20):
        run_ampt("publish", "--batch", "-", stdin=f'{{"name":"{name}"}}\n' * count)
    ran = run_ampt("run", "-m", path)

    failed = len(list(spool_dir.glob("retry/*/*/*.a1.leak.json")))
    assert ran.err.count("failed: OSError: [Errno 24]") == failed
    assert 1 <= failed <= 3
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 20


@pytest.mark.row(69)
def test_a_handler_may_publish_into_its_own_spool(
    run_ampt, write_handlers, spool_dir: Path
) -> None:
    """An event that always publishes the next keeps no older one from its turn."""
    path = write_handlers(
        """
@events.on("n")
def n(event):
    if event.body < 60: events.publish("n", event.body + 1)
@events.on("old")
def old(event): pass
"""
    )
    run_ampt("publish", "n", "0")
    olds = [run_ampt("publish", "old").out.strip() for _ in range(3)]

    assert run_ampt("run", "-m", path, "--max", "20").status == 0
    assert all(len(list(spool_dir.glob(f"done/*/*.{id_}.*"))) == 1 for id_ in olds)
    assert run_ampt("run", "-m", path).status == 0
    assert len(list(spool_dir.glob("done/*/*.json"))) == 64


@pytest.mark.row(68)
def test_an_ignored_event_needs_no_handler(run_ampt, write_handlers) -> None:
    """It ends in done, and says so."""
    path = write_handlers("events.on('other', print)\n")
    id_ = run_ampt("publish", "nobody.listens").out.strip()
    run_ampt("run", "-m", path)

    assert "ignored" in run_ampt("inspect", id_).out


@pytest.mark.row(67)
@pytest.mark.parametrize("change", ["write('def half(:')", "remove"])
def test_a_module_that_is_broken_during_a_run_fails_no_event(
    change: str, run_ampt, write_handlers, spool_dir: Path
) -> None:
    """A new worker cannot import it: 78, and what was claimed is given back uncounted."""
    path = write_handlers(
        """
import os
@events.on("breaks")
def breaks(event):
    CHANGE
    os._exit(1)
@events.on("n")
def n(event): pass
""".replace(
            "CHANGE",
            "os.unlink(__file__)" if change == "remove" else f"open(__file__, 'w').{change}",
        )
    )
    whole = path.read_text(encoding="utf-8")
    run_ampt("publish", "breaks")
    for _ in range(3):
        run_ampt("publish", "n")
    ran = run_ampt("run", "-m", path)

    assert ran.status == 78, ran.err
    assert "cannot import the handlers" in ran.err
    assert len(list(spool_dir.glob("retry/*/*/*.a1.breaks.json"))) == 1
    assert len(list(spool_dir.glob("pending/*/*/*.a0.n.json"))) == 3
    path.write_text(whole, encoding="utf-8")
    assert run_ampt("run", "-m", path).status == 0
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 3
