"""What a run does without that other systems, and other builds of Python, do not have."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunAmpt

# Of what the modules of Python have here, and have not on macOS; 51 is F_FULLFSYNC.
MACOS = """
import ctypes, fcntl, os, resource, select, sys
synced = [0]
whole = fcntl.fcntl
def fully(fd, what, *more):
    if what != 51: return whole(fd, what, *more)
    synced[0] += 1
def refuse(fd): raise OSError("this is not all that a disk can do")
sys.platform, fcntl.fcntl, os.fsync = "darwin", fully, refuse
for module in fcntl, os, resource, select:
    for name in sys.argv.pop(1).split():
        if hasattr(module, name): delattr(module, name)
ctypes.CDLL = lambda *_, **__: None  # no call of Linux alone
from ampt_cli.commands import publish, run
sys.argv.pop(0)
status = {"publish": publish, "run": run}[sys.argv.pop(0)].main(sys.argv)
print("synced", bool(synced[0]))
sys.exit(status)
"""
LACKING = (
    "F_SETPIPE_SZ F_GETPIPE_SZ",
    "O_DIRECT O_NOATIME O_PATH O_TMPFILE O_RSYNC copy_file_range eventfd fdatasync memfd_create "
    "pidfd_open pipe2 posix_fadvise posix_fallocate sched_getaffinity sched_getscheduler "
    "sched_setaffinity sched_setscheduler getresuid setresgid setresuid splice",
    "RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME RLIMIT_SIGPENDING prlimit",
    "epoll",
)
HANDLERS = """
import os, time
@events.on("n")
def n(event): print("ran")
@events.on("slow", timeout=100)
def slow(event): time.sleep(50)
@events.on("die")
def die(event): os._exit(3)
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_macos_lacks_is_not_needed(
    jobs: str, run_ampt: RunAmpt, clean_env: dict[str, str], spool_dir: Path, write_handlers
) -> None:
    """Handlers are run, timed out and survived; and a sync is one that reaches the disk."""

    def ampt(*argv: str, body: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", MACOS, *LACKING, *argv],
            env=clean_env,
            input=body,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    handlers = write_handlers(HANDLERS)
    published = ampt("publish", "slow"), ampt("publish", "die", "--id", "mine")
    batch = ampt("publish", "--batch", "-", body='{"name":"n"}\n' * 50)
    ran = ampt("run", "-m", str(handlers), "--jobs", jobs)
    told = "\n".join(
        path.read_text(encoding="utf-8") for path in spool_dir.glob("retry/*/*/*.json")
    )

    assert [one.stdout.endswith("synced True\n") for one in (*published, batch, ran)] == [True] * 4
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 50
    assert ran.stderr.count("| ran") == 50
    assert "timed out after 0.1 s" in told
    assert "exited with status 3" in told
    assert run_ampt("check").status == 0


def test_a_c_library_that_knows_no_schedulers_is_enough(run_ampt, write_handlers) -> None:
    """That of Alpine Linux (musl) refuses to say which there is: each worker ended for it."""
    handlers = write_handlers(
        """
import errno, os
def refuse(pid): raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
os.sched_getscheduler = refuse
@events.on("n")
def n(event):
    os.nice(1)
    print("ran")
"""
    )
    run_ampt("publish", "n")
    run_ampt("publish", "n")
    ran = run_ampt("run", "-m", handlers)

    assert (ran.status, ran.err.count("| ran")) == (0, 2), ran.err


def test_a_python_without_ctypes_is_enough(run_ampt, write_handlers, tmp_path: Path) -> None:
    """As one is that was built where libffi is not: it renames and syncs without those calls."""
    handlers = write_handlers("@events.on('n')\ndef n(event): print('ran')\n")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "_ctypes.py").write_text("raise ImportError", encoding="utf-8")
    env = {"PYTHONPATH": str(tmp_path / "without")}
    run_ampt("publish", "--batch", "-", stdin='{"name":"n"}\n' * 100, env=env)
    ran = run_ampt("run", "-m", handlers, env=env)

    assert (ran.status, ran.err.count("| ran")) == (0, 100), ran.err
    assert run_ampt("check", env=env).status == 0
