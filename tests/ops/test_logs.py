"""What a run writes to stderr, for a terminal, for the journal, and as JSON."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ampt_cli import printing
from tests.conftest import SCRIPT, RunAmpt

HANDLERS = """
from ampt_cli import GiveUp
@events.on("good")
def good(event): print("one\\x1b[2J\\ntwo")
@events.on("bad")
def bad(event): raise GiveUp("no")
@events.on("later")
def later(event): raise OSError("not\\nnow")
"""
Journaled = Callable[..., list[str]]


@pytest.fixture
def journaled(clean_env: dict[str, str]) -> Journaled:
    """Run ampt as systemd does, with stderr on a socket of the journal; the lines it wrote."""

    def run(*args: str | Path) -> list[str]:
        ours, theirs = socket.socketpair()
        at = os.fstat(theirs.fileno())
        env = {**clean_env, "JOURNAL_STREAM": f"{at.st_dev}:{at.st_ino}"}
        subprocess.run(
            [SCRIPT, *map(str, args)], env=env, stderr=theirs.fileno(), cwd="/", timeout=60
        )
        theirs.close()
        with ours, ours.makefile(encoding="utf-8") as file:
            return file.read().splitlines()

    return run


@pytest.fixture
def module(run_ampt: RunAmpt, write_handlers: Callable[[str], Path]) -> Path:
    """Handlers, and an event for each of them."""
    for name in ("good", "bad", "later"):
        run_ampt("publish", name)
    return write_handlers(HANDLERS)


def test_the_journal_is_told_how_grave_each_line_is(journaled: Journaled, module: Path) -> None:
    """sd-daemon(3): <3> error, <4> warning, <6> information. Its reader takes them off."""
    lines = journaled("run", "-v", "-m", module)
    told = [re.sub(r" [0-9a-f]{26}", "", line).split(";")[0] for line in lines]

    assert sorted(told) == [
        "<3>bad: attempt 1 failed: GiveUp: no",
        "<4>later: attempt 1 failed: OSError: not now",
        "<6>good: attempt 1 succeeded",
        "<6>good| one\\u001b[2J",
        "<6>good| two",
    ]


def test_what_stops_a_run_is_an_error_in_the_journal_line_by_line(
    journaled: Journaled, module: Path
) -> None:
    """With the traceback of handlers that cannot be imported."""
    module.write_text("def f():\n    raise OSError('no such thing')\nf()\n", encoding="utf-8")
    lines = journaled("run", "-m", module)

    assert [line[:3] for line in lines] == ["<3>"] * len(lines)
    assert lines[0].startswith(f"<3>cannot import the handlers {module}: OSError: no such thing")
    assert any("raise OSError" in line for line in lines)


@pytest.mark.parametrize("journal", [False, True])
def test_every_line_is_an_object_with_json(
    journal: bool, journaled: Journaled, run_ampt: RunAmpt, module: Path
) -> None:
    """What stops a run, too. The journal's priority stands before it, and is taken off there."""
    how = ("run", "-v", "-m", module, "--log-format", "json")
    lines = journaled(*how) if journal else run_ampt(*how).err.splitlines()
    module.write_text("raise OSError('no such thing')\n", encoding="utf-8")
    run_ampt("publish", "good")
    lines += journaled(*how) if journal else run_ampt(*how).err.splitlines()
    read = [json.loads(line[3 if journal else 0 :]) for line in lines]
    last = read[-1]

    assert not journal or [line[:3] for line in lines] == [f"<{one['priority']}>" for one in read]
    assert sorted((one["event"], one["priority"]) for one in read) == [
        *(("attempt", 3), ("attempt", 4), ("attempt", 6), ("output", 6), ("output", 6)),
        ("problem", 3),
    ]
    assert last["text"].startswith(f"cannot import the handlers {module}")
    assert (last["status"], "no such thing" in last["traceback"]) == (78, True)


def test_only_what_goes_to_the_journal_has_a_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """JOURNAL_STREAM is inherited by what a service starts, wherever that writes."""
    at = os.fstat(2)
    streams = [
        *(f"{at.st_dev}:{at.st_ino}", f"{at.st_dev}:{at.st_ino + 1}"),
        *(f"{at.st_dev + 1}:{at.st_ino}", "nonsense", ""),
    ]
    told = []
    for stream in streams:
        monkeypatch.setenv("JOURNAL_STREAM", stream)
        told.append(printing.told_journal(printing.ERROR))
    monkeypatch.delenv("JOURNAL_STREAM")

    assert told == ["<3>", "", "", "", ""]
    assert printing.told_journal(printing.ERROR) == ""


def test_a_closed_stderr_is_not_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be said there, and nothing is raised."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    held = os.dup(2)
    os.close(2)
    try:
        told = printing.told_journal(printing.ERROR)
    finally:
        os.dup2(held, 2)
        os.close(held)

    assert told == ""
