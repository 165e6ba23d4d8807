"""The installed `ampt`, a spool for it, and handlers that leave traces outside the spool."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.faults.shim import Shim

HANDLERS = '''
"""Handlers that write what they did, in one append each, to a file outside the spool."""
import os
import time

from ampt_cli import GiveUp, events


def trace(word, event):
    line = f"{word} {event.id} {event.attempt} {os.getpid()} {time.monotonic_ns()}\\n"
    fd = os.open(os.environ["TRACES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, line.encode())
    os.close(fd)


@events.on("works")
def works(event, context):
    trace("start", event)
    trace("end", event)


@events.on("takes.a.while")
def takes_a_while(event, context):
    """Says every few milliseconds that it still runs, so that an overlap shows."""
    trace("start", event)
    for _ in range(int(os.environ.get("TICKS", "4"))):
        time.sleep(0.004)
        trace("tick", event)
    trace("end", event)


@events.on("fails.once")
def fails_once(event, context):
    trace("start", event)
    if event.attempt == 1:
        raise ValueError("the first attempt fails")
    trace("end", event)


@events.on("hangs.once", timeout=200)
def hangs_once(event, context):
    trace("start", event)
    if event.attempt == 1:
        time.sleep(60)
    trace("end", event)


@events.on("gives.up.once")
def gives_up_once(event, context):
    trace("start", event)
    if event.attempt == 1:
        raise GiveUp("the first attempt is hopeless")
    trace("end", event)


@events.on("fails")
def fails(event, context):
    trace("start", event)
    raise ValueError("every attempt fails")
'''


class Result(NamedTuple):
    """How a command ended; a negative status is the signal that ended it."""

    status: int
    out: str
    err: str


class Trace(NamedTuple):
    """A line that a handler wrote."""

    word: str
    id: str
    attempt: int
    pid: int
    at: int


def command() -> list[str]:
    """The `ampt` that is installed beside this Python, or `$AMPT_COMMAND`."""
    given = os.environ.get("AMPT_COMMAND")
    if given:
        return given.split()
    found = Path(sys.executable).with_name("ampt")
    return [str(found if found.exists() else shutil.which("ampt") or "ampt")]


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A private folder in memory where there is one; syncing costs nothing there."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="ampt-faults-", dir=memory) as folder:
        yield Path(folder).resolve()


class Program:
    """`ampt` with a spool, handlers and traces of its own, below `folder`."""

    def __init__(self, folder: Path, spool: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.spool = spool or folder / "spool"
        self.handlers = folder / "handlers.py"
        self.handlers.write_text(HANDLERS)
        self.traces_file = folder / "traces"
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("AMPT_")}
        self.env |= {
            "TRACES": str(self.traces_file),
            "HOME": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
        }
        self.command = command()
        self.publishers: set[int] = (
            set()
        )  # their process ids: what they print is an acknowledgement

    def argv(self, *args: str) -> list[str]:
        """The whole command line."""
        name, *rest = args
        if name in {"run", "call", "handlers"}:
            rest = ["--handlers", str(self.handlers), *rest]
        return [*self.command, name, "--spool", str(self.spool), *rest]

    def run(
        self,
        *args: str,
        shim: Shim | None = None,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command to its end."""
        process = self.start(*args, shim=shim, env=env)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += b"\n[stopped: it took too long]"
            return Result(-999, _text(out), _text(err))
        return Result(process.returncode, _text(out), _text(err))

    def start(
        self, *args: str, shim: Shim | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command."""
        given = {**self.env, **(env or {})}
        process = subprocess.Popen(
            self.argv(*args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=shim.env(given) if shim else given,
            cwd=self.folder,
        )
        if args[0] == "publish":
            self.publishers.add(process.pid)
        return process

    def publish(self, *args: str, shim: Shim | None = None) -> str:
        """Publish, which must succeed; the id."""
        result = self.run("publish", *args, shim=shim)
        assert result.status == 0, result
        return result.out.split()[0]

    def wait_for_the_dead(self, seconds: float = 5) -> None:
        """Wait until the workers of killed runners have ended too: they need a moment."""
        limit = time.monotonic() + seconds
        for file in self.spool.glob("running/*/workers"):
            while time.monotonic() < limit and not _is_free(file):
                time.sleep(0.005)

    def traces(self) -> list[Trace]:
        """What the handlers wrote."""
        if not self.traces_file.exists():
            return []
        found = []
        for line in self.traces_file.read_text().splitlines():
            word, id_, attempt, pid, at = line.split()
            found.append(Trace(word, id_, int(attempt), int(pid), int(at)))
        return found


def _is_free(file: Path) -> bool:
    try:
        with open(file, "rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")
