"""Whatever events contain, no command sends it raw to a terminal, a log, or another program."""

import json
import os
import pty
import re
import subprocess
import unicodedata
from pathlib import Path

import pytest

from ampt_cli import printing
from ampt_cli.commands import tree
from tests.conftest import SCRIPT, changed
from tests.rows.files import put

pytestmark = pytest.mark.slow

NAME = "\u202eevil \u2066name\u2028\u061c\u200f"
EVIL = (
    "\x1b]0;title\x07 \x1b[2J \r over \u202e evil \u2066 \u2028 \u200e \u200f \x9b31m \x7f \ufeff"
)
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
COLOUR = re.compile("\x1b\\[[0-9;]*m|\r\n")  # what a terminal may be sent
HANDLERS = f"""
@events.on({NAME!a})
def noisy(event):
    if event.id == "due":  # what it prints under `ampt call` is between it and the terminal
        print({EVIL!a})
    raise ValueError({EVIL!a})
@events.on({NAME!a})
def other(event): pass
noisy.__qualname__ = {EVIL!a}
events.on("again", noisy)
"""
COMMANDS: dict[str, list[list[str]]] = {
    "publish": [[NAME, "--json"], [NAME, "{" + EVIL[:6]], [EVIL], [NAME, "--after", EVIL]],
    "run": [["--dry-run"], ["--verbose", "--log-format", "json"], ["--handlers", EVIL]],
    "inspect": [[], ["dead"], ["dead", "--json"], ["--state", "dead"], ["--state", "dead", "--json"],
                ["--group-by", "error", "--state", "dead"], ["--state", "quarantine"],
                ["--state", "quarantine", "--json"], ["dead", "--follow"], ["--json"], [EVIL]],
    "retry": [["dead", "--dry-run"], ["dead", "--dry-run", "--json"], [EVIL]],
    "cancel": [["waits", "--dry-run"], ["waits", "--dry-run", "--json"], [EVIL]],
    "move": [["waits", "--after", "2 hours", "--json"], ["waits", "--after", EVIL]],
    "call": [["--id", "dead"], [NAME, "{" + EVIL[:6]]],
    "handlers": [[], ["--json"]],
    "prune": [["--dry-run", "--json"], [EVIL]],
    "check": [["--json"], []],
    "unit": [["--cron"], ["--user", EVIL], [EVIL]],
    "metrics": [[]],
    "init": [[EVIL], ["--spool", "\u202eelsewhere"]],
}  # fmt: skip
CASES = [(name, *arguments) for name, listed in COMMANDS.items() for arguments in listed]


@pytest.fixture
def spool(run_ampt, write_handlers, spool_dir: Path) -> Path:
    """A dead letter, an event that waits, one in quarantine, a stray; the handlers module."""
    quiet = write_handlers(HANDLERS.replace("raise ValueError", "raise GiveUp"))
    quiet.write_text("from ampt_cli import GiveUp\n" + quiet.read_text("utf-8"), encoding="utf-8")
    run_ampt("publish", NAME, "--text", EVIL, "--id", "dead")
    bucket = next(spool_dir.glob("pending/*/*"))
    put(spool_dir, EVIL.encode() + b"\n", "20261124T080000000Z.bad.a0.n.json", bucket)
    put(spool_dir, b"", f"stray{EVIL}\n", bucket)
    assert run_ampt("run", "--handlers", quiet).status == 0
    run_ampt("publish", NAME, "--text", EVIL, "--id", "waits", "--after", "1 hour")
    run_ampt("publish", NAME, "--text", EVIL, "--id", "due")
    assert "dead" in run_ampt("inspect", "dead").out
    written: Path = write_handlers(HANDLERS)
    return written


def argv(command: str, arguments: list[str], handlers: Path) -> list[str]:
    """With the handlers, where the command takes them."""
    takes = command in {"run", "call", "handlers"} and "--handlers" not in arguments
    return [command, *arguments, *(["--handlers", str(handlers)] if takes else [])]


def test_every_command_is_tried() -> None:
    """A new one has to be."""
    assert set(tree.COMMANDS) == set(COMMANDS)


@pytest.mark.rule(8)
def test_no_command_sends_control_or_bidi_characters_to_a_pipe(spool: Path, run_ampt) -> None:
    """As text and as JSON, in results and in errors; and lines stay lines."""
    documents = 0
    for command, *arguments in CASES:
        ran = run_ampt(*argv(command, arguments, spool))

        assert not RAW.search(ran.out + ran.err), (command, arguments, ran)
        assert "Traceback" not in ran.err or command == "call"
        if "--json" in arguments:
            documents += len([json.loads(line) for line in ran.out.splitlines()])

    assert documents > 9


@pytest.mark.rule(8)
def test_no_command_sends_them_to_a_terminal(spool: Path, clean_env, run_ampt) -> None:
    """Where there is colour, there is nothing else."""
    for command, *arguments in CASES:
        if "--follow" in arguments:
            continue  # it draws on a screen of its own; tests/cli/test_inspect.py looks at it
        said = on_terminal(clean_env, argv(command, arguments, spool), spool.parent / "cwd")

        assert not RAW.search(COLOUR.sub("\n", said)), (command, arguments, said)


def on_terminal(env: dict[str, str], arguments: list[str], folder: Path) -> str:
    """What is sent to a terminal."""
    main, side = pty.openpty()
    sized = changed(env, {"TERM": "xterm-256color", "COLUMNS": "100"})
    with subprocess.Popen(
        [SCRIPT, *arguments], env=sized, stdin=side, stdout=side, stderr=side, cwd=folder
    ) as process:
        os.close(side)
        said = b""
        try:
            while chunk := os.read(main, 65_536):
                said += chunk
        except OSError:
            pass  # Linux says EIO when the other end is closed
        process.wait(20)
    os.close(main)
    return said.decode()


@pytest.mark.rule(8)
def test_a_character_is_hidden_by_what_unicode_says_of_it() -> None:
    """Controls, ends of lines, halves of pairs, and what turns the direction; nothing else."""
    turns = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    ended = {"Cc", "Cs", "Zl", "Zp"}
    shown = {char: printing.safe(char) for char in map(chr, range(0x1_1000))}

    assert {char for char, text in shown.items() if text != char} == {
        char
        for char in shown
        if unicodedata.category(char) in ended
        or unicodedata.bidirectional(char) in turns
        or char in "\u061c\u200e\u200f\ufeff"
    }
    assert shown["\x1b"] == "\\u001b"


@pytest.mark.rule(8)
@pytest.mark.parametrize("what", ["ids", "names"])
def test_a_shell_is_offered_no_such_word(what: str, spool: Path, run_ampt) -> None:
    """A name with such a character cannot be typed either; ids are offered with it escaped."""
    offered = run_ampt("--complete", what, "inspect", "")

    assert not RAW.search(offered.out)
    assert ("dead" in offered.out) == (what == "ids")


@pytest.mark.rule(8)
def test_a_metric_has_no_such_label_and_no_series_twice(spool: Path, run_ampt) -> None:
    """A name that looks like another one, escaped, is counted with it."""
    run_ampt("publish", "\\u202e", "--after", "1 day")
    run_ampt("publish", "\u202e", "--after", "1 day")

    lines = run_ampt("metrics").out.splitlines()
    series = [line.rpartition(" ")[0] for line in lines if line[0] != "#"]
    assert len(series) == len(set(series))
    assert 'ampt_events{state="pending",name="\\\\u202e"} 2' in lines
