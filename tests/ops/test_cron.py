"""The line for crontab, run by a real cron."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import RunAmpt

# In namespaces of its own: cron finds no crontab but ours there, and what it writes is
# gone with it. $1 is a file, the crontab is read from stdin.
PRIVATE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
CRON = """
set -e
mount -t tmpfs -o mode=1730 none /var/spool/cron/crontabs
mount -t tmpfs none /run
mount -t tmpfs none /etc/cron.d
mount --bind "$1" /etc/crontab
crontab -
exec cron -f </dev/null
"""
HANDLERS = """
import os, time
@events.on("slow")
def slow(event):
    with open(event.body, "a") as file:
        print(os.getppid(), os.environ["LOGNAME"], os.getcwd(), file=file)
    time.sleep(1)
"""


@pytest.fixture
def start_cron(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start cron with a crontab of its own; it is ended after the test, with all it began."""
    started: list[subprocess.Popen[str]] = []
    if os.geteuid() != 0:
        pytest.skip("cron needs root")
    if missing := [name for name in ("cron", "crontab", "unshare") if not shutil.which(name)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if subprocess.run([*PRIVATE, "true"], capture_output=True).returncode:
        pytest.skip("namespaces are not allowed here")

    def start(crontab: str) -> subprocess.Popen[str]:
        empty = tmp_path / "empty"
        empty.touch(mode=0o600)
        argv = [*PRIVATE, "sh", "-c", CRON, "sh", str(empty)]
        cron = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(cron)
        assert cron.stdin is not None
        cron.stdin.write(crontab)
        cron.stdin.close()
        cron.stdin = None
        return cron

    yield start
    for cron in started:
        os.killpg(cron.pid, signal.SIGKILL)
        cron.communicate()


@pytest.mark.slow
@pytest.mark.root
def test_cron_runs_what_is_due_and_runs_do_not_pile_up(
    start_cron: Callable[[str], subprocess.Popen[str]],
    run_ampt: RunAmpt,
    tmp_path: Path,
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    """The same line twice is what a second minute is while the first one's run is at work.

    A minute of cron is waited for. Percent signs, backslashes and spaces are in every path.
    """
    folder = tmp_path / r"100% sp \\ace \%"
    folder.mkdir()
    (folder / "handlers.py").write_text(f"from ampt_cli import events\n{HANDLERS}", "utf-8")
    (folder / "ampt.toml").write_text('handlers = "handlers.py"\nspool = "spool"\n', "utf-8")
    (folder / "ampt.toml").chmod(0o600)
    here = {"AMPT_SPOOL": None}
    for _ in range(3):
        run_ampt("publish", "slow", json.dumps(str(folder / "log")), cwd=folder, env=here)
    line = run_ampt("unit", "--cron", cwd=folder, env=here).out
    cron = start_cron(line * 2)
    wait_until(
        lambda: cron.poll() is not None or len([*folder.glob("spool/done/*/*.json")]) == 3, 80
    )
    assert cron.poll() is None, cron.communicate()[1]
    ran = (folder / "log").read_text(encoding="utf-8").splitlines()

    assert len(ran) == 3
    assert len(set(ran)) == 1
    assert ran[0].endswith(f" root {Path('~root').expanduser()}")
