"""The installed command, from outside."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RunAmpt

ROOT = Path(__file__).parents[2]
HANDLERS = """
import os, subprocess, sys, time
from ampt_cli import GiveUp, events

@events.on("good")
def good(event): print("hello", event.body)

@events.on("bad")
def bad(event): raise ConnectionError("refused \\x1b[2J")

@events.on("loop", timeout=200)
def loop(event):
    while True:
        try: time.sleep(1)
        except BaseException: pass

@events.on("exits")
def exits(event): os._exit(0)

@events.on("segfault")
def segfault(event): os.kill(os.getpid(), 11)

@events.on("closes")
def closes(event): os.closerange(0, 4096)

@events.on("prints")
def prints(event):
    os.write(1, b"C level\\xff\\n"); subprocess.run(["echo", "child"]); print("x" * 200_000)

@events.on("spoils")
def spoils(event):
    import threading
    os.chdir("/"); os.environ["SPOILT"] = "1"; os.umask(0)
    threading.Thread(target=time.sleep, args=(60,)).start()

@events.on("clean")
def clean(event): assert os.getcwd() != "/" and "SPOILT" not in os.environ

@events.on("given up")
def given_up(event): raise GiveUp("enough")
"""


@pytest.fixture
def handlers(tmp_path: Path) -> str:
    """A file of handlers that behave and misbehave."""
    path = tmp_path / "handlers.py"
    path.write_text(HANDLERS, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def seen(run_ampt: RunAmpt, id_: str) -> dict[str, object]:
    """What `ampt inspect ID --json` says."""
    found: dict[str, object] = json.loads(run_ampt("inspect", id_, "--json").out)
    return found


def test_an_event_is_published_run_and_shown(run_ampt: RunAmpt, handlers: str) -> None:
    """The first minute of a new user."""
    id_ = run_ampt("publish", "good", '{"n": 7}').out.strip()
    ran = run_ampt("run", "--handlers", handlers)
    shown = run_ampt("inspect", id_)

    assert ran.status == 0
    assert shown.out.startswith("It is done: attempt 1 succeeded at ")
    assert "hello {'n': 7}" in shown.out
    assert run_ampt("check").status == 0


@pytest.mark.parametrize(
    ("name", "outcome", "error"),
    [
        ("bad", "failed", "ConnectionError: refused"),
        ("loop", "timed_out", "timed out after 0.2 s"),
        ("exits", "failed", "exited with status 0 without a result"),
        ("segfault", "failed", "signal 11"),
        ("closes", "failed", "without a result"),
        ("given up", "failed", "GiveUp: enough"),
    ],
)
def test_an_unruly_handler_fails_alone(
    run_ampt: RunAmpt, handlers: str, name: str, outcome: str, error: str
) -> None:
    """Its attempt fails with a reason, and the next event succeeds."""
    bad = run_ampt("publish", name).out.strip()
    good = run_ampt("publish", "good").out.strip()
    ran = run_ampt("run", "-m", handlers, "--check")
    found = seen(run_ampt, bad)
    last = found["records"][-1]  # type: ignore[index]

    assert ran.status == 1
    assert last["outcome"] == outcome
    assert error in last["error"]
    assert found["state"] == ("dead" if name == "given up" else "retry")
    assert seen(run_ampt, good)["state"] == "done"


def test_what_a_handler_spoils_does_not_reach_the_next(run_ampt: RunAmpt, handlers: str) -> None:
    """Folder, environment, umask, threads that stay."""
    ids = [run_ampt("publish", name).out.strip() for name in ("spoils", "clean")]
    run_ampt("run", "-m", handlers)

    assert [seen(run_ampt, id_)["state"] for id_ in ids] == ["done", "done"]


def test_output_is_captured_and_bounded(run_ampt: RunAmpt, handlers: str) -> None:
    """Of Python, of C, and of children."""
    id_ = run_ampt("publish", "prints").out.strip()
    run_ampt("run", "-m", handlers)
    output = str(seen(run_ampt, id_)["records"][-1]["output"])  # type: ignore[index]

    assert "C level" in output
    assert "child" in output
    assert len(output) < 70_000


def test_a_dead_event_is_redriven(run_ampt: RunAmpt, handlers: str) -> None:
    """Back to pending, with its history."""
    id_ = run_ampt("publish", "given up").out.strip()
    run_ampt("run", "-m", handlers)
    moved = run_ampt("retry", "--state", "dead", "--error", "enough")
    found = seen(run_ampt, id_)

    assert moved.status == 0
    assert found["state"] == "pending"
    assert [made.get("action") for made in found["records"]] == [None, "redriven"]  # type: ignore[attr-defined]


def test_waiting_events_are_moved_and_cancelled(run_ampt: RunAmpt) -> None:
    """By an id's beginning."""
    id_ = run_ampt("publish", "later", "--after", "1 day").out.strip()
    moved = run_ampt("move", id_[:10], "--after", "2 days")
    cancelled = run_ampt("cancel", id_[:10])

    assert (moved.status, cancelled.status) == (0, 0)
    assert run_ampt("inspect", id_).out.startswith("It was cancelled")


