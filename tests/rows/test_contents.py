"""Whatever a file contains: a bad one is set aside or left alone, and the good one beside it runs."""

import json
import os
import subprocess
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.conftest import SCRIPT
from tests.rows.files import GOOD, HANDLERS, NAME, bucket, first_line, put, with_body


class Bad(NamedTuple):
    """Content of a file, and the reason that is given for it."""

    row: int
    name: str
    content: bytes
    reason: str


BAD = [
    Bad(1, "empty", b"", "empty"),
    Bad(2, "truncated", first_line()[:40], "incomplete|no newline"),
    Bad(2, "no newline", first_line()[:-1], "incomplete|no newline"),
    Bad(3, "NULs", bytes(300), "incomplete|no newline|JSON|NUL"),
    Bad(3, "a NUL inside", first_line(name="a\0b"), "control"),
    Bad(4, "random bytes", Random(4).randbytes(99).replace(b"\n", b"") + b"\n", "UTF-8"),
    Bad(4, "not UTF-8", first_line().replace(b'"n"', b'"\xff"'), "UTF-8"),
    Bad(4, "UTF-16", first_line().decode().encode("utf-16"), "NUL"),
    Bad(4, "BOM", b"\xef\xbb\xbf" + first_line(), "JSON|BOM"),
    Bad(5, "too long a line", first_line(body="x" * 300_000), "262,144|too large|bytes"),
    Bad(6, "nested brackets", with_body(b"[" * 100_000 + b"]" * 100_000), "deep"),
    Bad(6, "nested objects", with_body(b'{"a":' * 900 + b"1" + b"}" * 900), "deep"),
    Bad(7, "a key twice", with_body(b'{"a":1,"a":2}'), "twice"),
    Bad(8, "NaN", with_body(b"NaN"), "NaN|JSON"),
    Bad(8, "Infinity", with_body(b"-Infinity"), "Infinity|JSON"),
    Bad(8, "1e999", with_body(b"1e999"), "1e999|large|finite"),
    Bad(9, "5,000 digits", with_body(b"9" * 5000), "digits|large"),
    Bad(10, "a lone surrogate", with_body(b'"\\ud800"'), "surrogate"),
    Bad(11, "a number for a name", first_line(name=1), "name"),
    Bad(11, "true for a time", first_line(time=True), "time"),
    Bad(11, "text for a due time", first_line(due="x"), "due"),
    Bad(11, "a due time after 9999", first_line(due=10**300), "9999"),
    Bad(11, "a list", b"[]\n", "object"),
    Bad(11, "no body", json.dumps(GOOD).encode() + b"\n", "body"),
    Bad(15, "another id", first_line(id="other"), "id"),
    Bad(15, "another name", first_line(name="m"), "name"),
]


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool with all of them and a good event, after one run."""
    folder = tmp_path_factory.mktemp("bad")
    spool, handlers = folder / "spool", folder / "handlers.py"
    handlers.write_text("from ampt_cli import events\n" + HANDLERS, encoding="utf-8")
    more = [*os.environ.items(), ("AMPT_SPOOL", str(spool)), ("HOME", str(folder))]
    env = dict(more)
    subprocess.run([SCRIPT, "publish", "n", "--id", "good"], env=env, check=True)
    bucket(spool)
    for number, bad in enumerate(BAD):
        id_ = f"bad-{number:02}"
        content = bad.content.replace(b"bad-1", id_.encode())
        put(spool, content, NAME.replace("bad-1", id_))
    ended = subprocess.run([SCRIPT, "run", "-m", handlers], env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(list(spool.glob("done/*/*.good.a1.*"))) == 1
    return spool


@pytest.mark.parametrize(
    ("number", "bad"),
    [
        pytest.param(number, one, id=one.name, marks=pytest.mark.row(one.row))
        for number, one in enumerate(BAD)
    ],
)
def test_a_damaged_file_is_set_aside_with_a_reason_and_stops_nobody(
    number: int, bad: Bad, run_once: Path
) -> None:
    """Its bytes are kept."""
    id_ = f"bad-{number:02}"
    [kept] = run_once.glob(f"*/**/*.{id_}.*")
    assert kept.parent.parent.name == "quarantine"
    assert kept.read_bytes() == bad.content.replace(b"bad-1", id_.encode())
    reason = (kept.parent / "reason").read_text(encoding="utf-8")
    assert id_ in reason
    assert any(word in reason for word in bad.reason.split("|")), reason


@pytest.mark.row(5)
def test_a_file_of_a_gigabyte_is_refused_by_its_size(beside, spool_dir: Path) -> None:
    """Without reading it, good as its first line is; here it is sparse."""
    path = put(spool_dir, first_line())
    os.truncate(path, 1 << 30)

    beside()

    [folder] = (spool_dir / "quarantine").iterdir()
    [kept] = folder.glob("*.bad-1.*")
    assert kept.stat().st_size == 1 << 30
    assert "1,073,741,824 bytes, more than" in (folder / "reason").read_text("utf-8")


@pytest.mark.row(9)
def test_large_integers_are_kept_exactly(beside, run_ampt, spool_dir: Path) -> None:
    """JavaScript would round them."""
    put(spool_dir, with_body(b"[9007199254740993,123456789012345678901234567890]"))

    beside()

    found = json.loads(run_ampt("inspect", "bad-1", "--json").out)
    assert found["body"] == [9007199254740993, 123456789012345678901234567890]
    assert found["state"] == "done"


@pytest.mark.row(12)
def test_an_event_of_a_newer_format_is_left_where_it_is(beside, spool_dir: Path) -> None:
    """A newer ampt will read it; an older one leaves it alone."""
    path = put(spool_dir, first_line(ampt=2))

    beside()

    assert path.read_bytes() == first_line(ampt=2)
    assert list((spool_dir / "quarantine").iterdir()) == []


@pytest.mark.row(12)
def test_an_event_that_is_left_counts_for_no_limit_of_attempts(
    run_ampt, write_handlers, spool_dir: Path
) -> None:
    """Or else runs with --max 1 would meet it each time, and nothing else."""
    run_ampt("publish", "n")
    bucket(spool_dir)
    put(spool_dir, first_line(ampt=2))
    ran = run_ampt("run", "--max", "1", "-m", write_handlers(HANDLERS))

    assert (ran.status, ran.err.count("its format is 2")) == (0, 1), ran.err
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 1


@pytest.mark.row(13)
def test_an_unknown_field_is_kept(beside, run_ampt, spool_dir: Path) -> None:
    """Another program's field passes through."""
    line = first_line(trace="abc")
    put(spool_dir, line)

    beside()

    [path] = spool_dir.glob("done/*/*.bad-1.*")
    assert path.read_bytes().split(b"\n")[0] + b"\n" == line


