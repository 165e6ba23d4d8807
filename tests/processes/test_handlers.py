"""What handlers may do, in real workers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SCRIPT

HANDLERS = """
import asyncio, multiprocessing, os, sys, time
from ampt_cli import GiveUp, RetryLater

@events.on("longer", timeout=200)
def longer(event, context):
    context.set_timeout("3 seconds")
    time.sleep(0.6)

@events.on("shorter", timeout=30_000)
def shorter(event, context):
    context.set_timeout(100)
    time.sleep(20)

@events.on("too.long")
def too_long(event, context):
    context.set_timeout(60_001)

@events.on("cleans.up", timeout=200)
def cleans_up(event):
    try:
        time.sleep(20)
    finally:
        print("cleaned up")

@events.on("awaits")
async def awaits(event: Event, context: Context) -> None:
    await asyncio.sleep(0)
    print("awaited", event.body)

@events.on("three")
def first(event): print("first")

@events.on("three")
async def second(event, context):
    print("second")
    if event.attempt < 3: raise ValueError(f"attempt {event.attempt}")

@events.on("three")
def third(event, context): print("third")

@events.on("later")
def later(event): raise RetryLater(after="1 hour", why="the shop opens at nine")

@events.on("never")
def never(event): raise GiveUp("no such customer")

@events.on("sleeps")
def sleeps(event): time.sleep(20)

@events.on("often", retry_every="10 seconds", retry_for="1 minute")
def often(event): raise ValueError("not yet")

class Sender:
    def __call__(self, event, context): print("called")

def plain(event): print("registered by a call", event.delay, event.due - event.time)

@events.on("forks")
def forks(event):
    if os.fork() == 0:
        print("child")
        match event.body:
            case "returns": return
            case "raises": raise ValueError("its own")
            case code: sys.exit(code)
    print("status", os.waitstatus_to_exitcode(os.wait()[1]))

@events.on("forks")
def behind(event): print("behind")

@events.on("forks.forever", timeout=400)
def forks_forever(event):
    if os.fork() == 0: return
    while True:
        try: time.sleep(30)
        except BaseException: pass

def child(number): print("child", number)

@events.on("starts", timeout="30 seconds")
def starts(event):
    process = multiprocessing.get_context(event.body).Process(target=child, args=(7,))
    process.start()
    process.join()
    print("status", process.exitcode)

events.on("object", Sender())
events.on("plain", plain)
"""


@pytest.fixture
def run(run_ampt, write_handlers) -> Callable[..., dict[str, Any]]:
    """Publish an event, run it, and look at it."""
    handlers = write_handlers(HANDLERS)

    def handled(*published: str, env: dict[str, str] | None = None) -> dict[str, Any]:
        id_ = run_ampt("publish", *published).out.strip()
        ran = run_ampt("run", "--handlers", handlers, env=env)
        assert (ran.status, "\nTraceback" in f"\n{ran.err}") == (0, False), ran.err
        found: dict[str, Any] = json.loads(run_ampt("inspect", id_, "--json").out)
        return found

    return handled


def last(seen: dict[str, Any]) -> dict[str, Any]:
    """The record of the last attempt."""
    attempts: list[dict[str, Any]] = [made for made in seen["records"] if "attempt" in made]
    return attempts[-1]


def test_a_handler_may_take_longer_if_it_says_so(run) -> None:
    """Measured from the call's start."""
    seen = run("longer")

    assert (seen["state"], last(seen)["outcome"]) == ("done", "succeeded")
    assert last(seen)["ms"] >= 600


def test_a_handler_may_give_itself_less_time(run) -> None:
    """And is ended then."""
    seen = run("shorter")

    assert last(seen)["outcome"] == "timed_out"
    assert last(seen)["error"].startswith("timed out after 0.1 s")
    assert last(seen)["ms"] < 5_000


def test_no_handler_may_take_more_than_a_minute(run) -> None:
    """Asking for it fails the attempt."""
    assert "60,001 ms is more than 60,000 ms" in last(run("too.long"))["error"]