def test_a_chosen_id_is_published_once(run_ampt: RunAmpt) -> None:
    """Again is a success that says so; another body is an error."""
    first = run_ampt("publish", "n", "1", "--id", "order-7")
    again = run_ampt("publish", "n", "1", "--id", "order-7")
    other = run_ampt("publish", "n", "2", "--id", "order-7")

    assert (first.status, again.status, other.status) == (0, 0, 2)
    assert "already" in again.err
    assert run_ampt("check").status == 0


@pytest.mark.parametrize(
    "arguments",
    [["n", "{"], ["n", "--after", "0"], ["a\nb"], [""], ["n", "NaN"], ["n", "1e999"], ["--nope"]]
    + [["n", '{"a":1,"a":2}'], ["x" * 129], ["n", "--id", "a/b"], ["n", '"\\ud800"']],
)
def test_bad_input_is_one_clear_line_and_writes_nothing(
    run_ampt: RunAmpt, spool_dir: Path, arguments: list[str]
) -> None:
    """Exit 2."""
    done = run_ampt("publish", *arguments)

    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert not spool_dir.exists()


def test_one_bad_line_and_nothing_of_a_batch_is_published(
    run_ampt: RunAmpt, spool_dir: Path, tmp_path: Path
) -> None:
    """The line is named."""
    batch = tmp_path / "batch"
    batch.write_text('{"name":"a"}\n{"name":"b","after":"nope"}\n', encoding="utf-8")
    bad = run_ampt("publish", "--batch", str(batch))
    left = [path for path in spool_dir.rglob("*") if path.suffix == ".json"]
    batch.write_text('{"name":"a"}\n' * 40, encoding="utf-8")
    good = run_ampt("publish", "--batch", str(batch))

    assert bad.status == 2
    assert "line 2" in bad.err
    assert left == []
    assert len(set(good.out.split())) == 40


@pytest.mark.rule(1)
def test_a_spool_is_private_whatever_the_umask(run_ampt: RunAmpt, spool_dir: Path) -> None:
    """0700 and 0600, with the folders that are made for it."""
    before = os.umask(0)
    try:
        run_ampt("publish", "n", "--spool", spool_dir / "deep" / "spool")
    finally:
        os.umask(before)
    made = [spool_dir, *spool_dir.rglob("*")]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in made}

    assert modes == {0o700, 0o600}


