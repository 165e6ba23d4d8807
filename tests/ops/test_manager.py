"""The units as ampt prints them, under a real manager: systemd itself."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ampt_cli import place
from tests.conftest import SCRIPT, RunAmpt

SYSTEMD = Path("/lib/systemd/systemd")
ROOT = Path(__file__).parents[2]
# It sees the machine's files and keeps what it writes to itself, but for what it is to share.
# Of the machine's own units and generators it has none: they would mount, sweep and set things.
OWN = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child")
BOOT = """
set -e
own=$1
shift
mount -t tmpfs none "$own"
mkdir "$own/upper" "$own/work" "$own/root"
mount -t overlay -o "lowerdir=/,upperdir=$own/upper,workdir=$own/work" none "$own/root"
cd "$own/root"
mount -t proc none proc
mount --bind -o ro proc/sys proc/sys
mount -t sysfs -o ro none sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs none run
mount --rbind /dev dev
for folder in usr/lib/systemd/system/*.wants usr/lib/systemd/system-generators etc/systemd/system; do
    mount -t tmpfs none "$folder"
done
ln -s /dev/null etc/systemd/system/tmp.mount
ln -s /lib/systemd/system/systemd-journald.service usr/lib/systemd/system/sysinit.target.wants/
for shared; do
    mkdir -p "./$shared"
    mount --bind "$shared" "./$shared"
done
mkdir run/old
pivot_root . run/old
umount -l run/old
exec env -i container=ampt-tests /lib/systemd/systemd --unit=basic.target --log-target=journal
"""
HANDLERS = """
import subprocess
VERSION = 1

@events.on("quick")
def quick(event: Event) -> None:
    print("version", VERSION)

@events.on("slow")
def slow(event: Event) -> None:
    open(event.body, "a").close()
    subprocess.run(["sleep", "2"], check=True)
"""
Inside = Callable[..., str]
Wait = Callable[[Callable[[], object], float], None]

pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture
def inside(tmp_path: Path, wait_until: Wait) -> Iterator[Inside]:
    """Run a command where a manager of its own is at work, and say what it printed."""
    if os.geteuid() != 0:
        pytest.skip("a manager needs root")
    if not SYSTEMD.exists() or not shutil.which("systemctl"):
        pytest.skip("systemd is not installed")
    shared = tmp_path / "shared"
    for folder in (tmp_path / "own", shared):
        folder.mkdir()
    folders = (tmp_path / "own", shared, Path(sys.prefix), ROOT)
    manager = subprocess.Popen(
        ["unshare", *OWN, "sh", "-c", BOOT, "sh", *folders],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    children = Path(f"/proc/{manager.pid}/task/{manager.pid}/children")

    def run(*argv: str | Path) -> str:
        enter = ["nsenter", "-t", children.read_text().strip(), "-m", "-p", "-n", "-u", "-i", "-C"]
        done = subprocess.run(
            [*enter, "-r", "-w", *argv], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done
        return done.stdout.strip()

    def is_up() -> bool:
        if manager.poll() is not None:
            assert manager.stderr is not None
            pytest.skip(f"no manager can be started here: {manager.stderr.read().strip()}")
        try:
            init = Path(f"/proc/{children.read_text().strip()}/comm").read_text("ascii")
            if init != "systemd\n":
                return False  # it sees what is the machine's still, and a manager of its own
            return run("systemctl", "is-active", "basic.target") == "active"
        except (AssertionError, FileNotFoundError):
            return False

    try:
        wait_until(is_up, 60)
        yield run
    finally:
        manager.kill()
        manager.communicate()


@pytest.fixture
def app(tmp_path: Path, inside: Inside, clean_env: dict[str, str]) -> Path:
    """The folder of an application, which the manager sees too: its handlers and its spool."""
    folder = tmp_path / "shared"
    (folder / "handlers.py").write_text(f"from ampt_cli import Event, events\n{HANDLERS}", "utf-8")
    clean_env["AMPT_SPOOL"] = str(folder / "spool")
    place.open_disk(clean_env["AMPT_SPOOL"], create=True).close()
    return folder


def enable(inside: Inside, app: Path, unit: str, *options: str, more: str = "") -> None:
    """Write the units, as docs/systemd.md says; `more` is of a drop-in. Start one."""
    folder = Path("/etc/systemd/system")
    asked = ["--handlers", app / "handlers.py", "--spool", app / "spool", "--output", folder]
    inside(SCRIPT, "unit", "--system", "--as", "root", *options, *asked)
    if more:
        inside("mkdir", f"{folder}/{unit}.d")
        inside("sh", "-c", f'echo "$1" > {folder}/{unit}.d/more.conf', "sh", more)
    inside("systemctl", "daemon-reload")
    inside("systemctl", "start", unit)


def shown(inside: Inside, what: str) -> str:
    """A property of the service."""
    return inside("systemctl", "show", "--value", "--property", what, "ampt.service")


def done(app: Path) -> int:
    """How many events are done."""
    return len([*app.glob("spool/done/*/*.json")])


