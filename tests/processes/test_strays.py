"""What handlers leave behind: ended with them, reaped, or spared."""

import os
import shutil
import signal
import subprocess
import sys
from binascii import crc32
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HANDLERS = """
import os, subprocess, time

def daemon():
    os.system(f"setsid sleep {NAP} >/dev/null 2>&1 &")

@events.on("stuck", timeout=400)
def stuck(event):
    while True:
        try: time.sleep(30)
        except BaseException: pass

@events.on("orphans", timeout=400)
def orphans(event):
    daemon()
    subprocess.run("setsid sleep {NAP} >/dev/null 2>&1 &", shell=True, env={**os.environ})  # as Python knows it
    os.system(f"setsid sh -c 'sleep {NAP}; true' &")
    if os.fork() == 0:
        os.setsid()
        os.execlp("sh", "sh", "-c", f"setsid sleep {NAP} & sleep {NAP}; true")
    time.sleep(30)

@events.on("starts")
def starts(event): daemon()

@events.on("short")
def short(event): os.system("setsid true &")
"""


@pytest.fixture
def nap(tmp_path: Path) -> Iterator[str]:
    """How long the children of this test sleep, by which they are known; none is left."""
    if shutil.which("pgrep") is None:
        pytest.skip("pgrep is needed, to find what is left")
    seconds = f"6{crc32(bytes(tmp_path))}"
    yield seconds
    for pid in sleepers(seconds):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def handlers(write_handlers: Callable[[str], Path], nap: str) -> Path:
    """Handlers that start programs."""
    return write_handlers(HANDLERS.replace("{NAP}", nap))


def sleepers(nap: str) -> list[int]:
    """The processes that sleep for `nap` seconds."""
    found = subprocess.run(["pgrep", "-x", "-f", f"sleep {nap}"], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


@pytest.mark.row(54)
def test_workers_that_are_killed_together_cost_no_other(
    run_ampt, handlers: Path, spool_dir: Path
) -> None:
    """What replaces the first is not taken for something that the second left behind."""
    for name in (*["stuck"] * 6, *["short"] * 3):
        run_ampt("publish", name)
    ran = run_ampt("run", "-m", handlers, "--jobs", "3")

    assert (ran.status, ran.err.count("attempt 1 timed out")) == (0, 6), ran.err
    assert len(list(spool_dir.glob("retry/*/*/*.a1.stuck.json"))) == 6
    assert len(list(spool_dir.glob("done/*/*.a1.short.json"))) == 3


@pytest.mark.row(56)
def test_a_timeout_ends_all_that_the_handler_started(run_ampt, handlers: Path, nap: str) -> None:
    """Sessions of their own, orphans, and the children of those."""
    id_ = run_ampt("publish", "orphans").out.strip()
    run_ampt("run", "-m", handlers)

    assert "timed out after 0.4 s" in run_ampt("inspect", id_).out
    assert sleepers(nap) == []


@pytest.mark.row(56)
def test_a_daemon_of_a_handler_that_kept_its_time_may_stay(
    run_ampt, handlers: Path, nap: str
) -> None:
    """Although a later event of the same worker, and one of another meanwhile, are killed."""
    for name in ("starts", "stuck", "stuck", "starts"):
        run_ampt("publish", name)
    run_ampt("run", "-m", handlers, "--jobs", "2")

    assert len(sleepers(nap)) == 2


@pytest.mark.row(56)
def test_no_zombie_stays_with_a_runner_that_stays(
    run_ampt, start_ampt, handlers: Path, wait_until, spool_dir: Path
) -> None:
    """What handlers left is reaped when it ends."""
    for _ in range(5):
        run_ampt("publish", "short")
    runner = start_ampt("run", "--watch", "-m", handlers)
    wait_until(lambda: len(list(spool_dir.glob("done/*/*.json"))) == 5)
    children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
    if not children.exists():
        pytest.skip("the kernel does not list children")

    wait_until(lambda: len(children.read_text("ascii").split()) == 1)


ENDING = """
import os, signal, subprocess
from ampt_cli import strays

me, started = os.getpid(), {}
os.environb[b"ODD"] = b"\\xff"
for name, origin in (
    ("of this worker", f"{me}.0.7"),
    ("of another worker", f"{me}.1.7"),
    ("of a worker with ten times its number", f"{me}.10.7"),
    ("of another runner", f"{me}0.1.7"),
    ("that says nothing", ""),
    ("spared", f"{me}.0.6"),
):
    environment = os.environ | ({strays.COOKIE: origin} if origin else {})
    started[name] = subprocess.Popen(["sleep", "60"], env=environment).pid
if strays.children() != set(started.values()):
    print("unknown")
strays.end({started["spared"]}, 0)
left = strays.children()
for pid in left:
    os.kill(pid, signal.SIGKILL)
print(*[name for name, pid in started.items() if pid in left], sep=", ")
"""


@pytest.mark.row(56)
def test_only_what_another_worker_has_started_or_is_spared_outlives_a_killed_one() -> None:
    """Also where it is orphaned after the worker was killed: nobody has noted it as another's."""
    ran = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=True)
    if ran.stdout.startswith("unknown"):
        pytest.skip("the kernel does not list children")

    assert ran.stdout == "of another worker, of a worker with ten times its number, spared\n"


