"""What every test may ask for: a spool of its own, and the installed command."""

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from hypothesis import HealthCheck, settings

from ampt_cli import place
from ampt_cli.fsio import Disk

SCRIPT = Path(sysconfig.get_path("scripts"), "ampt")

# Of the tester's environment a command sees nothing that could change what it
# does, but how coverage is measured.
FOREIGN = (
    *("AMPT_", "HOME", "XDG_", "PYTHON", "TZ", "LANG", "LC_", "CI"),
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "TERM", "COLUMNS", "LINES"),
    *("NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"),
)

# Root is not stopped by a file's mode. Without these capabilities it is, so that
# tests of lost permissions test something as root too.
POWERS = "-dac_override,-dac_read_search"

# Commands inherit what is ignored; in the background of a shell that is Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# deadline: a busy machine is slow, and that is no finding.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "fuzz", deadline=None, max_examples=20_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "default")


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


class RunAmpt(Protocol):
    """Run `ampt` to its end."""

    def __call__(
        self,
        *args: str | Path,
        stdin: str | bytes = "",
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
        powerless: bool = False,
    ) -> Ran:
        """`env` is added to the clean one, None removes; `powerless` obeys file modes as root."""


class StartAmpt(Protocol):
    """Start `ampt` in a session of its own; it is killed after the test."""

    def __call__(
        self, *args: str | Path, env: Mapping[str, str | None] | None = None
    ) -> subprocess.Popen[str]:
        """`env` as in `run_ampt`."""


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    """Where this test's spool is, or will be: nothing exists there yet."""
    return tmp_path / "spool"


@pytest.fixture
def disk(spool_dir: Path) -> Disk:
    """A fresh spool, open."""
    return place.open_disk(str(spool_dir), create=True)


@pytest.fixture
def clean_env(tmp_path: Path, spool_dir: Path) -> dict[str, str]:
    """The environment of a user who has set nothing but this test's spool."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    home = tmp_path / "home"
    home.mkdir()
    env.update(HOME=str(home), AMPT_SPOOL=str(spool_dir), LC_ALL="C.UTF-8", TZ="UTC")
    return env


@pytest.fixture
def run_ampt(tmp_path: Path, clean_env: dict[str, str]) -> RunAmpt:
    """Run the `ampt` that is installed beside this Python, in an empty folder."""
    folder = tmp_path / "cwd"
    folder.mkdir()

    def run(
        *args: str | Path,
        stdin: str | bytes = "",
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
        powerless: bool = False,
    ) -> Ran:
        ended = subprocess.run(
            [*(drop_powers() if powerless else []), SCRIPT, *args],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=changed(clean_env, env),
            cwd=cwd or folder,
            timeout=timeout,
            capture_output=True,
            check=False,
        )
        return Ran(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run


@pytest.fixture
def start_ampt(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[StartAmpt]:
    """Start commands that stay, such as `ampt run --watch`."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *args: str | Path, env: Mapping[str, str | None] | None = None
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [SCRIPT, *args],
            env=changed(clean_env, env),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object], float], None]:
    """Wait for something that can be seen; fail when it does not come."""

    def wait(seen: Callable[[], object], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > end:
                pytest.fail(f"not seen within {seconds} seconds")
            time.sleep(0.005)

    return wait


@pytest.fixture
def write_handlers(tmp_path: Path) -> Callable[[str], Path]:
    """Write a handlers module whose first lines are there already."""

    def write(code: str) -> Path:
        path = tmp_path / "handlers.py"
        head = "from ampt_cli import Context, Event, events\n\n"
        path.write_text(head + code, encoding="utf-8")
        return path

    return write


def changed(env: dict[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """`env` with `changes`, of which None removes."""
    both: dict[str, str | None] = {**env, **(changes or {})}
    return {name: value for name, value in both.items() if value is not None}


def drop_powers() -> list[str]:
    """What to put before a command that is to obey file modes."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("as root this needs setpriv, to obey file modes")
    return ["setpriv", f"--bounding-set={POWERS}", f"--inh-caps={POWERS}", "--"]


def pytest_configure(config: pytest.Config) -> None:
    """Stop before the first test when there is no command to test."""
    if not SCRIPT.exists():
        pytest.exit(f"{SCRIPT} is missing: use `make test`, or pip install -e .", returncode=2)