def test_what_is_damaged_goes_to_quarantine_and_stops_nobody(
    run_ampt: RunAmpt, spool_dir: Path, handlers: str
) -> None:
    """Empty, torn, a symbolic link, a FIFO."""
    id_ = run_ampt("publish", "good").out.strip()
    [entry] = spool_dir.glob("pending/*/*/*.json")
    for number, kind in enumerate(("empty", "torn", "link", "fifo")):
        path = entry.with_name(entry.name.replace(id_, f"bad-{number}"))
        if kind == "link":
            path.symlink_to("/etc/passwd")
        elif kind == "fifo":
            os.mkfifo(path, 0o600)
        else:
            path.write_bytes(b"" if kind == "empty" else b'{"ampt":1')
            path.chmod(0o600)
    ran = run_ampt("run", "-m", handlers)

    assert ran.status == 0
    assert len(list((spool_dir / "quarantine").iterdir())) == 4
    assert seen(run_ampt, id_)["state"] == "done"


@pytest.mark.parametrize(
    "code", ["import nope_nope", "def broken(:", "raise SystemExit(0)", "import os; os._exit(0)"]
)
def test_handlers_that_cannot_be_imported_are_78_and_nothing_is_touched(
    run_ampt: RunAmpt, spool_dir: Path, tmp_path: Path, code: str
) -> None:
    """Nothing is claimed."""
    path = tmp_path / "broken.py"
    path.write_text(code, encoding="utf-8")
    path.chmod(0o600)
    run_ampt("publish", "n")
    ran = run_ampt("run", "-m", str(path))

    assert ran.status == 78
    assert ran.err.startswith(f"ampt: cannot import the handlers {path}: ")
    assert "worker.py" not in ran.err, "the traceback is that of the module alone"
    assert [path.name.count(".a0.") for path in spool_dir.glob("pending/*/*/*.json")] == [1]
    assert list((spool_dir / "running").iterdir()) == []


@pytest.mark.parametrize("target", ["empty.py", "json"])
@pytest.mark.parametrize("command", ["run", "handlers"])
def test_a_module_without_a_handler_is_not_the_one_that_was_meant(
    run_ampt: RunAmpt, spool_dir: Path, tmp_path: Path, target: str, command: str
) -> None:
    """Of a wrong -m every due event would be ignored: 78, and the event waits."""
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n", encoding="utf-8")
    path.chmod(0o600)
    meant = str(path) if target == "empty.py" else target
    run_ampt("publish", "n")
    ran = run_ampt(command, "-m", meant)

    assert (ran.status, ran.out) == (78, "")
    assert ran.err == (
        f"ampt: cannot import the handlers {meant}: it registers no handler; "
        "is it the right module? see: ampt init\n"
    )
    assert len(list(spool_dir.glob("pending/*/*/*.a0.n.json"))) == 1


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--memory", "x"], "cannot use 'x' as an amount of memory"),
        (["--log-format", "foo"], "--log-format is text or json, not 'foo'"),
        (["--jobs", "0"], "--jobs takes a whole number from 1"),
        (["--dry-run", "--memory", "x"], "cannot use 'x' as an amount of memory"),
        (["--dry-run", "--log-format", "foo"], "--log-format is text or json, not 'foo'"),
        (["--dry-run", "--jobs", "0"], "--jobs takes a whole number from 1"),
        (["--dry-run", "--watch"], "--watch does not go with --dry-run"),
        (["--dry-run", "--check"], "--check does not go with --dry-run"),
    ],
)
def test_what_a_run_is_given_is_read_even_if_nothing_is_run(
    run_ampt: RunAmpt, handlers: str, option: list[str], said: str
) -> None:
    """With --dry-run, and where nothing is due."""
    run_ampt("publish", "n", "--after", "1 day")
    ran = run_ampt("run", "-m", handlers, *option)

    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_handlers_of_a_spool_that_is_named_and_is_none_are_3(
    run_ampt: RunAmpt, handlers: str, tmp_path: Path
) -> None:
    """Without a spool of one's own yet they are shown."""
    named = run_ampt("handlers", "-m", handlers, "--spool", tmp_path / "none")

    assert (named.status, named.out) == (3, "")
    assert named.err.startswith(f"ampt: there is no spool at {tmp_path / 'none'}")
    assert run_ampt("handlers", "-m", handlers).status == 0