TELLING = """
import os, shutil, signal, subprocess, sys
from ampt_cli import strays

def child(origin=""):
    environment = os.environ | ({strays.COOKIE: origin} if origin else {})
    return subprocess.Popen([sys.argv[1], "60"], env=environment).pid

me, now = os.getpid(), strays.now()
started = {
    "of this event": child(f"{me}.3.7"),
    "of one before": child(f"{me}.3.6"),
    "of another worker": child(f"{me}.4.7"),
    "that says nothing": child(),
}
if strays.children() != set(started.values()):
    print("unknown")
began = [strays._began(pid) for pid in started.values()]
for since in (0, (min(began) + 0.5) / strays.TICKS, (max(began) + 1.5) / strays.TICKS):
    found = strays.unrelated(3, strays.CYCLE + 7, since)
    print(*[name for name, pid in started.items() if pid in found], sep=", ")
print(int(now * strays.TICKS) <= min(began) <= max(began) <= strays.now() * strays.TICKS)

def fail(*_, **__):
    raise PermissionError

strays.PATIENCE, kill, os.kill = 0.01, os.kill, fail
strays.end(set(), 3)
print(len(strays.children()))
for pid in started.values():
    kill(pid, signal.SIGKILL)
print(strays._began(1 << 30))
strays.open = fail
print(strays.children())
"""


@pytest.mark.row(56)
def test_what_an_event_has_started_is_told_by_its_name_or_else_by_when(tmp_path: Path) -> None:
    """By the tick of the kernel's clock; one that may not be killed is not waited for long."""
    program = tmp_path / "a) b ("  # as it stands in /proc/PID/stat, between brackets
    shutil.copy(str(shutil.which("sleep")), program)
    asked = [sys.executable, "-c", TELLING, str(program)]
    ran = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=20)
    if ran.stdout.startswith("unknown"):
        pytest.skip("the kernel does not list children")
    told = ran.stdout.splitlines()

    assert told[:2] == ["of one before, of another worker"] * 2
    assert told[2] == "of this event, of one before, of another worker, that says nothing"
    assert told[3:] == ["True", "4", "0", "set()"]


REAPING = """
import os
from ampt_cli import strays

worker, other = os.fork(), 0
if worker:
    other = os.fork()
if 0 in (worker, other):
    os._exit(3)
for pid in (worker, other):
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
if not strays.children():
    print("unknown")
strays.reap({worker})
print(strays.children() == {worker}, os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
"""


@pytest.mark.row(51)
def test_how_a_worker_has_ended_is_left_for_its_supervisor() -> None:
    """Whatever else is reaped meanwhile."""
    ran = subprocess.run([sys.executable, "-c", REAPING], capture_output=True, text=True)
    if ran.stdout.startswith("unknown"):
        pytest.skip("the kernel does not list children")

    assert (ran.stdout, ran.stderr) == ("True 3\n", "")


GROWTH = """
from pathlib import Path
from ampt_cli import strays
from ampt_cli.surroundings import Surroundings

surroundings = Surroundings()
pages = []
for first in (0, 100_000):
    for seq in range(first, first + 100_000):
        surroundings.mark(strays.cookie(4711, 0, seq))
    pages.append(int(Path("/proc/self/statm").read_text().split()[1]))
print(pages[1] - pages[0])
"""


def test_naming_each_event_in_the_environment_costs_no_memory() -> None:
    ran = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 256
