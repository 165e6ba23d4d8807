"""What the units forbid is nothing that a run needs."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SCRIPT, RunAmpt

HANDLERS = """
import asyncio, socket, subprocess, time
@events.on("plain")
async def plain(event):
    print("printed", await asyncio.to_thread(subprocess.check_output, ["true"]))
    with socket.socket() as made: made.bind(("127.0.0.1", 0))
@events.on("slow", timeout=300)
def slow(event):
    subprocess.Popen(["sleep", "60"], start_new_session=True)
    while True:
        try: time.sleep(60)
        except Exception: pass
@events.on("last")
def last(event): pass
"""


def allowed(names: str) -> set[str]:
    """The system calls of a group of systemd's, and of the groups in it."""
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", names], capture_output=True, text=True
    ).stdout
    found = {line.strip() for line in said.splitlines()[1:] if not line.strip().startswith("#")}
    return {call for name in found for call in (allowed(name) if name[:1] == "@" else {name})}


@pytest.mark.slow
def test_a_run_makes_no_system_call_that_the_units_forbid(
    run_ampt: RunAmpt,
    write_handlers: Callable[[str], Path],
    clean_env: dict[str, str],
    tmp_path: Path,
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    """systemd would kill it. All that a runner does: claim, time out, import anew, stop."""
    if missing := [name for name in ("systemd-analyze", "strace") if not shutil.which(name)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    for name in ("plain", "slow"):
        run_ampt("publish", name)
    module = write_handlers(HANDLERS)
    of_system = run_ampt("unit", "--system", "--watch", "-m", module).out
    of_user = run_ampt("unit", "--user", "--watch", "-m", module).out
    [group] = re.findall(r"^SystemCallFilter=(.*)$", of_system, re.M)
    trace = tmp_path / "trace"
    runner = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", trace, SCRIPT, "run", "--watch", "-m", module],
        env={**clean_env, "NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "1000000"},
        stderr=subprocess.DEVNULL,
    )
    spool = Path(clean_env["AMPT_SPOOL"])
    try:
        wait_until(lambda: len([*spool.glob("done/*/*.json")]) == 1, 60)
        wait_until(lambda: len([*spool.glob("retry/*/*/*.json")]) == 1, 60)
        pid = int(trace.read_text("utf-8", "replace").split(" ", 1)[0])  # what strace has begun
        os.kill(pid, signal.SIGHUP)
        run_ampt("publish", "last")
        wait_until(lambda: len([*spool.glob("done/*/*.json")]) == 2, 60)
        os.kill(pid, signal.SIGTERM)
        assert runner.wait(60) == 0
    finally:
        runner.kill()
        runner.wait()
    told = trace.read_text("utf-8", "replace")
    made = set(re.findall(r"^\d+ +(\w+)\(", told, re.M))
    families = set(re.findall(r"socket(?:pair)?\((AF_\w+)", told))

    assert {"flock", "prctl", "kill", "sendto"} <= made
    assert made - allowed(group) == set()
    assert {"AF_UNIX", "AF_INET"} == families
    for unit in (of_system, of_user):
        assert f"\nSystemCallFilter={group}\n" in unit
        assert families <= set(re.findall(r"^RestrictAddressFamilies=(.*)$", unit, re.M)[0].split())


def test_a_run_writes_nowhere_but_in_the_spool(
    run_ampt: RunAmpt,
    write_handlers: Callable[[str], Path],
    clean_env: dict[str, str],
    tmp_path: Path,
) -> None:
    """As ProtectSystem=strict, ReadWritePaths= and PrivateDevices= have it; what is beside the spool is closed, too."""
    spool = clean_env["AMPT_SPOOL"]
    closed = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--chdir", "/"]
    if shutil.which("bwrap") is None or subprocess.run([*closed, "true"]).returncode:
        pytest.skip("bwrap is not installed, or not allowed to work")
    new = str(tmp_path / "new")
    module = write_handlers(f'@events.on("n")\ndef n(event):\n    open({new!r}, "w")\n')
    id_ = run_ampt("publish", "n").out.strip()
    ran = subprocess.run(
        [*closed, "--bind", spool, spool, SCRIPT, "run", "-m", module],
        env={name: value for name, value in clean_env.items() if "COVERAGE" not in name},
        capture_output=True,
        text=True,
    )
    [tried] = Path(spool).glob("retry/*/*/*.json")

    assert ran.returncode == 0
    assert re.fullmatch(rf"ampt: n {id_}: .*Read-only file system.*\n", ran.stderr), ran.stderr
    assert id_ in tried.name
    assert run_ampt("check").status == 0
