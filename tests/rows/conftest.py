"""What the tests of the rows ask for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rows.files import HANDLERS, bucket

TRACE = """
import os, time
@events.on("n")
def n(event):
    with open({trace!r}, "a") as file: file.write(f"{{event.id}} {{event.attempt}}\\n")
@events.on("slow", timeout=30_000)
def slow(event):
    n(event)
    while not os.path.exists({gate!r}): time.sleep(0.01)
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Where handlers write what they were called for."""
    return tmp_path / "trace"


@pytest.fixture
def calls(trace: Path) -> Callable[[], list[str]]:
    """What handlers were called for so far, `ID ATTEMPT` each.

    To wait for their file is to wait for too little: it is there before its first line.
    """

    def called() -> list[str]:
        return trace.read_text("utf-8").splitlines() if trace.exists() else []

    return called


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """What slow handlers wait for."""
    return tmp_path / "gate"


@pytest.fixture
def handlers(write_handlers, trace: Path, gate: Path) -> Path:
    """Handlers that leave a trace."""
    written: Path = write_handlers(TRACE.format(trace=str(trace), gate=str(gate)))
    return written


@pytest.fixture
def beside(run_ampt, write_handlers, spool_dir: Path) -> Callable[[], None]:
    """A good event is published now; the function that is given runs, and wants it handled."""
    handlers = write_handlers(HANDLERS)
    good = run_ampt("publish", "n").out.strip()

    def run() -> None:
        ended = run_ampt("run", "--handlers", handlers, timeout=30)
        assert ended.status in (0, 77), ended.err
        assert "Traceback" not in ended.err
        assert run_ampt("inspect", good, "--json").out.find('"state":"done"') > 0, ended.err

    bucket(spool_dir)
    return run