def test_a_handler_may_clean_up_at_its_deadline(run) -> None:
    """What it prints then is kept."""
    seen = run("cleans.up")

    assert last(seen)["outcome"] == "timed_out"
    assert "cleaned up" in last(seen)["output"]
    assert "time.sleep(20)" in last(seen)["handlers"][0]["traceback"]


def test_a_handler_may_be_async_an_object_or_registered_by_a_call(run) -> None:
    """All are called the same way."""
    assert last(run("awaits", "7"))["output"] == "awaited 7\n"
    assert last(run("object"))["output"] == "called\n"
    assert last(run("plain"))["output"] == "registered by a call 0 0\n"


def test_only_the_handlers_that_failed_are_called_again(run, run_ampt, tmp_path: Path) -> None:
    """In order; the one behind a failing one is called all the same, once."""
    outputs = []
    seen = run("three")
    for _ in range(2):
        outputs.append(last(seen)["output"])
        run_ampt("retry", seen["id"])
        run_ampt("run", "--handlers", tmp_path / "handlers.py")
        seen = json.loads(run_ampt("inspect", seen["id"], "--json").out)
    outputs.append(last(seen)["output"])

    assert outputs == ["first\nsecond\nthird\n", "second\n", "second\n"]
    assert (seen["state"], seen["attempt"]) == ("done", 3)


def test_all_handlers_are_called_again_where_that_is_asked_for(
    run, run_ampt, tmp_path: Path
) -> None:
    """`rerun = "all"`."""
    config = tmp_path / "ampt.toml"
    config.write_text('rerun = "all"\n', encoding="utf-8")
    config.chmod(0o600)
    env = {"AMPT_CONFIG": str(config)}
    seen = run("three", env=env)
    run_ampt("retry", seen["id"])
    run_ampt("run", "--handlers", tmp_path / "handlers.py", env=env)
    seen = json.loads(run_ampt("inspect", seen["id"], "--json").out)

    assert last(seen)["output"] == "first\nsecond\nthird\n"


def test_a_handler_may_choose_the_time_of_the_next_attempt(run) -> None:
    """In an hour, and not in six minutes."""
    seen = run("later")
    record = last(seen)

    assert seen["state"] == "retry"
    assert record["error"] == "RetryLater: the shop opens at nine"
    assert 3_599_000 < record["next"] - record["start"] < 3_660_000


def test_a_handler_may_give_up(run) -> None:
    """Dead at the first attempt, with the reason."""
    seen = run("never")

    assert seen["state"] == "dead"
    assert "no such customer" in seen["explanation"]


def test_an_event_name_may_have_retries_of_its_own(run, run_ampt) -> None:
    """Of every handler of that name."""
    record = last(run("often"))

    assert 9_000 < record["next"] - record["start"] - record["ms"] < 11_000


def test_where_a_handler_says_nothing_the_configuration_does(run, tmp_path: Path) -> None:
    """How long a call may take, and when it is tried again."""
    config = tmp_path / "ampt.toml"
    config.write_text('timeout = 100\nretry_every = "1 hour"\n', encoding="utf-8")
    config.chmod(0o600)
    seen = run("sleeps", env={"AMPT_CONFIG": str(config)})
    record = last(seen)

    assert record["error"].startswith("timed out after 0.1 s")
    assert 3_599_000 < record["next"] - record["start"] < 3_660_000


