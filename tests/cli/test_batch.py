"""`ampt publish --batch`, line by line."""

import io
import json
import os
import subprocess
from errno import EIO, ENOSPC
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from ampt_cli.commands.batching import MAX_LINE, publish_file
from ampt_cli.errors import TryAgain
from ampt_cli.fsio import Disk
from tests.conftest import SCRIPT, RunAmpt


def batch(
    run_ampt: RunAmpt, *lines: object, arguments: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    """Publish these lines from stdin."""
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    return run_ampt("publish", "--batch", "-", *arguments, stdin=text)


def test_an_id_again_is_reported_as_it_was_published(run_ampt: RunAmpt) -> None:
    """In its place among the others, with the time and due of then."""
    first = json.loads(run_ampt("publish", "n", "1", "--id", "a", "--after", "1 day", "--json").out)
    status, out, err = batch(
        run_ampt,
        {"name": "m"},
        {"name": "n", "body": 1, "id": "a", "after": "2 days"},
        {"name": "n", "body": 1, "id": "b"},
        arguments=("--json",),
    )
    shown = [json.loads(line) for line in out.splitlines()]

    assert (status, err) == (0, "ampt: published already, and not changed: a\n")
    assert [line["name"] for line in shown] == ["m", "n", "n"]
    assert shown[1] == first
    assert shown[2]["id"] == "b"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(3, "0, 1, 2"), (4, "0, 1, 2 and 1 more"), (1_004, "0, 1, 2 and 1,001 more")],
)
def test_of_many_ids_again_the_first_are_named(count: int, shown: str, run_ampt: RunAmpt) -> None:
    """And how many more there are."""
    lines = [{"name": "n", "id": str(number)} for number in range(count)]
    batch(run_ampt, *lines)
    status, out, err = batch(run_ampt, *lines)

    assert (status, len(out.splitlines())) == (0, count)
    assert err == f"ampt: published already, and not changed: {shown}\n"


def test_a_conflict_of_ids_names_its_line_and_publishes_nothing(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """true is another content than 1."""
    run_ampt("publish", "n", "1", "--id", "a")
    for body in (True, 1.0, "1", [1], {"a": 1}, None):
        status, out, err = batch(run_ampt, {"name": "m"}, {"name": "n", "body": body, "id": "a"})

        assert (status, out) == (2, "")
        assert err.startswith("ampt: line 2: the id 'a' was published before")
    assert len(list(spool_dir.glob("pending/*/*/*.json"))) == 1
    assert list((spool_dir / "tmp").iterdir()) == []


def test_an_id_twice_in_a_batch_names_both_lines(run_ampt: RunAmpt) -> None:
    """Also with the same content: one of them is a mistake."""
    status, _, err = batch(run_ampt, {"name": "n", "id": "a"}, "\n", {"name": "n", "id": "a"})

    assert status == 2
    assert err.startswith("ampt: line 3: the id 'a' stands twice in the batch, first in line 1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"name":"a"\n', "no JSON"),
        ("[1]\n", "no JSON object with a name"),
        ('["name"]\n', "no JSON object with a name"),
        ('{"body":1}\n', "no JSON object with a name"),
        ('{"name":1}\n', "an event's name is text, not int"),
        ('{"name":"a","afer":1}\n', "unknown key 'afer'"),
        ('{"name":"a","after":1.5}\n', "1.5"),
        ('{"name":"a","after":true}\n', "True"),
        ('{"name":"a","id":""}\n', "the id ''"),
        ('{"name":"a","body":NaN}\n', "NaN"),
        ('{"name":"a","body":"\\ud800"}\n', "surrogate"),
        ('{"name":"a","body":"' + "x" * 262_144 + '"}\n', "has 262,2"),
        ('{"name":"a","body":"' + "x" * 1_100_000 + '"}\n', "has 1,048,576 bytes or more"),
        ("\ufeff" + '{"name":"a"}\n', "BOM"),
    ],
    ids=range(14),
)
def test_a_bad_line_is_named_and_nothing_is_published(
    run_ampt: RunAmpt, spool_dir: Path, line: str, said: str
) -> None:
    """Whatever stands before and after it."""
    status, out, err = batch(run_ampt, {"name": "good"}, line, {"name": "good"})

    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("ampt: line 2: ")
    assert said in err
    assert list(spool_dir.rglob("*.json")) == []
    assert list((spool_dir / "tmp").iterdir()) == []


def test_a_line_may_be_as_long_as_escapes_make_it(run_ampt: RunAmpt, spool_dir: Path) -> None:
    """An event of 240 KiB, as most programs write Cyrillic; what is stored has no escapes."""
    body = "ы" * 120_000
    status, _, err = batch(run_ampt, json.dumps({"name": "n", "body": body}) + "\n")
    [path] = spool_dir.rglob("*.n.json")

    assert (status, err) == (0, "")
    assert json.loads(path.read_text(encoding="utf-8"))["body"] == body


def test_a_line_ends_where_it_may_at_the_latest(run_ampt: RunAmpt) -> None:
    """Its newline is the last byte that it can have."""
    line = '{"name":"n"}'.ljust(MAX_LINE - 1)
    longer = batch(run_ampt, f"{line} \n")

    assert batch(run_ampt, f"{line}\n")[::2] == (0, "")
    assert (longer[0], longer[2]) == (2, f"ampt: line 1: it has {MAX_LINE:,} bytes or more\n")