def log(inside: Inside, *options: str) -> str:
    """What the journal has of the service."""
    return inside("journalctl", "--unit=ampt", "--output=cat", *options)


def test_a_service_imports_its_handlers_anew(
    inside: Inside, app: Path, run_ampt: RunAmpt, wait_until: Wait
) -> None:
    """It is started once it has some, reloaded once it has others, and keeps them for broken ones."""
    module = app / "handlers.py"
    code = module.read_text("utf-8")
    enable(inside, app, "ampt.service", "--watch")
    assert shown(inside, "StatusText").startswith("waiting for events")
    for count, text in enumerate((code, code.replace("1", "2"), "def ("), 1):
        module.write_text(text, "utf-8")
        inside("systemctl", "reload", "ampt")
        run_ampt("publish", "quick")
        wait_until(lambda: done(app) == count, 20)  # noqa: B023  it is over before the next

    printed = [line[-1] for line in log(inside).splitlines() if "| version" in line]
    assert printed == ["1", "2", "2"]
    assert shown(inside, "NRestarts") == "0"
    warnings = log(inside, "--priority=warning")
    assert "the handlers stay as they were: " in warnings
    assert "| version" not in warnings


def test_a_service_that_is_killed_or_stopped_at_work_loses_nothing(
    inside: Inside, app: Path, run_ampt: RunAmpt, wait_until: Wait
) -> None:
    """Killed, it is started again, and its event with it; told to stop, it waits for the handler.

    What handlers write where no drop-in lets them is an error of theirs.
    """
    begun = app / "own" / "begun"
    begun.parent.mkdir()
    drop_in = f"[Service]\nReadWritePaths={begun.parent}\nRestartSec=0"
    enable(inside, app, "ampt.service", "--watch", more=drop_in)
    run_ampt("publish", "slow", f'"{app / "elsewhere"}"')
    run_ampt("publish", "slow", f'"{begun}"')
    wait_until(begun.exists, 20)
    inside("systemctl", "kill", "--signal=KILL", "--kill-who=main", "ampt")
    begun.unlink()
    wait_until(begun.exists, 20)  # by the next runner
    assert shown(inside, "NRestarts") == "1"
    inside("systemctl", "stop", "ampt")

    assert done(app) == 1
    assert [*app.glob("spool/running/*")] == []
    assert (shown(inside, "ActiveState"), shown(inside, "Result")) == ("inactive", "success")
    assert ": attempt 1 interrupted: " in log(inside)
    failed = ": attempt 1 failed: OSError: [Errno 30] Read-only file system: "
    assert failed in log(inside, "--priority=warning")


def test_a_service_that_hangs_is_restarted_by_the_watchdog(
    inside: Inside, app: Path, run_ampt: RunAmpt, wait_until: Wait
) -> None:
    """It tells the manager that it is alive, often enough, and no more once it is stopped."""
    run_ampt("publish", "quick")
    enable(inside, app, "ampt.service", "--watch", more="[Service]\nWatchdogSec=1\nRestartSec=0")
    wait_until(lambda: done(app) == 1, 20)
    run_ampt("publish", "slow", f'"{app / "spool" / "begun"}"')
    wait_until(lambda: done(app) == 2, 20)  # two seconds: it would have been killed by now
    assert shown(inside, "NRestarts") == "0"
    inside("systemctl", "kill", "--signal=STOP", "--kill-who=main", "ampt")
    run_ampt("publish", "quick")
    wait_until(lambda: done(app) == 3, 20)

    assert shown(inside, "NRestarts") == "1"


def test_a_timer_starts_a_run_that_ends(
    inside: Inside, app: Path, run_ampt: RunAmpt, wait_until: Wait
) -> None:
    """Here every three seconds, and not each minute; what fails of a run is the service's failure."""
    run_ampt("publish", "quick")
    enable(inside, app, "ampt.timer", more="[Timer]\nOnCalendar=*:*:0/3")
    wait_until(lambda: done(app) == 1, 20)
    run_ampt("publish", "quick")
    wait_until(lambda: done(app) == 2, 20)
    wait_until(lambda: shown(inside, "ActiveState") == "inactive", 20)
    assert shown(inside, "Result") == "success"

    (app / "handlers.py").write_text("def (", "utf-8")
    run_ampt("publish", "quick")
    wait_until(lambda: shown(inside, "ActiveState") == "failed", 20)
    assert shown(inside, "ExecMainStatus") == "78"