@pytest.mark.row(56)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('"returns"', 0),
        ("0", 0),
        ("7", 7),
        (str(2**70), 255),
        ("null", 0),
        ('"in words"', 1),
        ('"raises"', 1),
    ],
)
def test_a_forked_child_that_comes_out_of_the_handler_ends(run, body: str, said: int) -> None:
    """With the status of a program; neither the next handler nor the next event sees it."""
    seen = run("forks", body)
    output = last(seen)["output"]

    assert seen["state"] == "done"
    assert [output.count(word) for word in ("child\n", "behind\n")] == [1, 1]
    assert output.endswith(f"status {said}\nbehind\n")
    assert ("ValueError: its own" in output) == (body == '"raises"')
    assert ("in words\n" in output) == (body == '"in words"')
    words = {"child", "in words", f"status {said}", "behind"}
    assert body == '"raises"' or words.issuperset(output.splitlines())
    assert last(run("plain"))["output"] == "registered by a call 0 0\n"


@pytest.mark.row(56)
def test_a_forked_child_that_ends_does_not_stop_the_clock(run) -> None:
    """The handler in the worker is ended at its timeout."""
    record = last(run("forks.forever"))

    assert record["outcome"] == "timed_out"
    assert record["ms"] < 5_000


@pytest.mark.parametrize(
    "before",
    [
        "pass",
        "os.chdir('/')",
        "os.environ.clear()",
        "os.environ['AMPT_SPOOL'] = '/nonexistent/spool'",
        "os.chdir('/'); os.environ.clear()",
    ],
)
@pytest.mark.parametrize("command", [["run"], ["call", "n"]], ids=str)
@pytest.mark.parametrize(
    ("options", "env"),
    [(["--spool", "other"], {}), ([], {"AMPT_SPOOL": "other"})],
    ids=["option", "relative"],
)
def test_a_handler_publishes_into_the_spool_that_is_run(
    before: str, command: list[str], options, env, run_ampt, write_handlers, tmp_path: Path
) -> None:
    """However that was named, and whatever the folder and the environment are by then."""
    path = write_handlers(
        f"""
import os
@events.on("n")
def n(event):
    {before}
    events.publish("next")
"""
    )
    run_ampt("publish", *options, "n", env=env)
    ran = run_ampt(*command, *options, "-m", path, env=env)

    assert (ran.status, ran.err) == (0, "")
    assert len(list(tmp_path.glob("cwd/other/[pd]*/**/*.next.json"))) == 1
    assert list(tmp_path.glob("spool/pending/*/*/*.json")) == []


@pytest.mark.parametrize("command", [["run"], ["call", "n"]], ids=str)
def test_a_program_that_a_handler_starts_publishes_into_the_spool_that_is_run(
    command: list[str], run_ampt, write_handlers, tmp_path: Path
) -> None:
    """Where it is not told another."""
    path = write_handlers(
        f"""
import subprocess
@events.on("n")
def n(event):
    subprocess.run([{str(SCRIPT)!r}, "publish", "next"], cwd="/", check=True, stdout=subprocess.DEVNULL)
"""
    )
    run_ampt("publish", "-s", "other", "n", env={"AMPT_SPOOL": None})
    run_ampt(*command, "-s", "other", "-m", path, env={"AMPT_SPOOL": None})

    assert len(list(tmp_path.glob("cwd/other/[pd]*/**/*.next.json"))) == 1


@pytest.mark.parametrize("where", ["import", "handler"])
def test_a_handler_may_choose_another_spool_to_publish_into(
    where: str, run_ampt, write_handlers, spool_dir: Path, tmp_path: Path
) -> None:
    """`events.spool`, set when it is imported or called, goes before the one that is run."""
    chosen = f"events.spool = {str(tmp_path / 'another')!r}"
    path = write_handlers(
        f"""
{chosen if where == "import" else ""}
@events.on("n")
def n(event):
    {chosen if where == "handler" else ""}
    events.publish("next")
"""
    )
    run_ampt("publish", "n")
    run_ampt("run", "-m", path)

    assert len(list(tmp_path.glob("another/pending/*/*/*.next.json"))) == 1
    assert list(spool_dir.glob("*/**/*.next.json")) == []


