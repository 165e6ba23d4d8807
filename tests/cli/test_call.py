"""`ampt call`: handlers in the foreground."""

import json
import re
import signal
from pathlib import Path

import pytest

from tests.conftest import RunAmpt, StartAmpt

HANDLERS = """
import time
from ampt_cli import RetryLater

@events.on("shows")
def shows(event: Event, context: Context) -> None:
    print(event.attempt, context.attempt, context.timeout, event.body)

@events.on("waits")
def waits(event: Event) -> None:
    print("waiting", flush=True)
    while True: time.sleep(0.01)  # a signal may come just before one of them

@events.on("waits")
def never(event: Event) -> None:
    print("never called")

@events.on("stops")
def stops(event: Event) -> None:
    breakpoint()
    print("went on")

@events.on("exits")
def exits(event: Event) -> None:
    raise SystemExit("why")

@events.on("closes")
def closes(event: Event) -> None:
    import sys
    sys.stdout.close()

@events.on("leaves")  # as pdb does from Python 3.14 on, at `q`
def leaves(event: Event) -> None:
    exec("raise SystemExit", {"__name__": "pdb"})

@events.on("later")
def later(event: Event) -> None:
    raise RetryLater(after="soon")
"""


@pytest.fixture
def call(run_ampt: RunAmpt, write_handlers):
    """Run `ampt call` with these handlers."""
    path = write_handlers(HANDLERS)
    return lambda *arguments, **more: run_ampt("call", *arguments, "-m", path, **more)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], "None"),
        (["5"], "5"),
        (["-5"], "-5"),
        (["--text", "5x"], "5x"),
        (["-f", "a=1", "-f", "b:=[2]"], "{'a': '1', 'b': [2]}"),
        (["-"], "{'from': 'stdin'}"),
        (["@file"], "{'from': 'file'}"),
    ],
)
def test_a_body_is_said_as_to_publish(
    arguments: list[str], shown: str, call, tmp_path: Path, spool_dir: Path
) -> None:
    """In every form, and nothing is written."""
    (tmp_path / "cwd" / "file").write_text('{"from": "file"}', encoding="utf-8")
    called = call("shows", *arguments, stdin='{"from": "stdin"}')

    assert called.out.splitlines()[0] == f"1 1 5000 {shown}"
    assert not spool_dir.exists()


def test_an_event_that_waits_is_called_as_its_next_attempt(
    call, run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """And afterwards it waits as before; the default timeout is that of the settings."""
    (tmp_path / "cwd" / "ampt.toml").write_text('timeout = "7 seconds"\n', encoding="utf-8")
    id_ = run_ampt("publish", "shows", "1", "--after", "1 day").out.strip()
    before = run_ampt("inspect", id_, "--json").out

    assert call("--id", id_[:8]).out.splitlines()[0] == "1 1 7000 1"
    assert '"attempt":0' in run_ampt("inspect", id_, "--json").out
    assert (
        before.partition("explanation")[0]
        == (run_ampt("inspect", id_, "--json").out.partition("explanation")[0])
    )


def test_an_event_that_is_done_is_called_as_its_last_attempt(
    call, run_ampt: RunAmpt, write_handlers
) -> None:
    """There is no next one."""
    id_ = run_ampt("publish", "shows", "1").out.strip()
    run_ampt("run", "-m", write_handlers(HANDLERS))

    assert call("--id", id_).out.splitlines()[0] == "1 1 5000 1"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "call takes a NAME, or --id"),
        (["shows", "--id", "a"], 2, "give a NAME and its body, or --id, not both"),
        (["--id", "a", "-f", "a=1"], 2, "give a NAME and its body, or --id, not both"),
        (["--id", "a", "--text"], 2, "give a NAME and its body, or --id, not both"),
        (["--id", "a"], 3, "there is no"),
        (["shows", "{"], 2, "the body is no JSON"),
        (["nothing"], 1, "no handler is registered for 'nothing'; see: ampt handlers"),
    ],
)
def test_what_cannot_be_called_is_one_line(arguments, status: int, said: str, call) -> None:
    """With the status that says why."""
    called = call(*arguments)

    assert (called.status, called.out, called.err.count("\n")) == (status, "", 1)
    assert said in called.err


def test_what_is_to_be_called_is_asked_for_before_any_handlers(run_ampt: RunAmpt) -> None:
    """It is a fault of the call, whatever is configured."""
    called = run_ampt("call", "-m", "no_such_module")

    assert (called.status, called.err.count("call takes a NAME, or --id")) == (2, 1)


def test_the_debugger_goes_on_and_can_be_left(call) -> None:
    """`c` goes on, `q` ends it without a traceback of the debugger's own."""
    assert "went on" in call("stops", stdin="c\n").out
    left = call("stops", stdin="q\n")

    assert (left.status, left.err) == (1, "")


def test_a_handler_may_close_stdout(call) -> None:
    """What became of it is told all the same."""
    closed = call("closes")

    assert (closed.status, closed.err) == (0, "")
    assert closed.out.startswith("handlers:closes: succeeded in ")


def test_an_event_that_cannot_be_read_cannot_be_called(
    call, run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """One line says what is wrong with it; it stays where it is."""
    run_ampt("publish", "shows", "--id", "torn", "--after", "1 day")
    [entry] = spool_dir.glob("pending/*/*/*.json")
    entry.write_bytes(b"{")

    assert call("--id", "torn") == (
        1,
        "",
        "ampt: the event torn cannot be read: incomplete: the first line has no end\n",
    )
    assert entry.exists()


def test_only_the_exit_of_a_debugger_ends_it_without_a_word(call) -> None:
    """One of a handler is a failure, as in a run."""
    exited = call("exits")

    assert exited.status == 1
    assert re.search("exits: failed in [0-9.]+ ms: SystemExit: why\n", exited.out)
    assert call("leaves") == (1, "", "")


def test_an_interrupt_ends_it(start_ampt: StartAmpt, write_handlers) -> None:
    """The next handler is not called; 130, as after any Ctrl-C."""
    process = start_ampt("call", "waits", "-m", write_handlers(HANDLERS))
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err) == (130, "", "")