@pytest.mark.row(14)
def test_garbage_after_the_first_line_is_a_torn_record(beside, run_ampt, spool_dir: Path) -> None:
    """The event runs; `check` says that a record cannot be read."""
    put(spool_dir, first_line() + b"garbage\n{torn")

    beside()

    [path] = spool_dir.glob("done/*/*.bad-1.*")
    assert b"\ngarbage\n{torn\n{" in path.read_bytes()
    assert "records cannot be read" in run_ampt("check").out


@pytest.mark.row(14)
def test_records_with_times_that_cannot_be_are_shown_all_the_same(
    run_ampt, spool_dir: Path
) -> None:
    """Records are history: one that says nonsense keeps nobody from the rest of the event."""
    far = 10**22
    failed = {"attempt": 1, "start": far, "ms": 1, "outcome": "failed", "first": -far, "next": far}
    moved = {"action": "moved", "time": -far, "next": far}
    cancelled = {"action": "cancelled", "time": far, "outcome": "cancelled"}
    records = "".join(json.dumps(one) + "\n" for one in (failed, moved, cancelled))
    run_ampt("publish", "n", "--id", "other")
    bucket(spool_dir)
    put(spool_dir, first_line() + records.encode(), NAME.replace("a0", "a1"))
    shown = run_ampt("inspect", "bad-1")
    listed = run_ampt("inspect", "--until", "@1")

    assert (shown.status, listed.status) == (0, 0)
    assert "cancelled" in shown.out
    assert "?" in shown.out
    assert run_ampt("cancel", "bad-1").status == 0
    assert run_ampt("inspect", "bad-1").status == 0