@pytest.mark.parametrize(
    "argv",
    [
        *("inspect", "check", "check --repair", "metrics", "prune", "retry x", "cancel x"),
        *("move x --after 1d", "run -m handlers.py", "call --id x -m handlers.py"),
    ],
)
def test_whoever_does_not_publish_makes_no_spool(
    argv: str, run_ampt: RunAmpt, handlers: str, spool_dir: Path
) -> None:
    """3: a path that is mistyped is not an empty spool."""
    done = run_ampt(*argv.split(), cwd=Path(handlers).parent)

    assert (done.status, done.out) == (3, "")
    assert done.err.startswith(f"ampt: there is no spool at {spool_dir}; ")
    assert not spool_dir.exists()


def test_no_event_is_3(run_ampt: RunAmpt) -> None:
    """As no spool is."""
    run_ampt("publish", "n")

    assert run_ampt("inspect", "zzzz").status == 3


@pytest.mark.row(12)
@pytest.mark.row(81)
def test_a_newer_format_is_refused(run_ampt: RunAmpt, spool_dir: Path) -> None:
    """With a clear error, by publish too."""
    run_ampt("publish", "n")
    (spool_dir / "FORMAT").write_text("ampt-spool 2\n", encoding="ascii")

    assert [run_ampt(*command).status for command in (["publish", "n"], ["inspect"])] == [78, 78]


def test_an_unknown_setting_suggests_the_nearest(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """And a file that others may write is refused."""
    path = tmp_path / "ampt.toml"
    path.write_text('spol = "x"\n', encoding="utf-8")
    path.chmod(0o600)
    unknown = run_ampt("inspect", "--config", env={"AMPT_CONFIG": str(path)})
    path.chmod(0o666)
    open_to_all = run_ampt("inspect", "--config", env={"AMPT_CONFIG": str(path)})

    assert (unknown.status, open_to_all.status) == (78, 77)
    assert "'spool'" in unknown.err


def publisher_in_sh(folder: Path) -> Path:
    """The publisher of the specification, as a file."""
    text = (ROOT / "spool_format.md").read_text(encoding="utf-8")
    [script] = re.findall(r"```sh\n(#!/bin/sh.*?)```", text, re.DOTALL)
    path = folder / "publish.sh"
    path.write_text(script, encoding="utf-8")
    return path


def test_the_publisher_in_sh_is_run_as_it_stands_in_the_specification(
    run_ampt: RunAmpt, spool_dir: Path, tmp_path: Path, handlers: str
) -> None:
    """What it publishes is run, and the check finds nothing, also right after it."""
    publisher = publisher_in_sh(tmp_path)
    run_ampt("publish", "good", "--after", "1 day")  # makes the spool, and another bucket
    publish = ["sh", str(publisher), str(spool_dir), "good", '{"from":"sh"}']
    done = subprocess.run(publish, capture_output=True, text=True, timeout=20)
    checked = run_ampt("check")
    run_ampt("run", "-m", handlers)

    assert done.returncode == 0, done.stderr
    assert checked.status == 0, checked.out
    assert seen(run_ampt, done.stdout.strip())["state"] == "done"


def test_the_publisher_in_sh_leaves_a_newer_spool_alone(
    run_ampt: RunAmpt, spool_dir: Path, tmp_path: Path
) -> None:
    """And a group's, whose files it would make unreadable."""
    publisher = publisher_in_sh(tmp_path)
    run_ampt("publish", "good", "--after", "1 day")
    before = sorted(spool_dir.rglob("*"))
    for text in ("ampt-spool 2\n", "ampt-spool 1\ngroup\n"):
        (spool_dir / "FORMAT").write_text(text, encoding="ascii")
        publish = ["sh", str(publisher), str(spool_dir), "good", "null"]
        assert subprocess.run(publish, check=False, timeout=20).returncode == 78
    assert sorted(spool_dir.rglob("*")) == before