def test_names_that_wait_without_a_handler_are_shown_in_json(
    run_ampt: RunAmpt, write_handlers
) -> None:
    """As they are in text, and in their order; what is done waits for nobody."""
    names = ["nobody-1", "nobody-2", "nobody-3", "nobody-4"]
    for name in (*reversed(names), "shows", "gone"):
        run_ampt("publish", name)
    run_ampt("cancel", "--name", "gone")
    path = write_handlers(HANDLERS)
    shown = run_ampt("handlers", "-m", path, "--json").out.splitlines()

    assert shown[8:] == [
        f'{{"v":1,"name":"{name}","handler":null,"timeout":null,"where":null}}' for name in names
    ]
    assert run_ampt("handlers", "-m", path).out.splitlines()[-4:] == [
        f"no handler: {name}" for name in names
    ]


def test_a_timeout_that_no_handler_has_is_shown_as_it_is_set(
    run_ampt: RunAmpt, write_handlers, tmp_path: Path
) -> None:
    """In text and in JSON; a handler's own stands before it."""
    (tmp_path / "cwd" / "ampt.toml").write_text('timeout = "7 seconds"\n', encoding="utf-8")
    path = write_handlers("events.on('a', print)\nevents.on('b', print, timeout=100)\n")
    lines = run_ampt("handlers", "-m", path, "--json").out.splitlines()
    shown = run_ampt("handlers", "-m", path).out

    assert [json.loads(line)["timeout"] for line in lines] == [7000, 100]
    assert re.findall("[0-9.]+ s", shown) == ["7 s", "0.1 s"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("import nope", "ModuleNotFoundError: No module named 'nope'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (r"raise ValueError('\x1b[31m')", r"ValueError: \u001b[31m"),
        (
            "events.on('n', print, timeout=60_001)",
            "a timeout of 60,001 ms is more than 60,000 ms; ",
        ),
        ("events.on('n', print, timeout=2.5)", "cannot read the duration 2.5; for example 5000"),
        ("events.on('n', print, retry_every=0)", "retry_every must be more than zero, not 0"),
        ("events.on('n', print, retry_every='52143 weeks')", "is longer than 1,000 years"),
        (
            "events.on('n', print, retry_every=5)\nevents.on('n', print, retry_every=6)",
            "the handlers of 'n' disagree on retry_every",
        ),
        (
            "events.on('n', print, retry_for=5)\nevents.on('n', print, retry_for=6)",
            "the handlers of 'n' disagree on retry_for",
        ),
        ("events.on('n', lambda: 0)", "takes neither (event, context) nor (event)"),
        ("events.on('', print)", "cannot register a handler of '': the name is empty"),
    ],
)
@pytest.mark.parametrize("command", [["call", "n"], ["handlers"], ["handlers", "--json"]], ids=str)
def test_handlers_that_cannot_be_imported_are_78(
    command: list[str], code: str, said: str, run_ampt: RunAmpt, write_handlers
) -> None:
    """The user's traceback without ours, and one line at its end; nothing paints a terminal."""
    path = write_handlers(code + "\n")
    done = run_ampt(*command, "-m", path)

    assert (done.status, done.out) == (78, "")
    last = done.err.splitlines()[-1]
    assert last.startswith(f"ampt: cannot import the handlers {path}: ")
    assert said in last
    assert "ampt_cli/" not in done.err
    assert "\x1b" not in done.err


@pytest.mark.parametrize("command", [["call", "n"], ["handlers"]], ids=str)
def test_an_interrupt_of_an_import_is_no_fault_of_the_handlers(
    command: list[str], run_ampt: RunAmpt, write_handlers
) -> None:
    """Whatever they wait for."""
    path = write_handlers("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")

    assert run_ampt(*command, "-m", path) == (130, "", "")


@pytest.mark.parametrize("command", [["call", "n"], ["handlers"], ["run"]], ids=str)
@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "handlers.py",
            "known parent package (handlers.py, line 4); a file belongs to no package: ",
        ),
        ("folder/", "folder is a folder; give a file (./handlers.py) or an installed module"),
    ],
)
def test_a_module_of_a_package_is_to_be_named_as_one(
    command: list[str], target: str, said: str, run_ampt: RunAmpt, write_handlers, tmp_path: Path
) -> None:
    """One line says so; there is no traceback."""
    write_handlers("\nfrom .util import V\n")
    (tmp_path / "folder").mkdir()
    run_ampt("publish", "n")
    done = run_ampt(*command, "-m", f"{tmp_path}/{target}")

    assert (done.status, done.out, done.err.count("\n")) == (78, "", 1)
    assert said in done.err


def test_what_a_module_prints_at_its_import_is_no_data(run_ampt: RunAmpt, write_handlers) -> None:
    """Or the JSON could not be read."""
    path = write_handlers("print('hello')\nevents.on('n', lambda event: None)\n")
    shown = run_ampt("handlers", "-m", path, "--json")

    assert len(shown.out.splitlines()) == 1
    assert shown.err == "hello\n"


def test_a_wish_that_cannot_be_granted_says_so(call) -> None:
    """A run would note it with the attempt; its traceback alone does not say it."""
    called = call("later")

    assert called.status == 1
    assert "(which cannot be: cannot read 'soon' as a time: " in called.out
