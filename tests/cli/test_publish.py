"""`ampt publish`: what goes together, what does not, and what is said about it."""

import fcntl
import os
import signal
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SCRIPT, RunAmpt


def bodies(run_ampt: RunAmpt) -> list[str]:
    """Of all events that wait."""
    spool = Path(run_ampt("inspect", "--config").out.split("\t")[1])
    return [
        path.read_text("utf-8").partition('"body":')[2].rstrip("}\n")
        for path in spool.glob("pending/*/*/*.json")
    ]


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ([], "null"),
        (["-5"], "-5"),
        (['{"a": [1, true]}'], '{"a":[1,true]'),
        (["--text", "@x"], '"@x"'),
        (["--text", ""], '""'),
        (["-t", "--", "-x"], '"-x"'),
        (["-f", "a=1", "-f", "b:=1", "--field=c=d=e", "-fe="], '{"a":"1","b":1,"c":"d=e","e":""'),
        (["-f", "a:b=c", "-f", "k::=null"], '{"a:b":"c","k:":null'),
        (["@file"], '{"in":"file"'),
        (["-"], '"stdin"'),
        (["--text", "-"], '"\\"stdin\\""'),
    ],
    ids=str,
)
def test_every_form_of_a_body(
    arguments: list[str], body: str, run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """As it is stored."""
    (tmp_path / "cwd" / "file").write_text('{"in": "file"}\n', encoding="utf-8")

    assert run_ampt("publish", "n", *arguments, stdin='"stdin"').status == 0
    assert bodies(run_ampt) == [body]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["n", "--text"], "--text needs a BODY; '' is one"),
        (["n", "1", "-f", "a=1"], "give a BODY or fields (-f), not both"),
        (["n", "--text", "-f", "a=1"], "give a BODY or fields (-f), not both"),
        (["n", "-f", "a=1", "-f", "a:=1"], "the field 'a' is given twice"),
        (["n", "-f", "a"], "cannot read the field 'a'; write key=text or key:=JSON"),
        (["n", "-f", ":=1"], "cannot read the field ':=1'; write key=text or key:=JSON"),
        (["n", "-f", "a:=x"], "char 0): 'x'; for text write a=, and quote JSON with ' '"),
        (["n", "-f", "a:="], "the field 'a' is empty: that is no JSON; for text write a=, "),
        (["n", ""], "the body is empty: that is no JSON; without a BODY it is null"),
        (["n", "-"], "the body from stdin is empty"),
        (["n", "@text"], "the body in 'text' is no JSON"),
        (["n", "@binary"], "the body in 'binary' is not UTF-8"),
        (["n", "@"], "a file name must follow the @; --text takes it as text"),
        (["n", "@."], "cannot read the body in '.': Is a directory"),
        (["n", "@large"], "the event 'n' has 300,1"),
        (["n", "@huge"], "the body in 'huge' has 3,000,000 bytes, not less than 262,144"),
        (["n", b"\xff"], "the body is not UTF-8: '\\udcff'"),
        (["n", "-t", b"a\xff"], "the body is not UTF-8: 'a\\udcff'"),
        (["n", "-f", b"a=\xff"], "the field 'a' is not UTF-8: '\\udcff'"),
        (["n", "-f", b"\xff=a"], "the name of a field is not UTF-8: '\\udcff'"),
        ([b"\xff"], "the name '\\udcff' is not valid UTF-8"),
        (["n", "--id", b"\xff"], "the id '\\udcff' is not made of"),
        (["n", "--id", ""], "--id ID is empty; is a variable not set?"),
        (["n", "--after", ""], "--after WHEN is empty; is a variable not set?"),
        (["n", "--after", " "], "cannot read ' ' as a time: it is empty"),
        (["n", "-f", ""], "-f KEY=TEXT is empty; is a variable not set?"),
        (["n", "--spool", ""], "--spool DIR is empty; is a variable not set?"),
        (["n", "--spool="], "--spool DIR is empty; is a variable not set?"),
        (["--batch", ""], "--batch FILE is empty; is a variable not set?"),
        (["--batch", "x", "n"], "--batch takes no NAME and no BODY"),
        (["--batch", "x", "--after", "1d"], "--after does not go with --batch"),
        (["--batch", "x", "--id", "a"], "--id does not go with --batch"),
        (["--batch", "x", "-t"], "--text does not go with --batch"),
        (["--batch", "x", "-f", "a=1"], "--field does not go with --batch"),
        (["n", "--json=1"], "--json takes no value"),
        (["n", "--id"], "--id needs a value: --id ID"),
        (["n", "1", "2"], "publish takes a NAME and at most one BODY"),
        ([], "publish takes a NAME and at most one BODY"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_one_line_that_says_why(
    arguments: list[str], said: str, run_ampt: RunAmpt, spool_dir: Path, tmp_path: Path
) -> None:
    """Exit 2, and nothing is written."""
    here = tmp_path / "cwd"
    (here / "text").write_text("plain\n", encoding="utf-8")
    (here / "binary").write_bytes(b"\xff\xfe")
    (here / "large").write_text('"' + "x" * 300_000 + '"', encoding="utf-8")
    (here / "huge").write_bytes(b"x" * 3_000_000)
    done = run_ampt("publish", *arguments)

    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err
    assert not list(spool_dir.rglob("*.json"))
    assert not (tmp_path / "home" / ".local").exists()


def test_a_body_on_stdin_that_never_ends_is_refused(run_ampt: RunAmpt) -> None:
    """How large it is altogether is not waited for."""
    done = run_ampt("publish", "n", "-", stdin=b"[" * 3_000_000)

    assert done.status == 2
    assert "the body from stdin has more than 1,048,576 bytes, not less than 262,144" in done.err


def test_an_event_of_one_byte_less_than_the_limit_is_stored(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """Body and metadata together; at the limit it is refused with its size, in bytes of UTF-8."""
    run_ampt("publish", "n", "--text", "é")
    [path] = spool_dir.glob("pending/*/*/*.json")
    around = path.stat().st_size - 2
    largest = "é" * ((262_143 - around) // 2) + "x" * ((262_143 - around) % 2)

    assert run_ampt("publish", "n", "--text", "-", stdin=largest).status == 0
    assert max(path.stat().st_size for path in spool_dir.glob("pending/*/*/*.json")) == 262_143
    refused = run_ampt("publish", "n", "--text", "-", stdin=largest + "x")
    assert refused.status == 2
    assert "the event 'n' has 262,144 bytes, not less than 262,144" in refused.err


def is_asleep(pid: int) -> bool:
    """Whether it waits in the kernel: Python sees no signal that comes just before a system call."""
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text("ascii").rpartition(")")[2].split()[0] == "S"


@pytest.mark.row(47)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("arguments", [["n", "-"], ["n", "@fifo"], ["--batch", "-"]], ids=str)
def test_whoever_waits_for_a_body_can_be_interrupted(
    arguments: list[str],
    number: signal.Signals,
    status: int,
    clean_env: dict[str, str],
    spool_dir: Path,
    tmp_path: Path,
    wait_until: Callable[[Callable[[], object]], None],
) -> None:
    """One line, and nothing is left of what had been read."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [SCRIPT, "publish", *arguments],
        env=clean_env,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL if "@fifo" in arguments else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process.stdin or fifo.open("wb", 0) as pipe:
        pipe.write(b'{"name":"m"}\n')
        pipe.flush()
        wait_until(lambda: fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) == bytes(4))
        wait_until(lambda: is_asleep(process.pid))
        process.send_signal(number)
        process.wait(20)
    process.stdin = None
    out, err = process.communicate()

    assert (process.returncode, out) == (status, b"")
    assert err == b"ampt: interrupted; nothing was published\n"
    assert not list(spool_dir.rglob("*.json"))
    assert not list(spool_dir.glob("tmp/*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_script_ignores_interrupts_no_publish_of_it(
    number: signal.Signals,
    clean_env: dict[str, str],
    wait_until: Callable[[Callable[[], object]], None],
) -> None:
    """`trap '' INT TERM` is for a part of it that is to be finished; `&` ignores SIGINT, too."""
    process = subprocess.Popen(
        ["sh", "-c", "trap '' INT TERM; exec \"$0\" publish n -", SCRIPT],
        env=clean_env,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    pipe = process.stdin
    assert pipe
    pipe.write(b"[1,")
    pipe.flush()
    wait_until(lambda: fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) == bytes(4))
    process.send_signal(number)
    out, err = process.communicate(b"2]", timeout=20)

    assert (process.returncode, len(out), err) == (0, 27, b"")
