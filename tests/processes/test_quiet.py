"""Records that workers append themselves: those of attempts that succeeded and printed nothing."""

import json
import os
from pathlib import Path

import pytest

from ampt_cli import layout, settling
from ampt_cli.claim import Claim
from ampt_cli.fsio import FOLDER, Disk

HANDLERS = """
import ctypes, io, os, subprocess, sys

libc = ctypes.CDLL(None)

@events.on("mixed")
def mixed(event):
    text = f"of {event.body}"
    how = event.body % 8
    if how == 1: print(text)
    if how == 2: os.write(1, text.encode())
    if how == 3: print(text, end="")
    if how == 4: libc.dprintf(2, text.encode())
    if how == 5: subprocess.run(["echo", text], check=True)
    if how == 6:
        print(text, end="")
        sys.stdout = io.StringIO()

@events.on("dies")
def dies(event):
    print("a line")
    print("half of one", end="", file=sys.stderr)
    os._exit(3)

@events.on("closes")
def closes(event):
    global kept
    os.closerange(3, 200)
    kept = [open(event.body, "a") for _ in range(190)]
"""


def records(path: Path) -> list[dict[str, object]]:
    """The lines after the first."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def test_each_event_has_what_it_printed_and_no_other(
    run_ampt, spool_dir: Path, write_handlers
) -> None:
    """However it prints, between events that print nothing; and each has one record."""
    lines = "".join(json.dumps({"name": "mixed", "body": n}) + "\n" for n in range(140))
    assert run_ampt("publish", "--batch", "-", stdin=lines).status == 0
    assert run_ampt("run", "--jobs", "2", "--handlers", write_handlers(HANDLERS)).status == 0

    found = {}
    for path in spool_dir.glob("done/*/*.json"):
        (made,) = records(path)
        body = json.loads(path.read_text(encoding="utf-8").splitlines()[0])["body"]
        found[body] = str(made.get("output", "")).strip()
    assert found == {n: f"of {n}" if 1 <= n % 8 <= 6 else "" for n in range(140)}
    assert run_ampt("check").status == 0


def test_what_was_printed_before_a_worker_died_is_kept(
    run_ampt, spool_dir: Path, write_handlers
) -> None:
    """Whole lines of stdout, and all of stderr."""
    run_ampt("publish", "dies")
    assert run_ampt("run", "--handlers", write_handlers(HANDLERS)).status == 0
    [path] = spool_dir.glob("retry/*/*/*.json")
    [made] = records(path)

    assert made["output"] == "a line\nhalf of one"


def test_a_record_never_goes_into_a_file_of_the_handler(
    run_ampt, spool_dir: Path, tmp_path: Path, write_handlers
) -> None:
    """One that has the number of the file that the handler closed: it stays as it was."""
    theirs = tmp_path / "theirs"
    run_ampt("publish", "closes", json.dumps(str(theirs)))
    run_ampt("run", "--handlers", write_handlers(HANDLERS))

    assert theirs.read_bytes() == b""
    (path,) = spool_dir.glob("done/*/*.a1.closes.json")
    assert len(records(path)) == 1


@pytest.fixture
def claim(tmp_path: Path) -> tuple[Claim, Path, layout.Entry]:
    """A claim that is not open yet, its file, and its entry."""
    entry = layout.Entry(".", "20261124T101500123Z", "x", 1, "n")
    path = tmp_path / entry.file
    path.write_text('{"ampt":1,"id":"x","name":"n","time":0,"due":0,"body":null}\n', "utf-8")
    path.chmod(0o600)
    return Claim(Disk(os.open(tmp_path, FOLDER))), path, entry


def test_a_record_follows_the_event(claim: tuple[Claim, Path, layout.Entry]) -> None:
    """And the file is closed."""
    opened, path, entry = claim
    event = opened.open(entry)
    fd = opened.fd

    assert (event.name, opened.close(b"{}\n")) == ("n", True)
    assert path.read_bytes().endswith(b"null}\n{}\n")
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


@pytest.mark.parametrize("more", [b"{torn", b'{"attempt":1}\n'])
def test_a_file_that_grew_is_left_to_the_supervisor(
    claim: tuple[Claim, Path, layout.Entry], more: bytes
) -> None:
    """Which looks at how the file ends before it appends."""
    opened, path, entry = claim
    opened.open(entry)
    with path.open("ab") as file:
        file.write(more)

    assert not opened.close(b"{}\n")
    assert path.read_bytes().endswith(more)


def test_a_torn_line_is_left_to_the_supervisor(claim: tuple[Claim, Path, layout.Entry]) -> None:
    """It was there before the attempt."""
    opened, path, entry = claim
    with path.open("ab") as file:
        file.write(b"{torn")
    opened.open(entry)

    assert not opened.close(b"{}\n")
    assert path.read_bytes().endswith(b"{torn")


def test_a_file_under_a_closed_number_is_left_alone(
    claim: tuple[Claim, Path, layout.Entry], tmp_path: Path
) -> None:
    """Neither written nor closed: it is another's."""
    opened, path, entry = claim
    opened.open(entry)
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    os.dup2(other, opened.fd)
    fd = opened.fd

    assert not opened.close(b"{}\n")
    assert os.fstat(fd).st_size == 0
    assert path.read_bytes().endswith(b"null}\n")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"", False),
        (b'{"attempt":1,"outcome":"succeeded"}\n', True),
        (b'{"attempt":1,"outcome":"succeeded"}', False),
        (b'{"attempt":1,"outcome":"succeeded"}\n{torn', False),
        (b'{"attempt":1,"outcome":"failed"}\n', False),
        (b'{"attempt":2,"outcome":"succeeded"}\n', False),
        (b'{"attempt":1,"outcome":"succeeded"}\n{"attempt":2,"outcome":"failed"}\n', False),
        (b"[1]\n", False),
    ],
)
def test_only_the_whole_last_record_of_the_attempt_says_that_it_succeeded(
    claim: tuple[Claim, Path, layout.Entry], lines: bytes, expected: bool
) -> None:
    """Anything else is an attempt that was cut short."""
    opened, path, entry = claim
    with path.open("ab") as file:
        file.write(lines)

    assert settling.has_succeeded(opened.disk, entry) == expected