@pytest.mark.row(65)
@pytest.mark.parametrize("command", ["run", "call"])
def test_a_handler_that_is_registered_while_one_runs_is_refused(
    command: str, run_ampt, write_handlers, tmp_path: Path
) -> None:
    """Its attempt failed and says so; nothing dies, and what comes behind is not lost."""
    (tmp_path / "lazy.py").write_text(
        "from ampt_cli import events\n@events.on('second')\ndef second(event): pass\n", "utf-8"
    )
    path = write_handlers("@events.on('first')\ndef first(event): import lazy\n")
    said = (
        "cannot register a handler of 'second' now: register handlers when the module is imported"
    )
    if command == "call":
        called = run_ampt("call", "first", "-m", path)
        assert (called.status, called.err.splitlines()[-1].count(said)) == (1, 1)
        return
    ids = [run_ampt("publish", name).out.strip() for name in ("first", "second", "first")]
    ran = run_ampt("run", "-m", path)
    seen = [json.loads(run_ampt("inspect", id_, "--json").out) for id_ in ids]

    assert ran.status == 0
    assert [one["state"] for one in seen] == ["retry", "done", "retry"]
    assert all(said in last(seen[place])["error"] for place in (0, 2))


def test_a_handler_without_a_name_of_its_own_is_called_until_it_succeeds(
    run_ampt, write_handlers
) -> None:
    """Although another of that name had, and the order was changed before the retry."""
    module = """
from functools import partial
def send(to, event):
    print(to)
    if to == "bob" and event.attempt == 1: raise OSError(to)
def last(event):
    if event.attempt == 1: import os; os._exit(3)
for to in ORDER: events.on("n", partial(send, to))
events.on("n", last)
"""
    path = write_handlers(module.replace("ORDER", '("ada", "bob")'))
    id_ = run_ampt("publish", "n").out.strip()
    run_ampt("run", "-m", path)
    write_handlers(module.replace("ORDER", '("bob", "ada")'))
    run_ampt("retry", id_)
    run_ampt("run", "-m", path)
    seen = json.loads(run_ampt("inspect", id_, "--json").out)

    assert (seen["state"], last(seen)["output"]) == ("done", "bob\nada\n")


@pytest.mark.parametrize("command", [["run"], ["call", "n"]], ids=str)
def test_handlers_that_are_imported_under_two_names_are_refused(
    command: list[str], run_ampt, tmp_path: Path
) -> None:
    """Each of them would run twice for every event."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "other.py").write_text("import app.handlers\n", "utf-8")
    (app / "handlers.py").write_text(
        "from ampt_cli import events\nimport app.other\nevents.on('n', lambda event: None)\n",
        "utf-8",
    )
    env = {"PYTHONPATH": str(tmp_path)}
    run_ampt("publish", "n")
    by_file = run_ampt(*command, "-m", app / "handlers.py", env=env)
    by_name = run_ampt(*command, "-m", "app.handlers", env=env)

    assert (by_file.status, by_name.status) == (78, 0)
    assert "imported twice, as app.handlers and as handlers: its handlers would run" in by_file.err
    assert by_file.err.count("\n") == 1


@pytest.mark.parametrize("name", ["email", "json", "types"])
def test_a_file_of_handlers_may_have_the_name_of_a_module_of_python(
    name: str, run_ampt, write_handlers
) -> None:
    """Whoever imports that gets Python's own."""
    path = write_handlers(
        f"""
@events.on("n")
def n(event):
    import smtplib
    import {name}
    assert {name}.__file__ != __file__
    print(__name__)
"""
    )
    path = path.rename(path.with_name(f"{name}.py"))
    id_ = run_ampt("publish", "n").out.strip()
    run_ampt("run", "-m", path)
    seen = json.loads(run_ampt("inspect", id_, "--json").out)

    assert (seen["state"], last(seen)["output"]) == ("done", "ampt_handlers\n")


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_handler_may_start_processes_that_import_the_program_anew(run, method: str) -> None:
    """They run their target, and no second runner."""
    assert last(run("starts", f'"{method}"'))["output"] == "child 7\nstatus 0\n"