def test_a_line_of_other_bytes_is_named(run_ampt: RunAmpt) -> None:
    """As Latin-1 has them."""
    line = '{"name":"Zoë"}\n'.encode("latin-1")

    assert run_ampt("publish", "--batch", "-", stdin=b'{"name":"n"}\n' + line) == (
        (2, "", "ampt: line 2: it is not UTF-8\n")
    )


@pytest.mark.parametrize("source", ["missing", ".", "closed"])
def test_a_batch_that_cannot_be_read_makes_no_spool(
    source: str, clean_env: dict[str, str], spool_dir: Path, tmp_path: Path
) -> None:
    """A closed stdin is no other file either, that happens to have its number."""
    script = '"$0" publish --batch - <&-' if source == "closed" else '"$0" publish --batch "$1"'
    ended = subprocess.run(
        ["sh", "-c", script, SCRIPT, source],
        env=clean_env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("ampt: cannot read the batch from ")
    assert "Is a directory" not in ended.stderr or source == "."
    assert not spool_dir.exists()


def test_seconds_since_1970_are_warned_of_once(run_ampt: RunAmpt) -> None:
    """With the first line that has them, and how they were read."""
    status, _, err = batch(run_ampt, {"name": "a"}, *[{"name": "a", "after": 1_800_000_000}] * 3)

    assert status == 0
    assert err == (
        "ampt: line 2: after 1800000000 was read as a delay in ms; "
        "for seconds since 1970 write @1800000000\n"
    )


def test_a_long_batch_keeps_its_order_with_chosen_ids_among_it(run_ampt: RunAmpt) -> None:
    """Also beyond what is kept in memory, and with separators that are no newlines."""
    lines = [
        {"name": f"n{number}\u2028"} | ({"id": f"id-{number}"} if number % 1000 == 0 else {})
        for number in range(5000)
    ]
    status, out, _ = batch(run_ampt, *lines, arguments=("--json",))

    assert status == 0
    shown = [json.loads(line) for line in out.split("\n")[:-1]]
    assert [line["name"] for line in shown] == [line["name"] for line in lines]
    assert shown[3000]["id"] == "id-3000"


class Full(io.RawIOBase):
    """A file on a disk that has no more room than this."""

    def __init__(self, room: int) -> None:
        self.room = room

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        return len(data)


@pytest.mark.parametrize("room", [100, 104, 107])
def test_ids_that_find_no_room_on_the_way_do_so_before_anything_is_published(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """75 says that the same call again is safe; so many KiB are there for 108 of answers."""
    source = tmp_path / "batch"
    source.write_text('{"name":"n"}\n' * 4096, encoding="utf-8")

    def full(*_: Any, **named: Any) -> Any:
        return io.TextIOWrapper(io.BufferedWriter(Full(room * 1024)), **named)

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(TryAgain) as raised:
        publish_file(str(source), lambda: disk, lambda made: f"{made.id:<26}", int)

    assert str(raised.value).startswith(
        "cannot keep the ids of the batch in a temporary file (TMPDIR): No space left"
    )
    assert list(Path(disk.path).glob("pending/*/*/*.json")) == []
    assert list(Path(disk.path, "tmp").iterdir()) == []


def test_ids_that_cannot_be_read_back_fail_no_batch_that_is_published(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is said, as of a stdout that is closed."""
    source = tmp_path / "batch"
    source.write_text('{"name":"n"}\n' * 4096, encoding="utf-8")

    def broken(*args: Any, **named: Any) -> Any:
        file = io.TextIOWrapper(io.BytesIO(), **named)
        monkeypatch.setattr(file, "seek", Mock(side_effect=OSError(EIO, os.strerror(EIO))))
        return file

    monkeypatch.setattr("tempfile.TemporaryFile", broken)
    publish_file(str(source), lambda: disk, lambda made: made.id, int)

    assert capfd.readouterr() == (
        "",
        "ampt: published 4,096 events, but their ids could not be printed: "
        "[Errno 5] Input/output error\n",
    )


@pytest.mark.row(48)
def test_ids_wait_for_a_slow_reader_of_a_pipe_that_does_not_block(
    clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Another program has left it so: what does not fit now is written when there is room."""
    source = tmp_path / "batch"
    source.write_text('{"name":"n"}\n' * 4000, encoding="utf-8")
    read, write = os.pipe()
    os.set_blocking(write, False)
    fcntl(write, F_SETPIPE_SZ, 4096)  # it is full for most of the time
    with subprocess.Popen(
        [SCRIPT, "publish", "--batch", source], env=clean_env, stdout=write, stderr=subprocess.PIPE
    ) as process:
        os.close(write)
        assert process.stderr is not None
        with open(read, "rb", buffering=0) as pipe:
            out = b""
            while part := pipe.read(1000):
                out += part
        err = process.stderr.read()

    assert (process.returncode, err) == (0, b"")
    assert out.endswith(b"\n")
    assert len(set(out.split())) == 4000
