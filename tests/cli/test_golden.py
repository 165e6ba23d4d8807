"""Sessions at a shell, as they stand in golden/: `$ command` lines, and what came of them.

`GOLDEN=write pytest tests/cli/test_golden.py` writes them anew; then read the difference.
Ids, times and lengths of time are replaced by words, so that a session is the same on every day.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SCRIPT

GOLDEN = Path(__file__).with_name("golden")
MARK = "@@@ "
ID = re.compile(r"\b[0-9a-f]{20}07[0-9a-f]{4}\b")
WORDS = [
    (re.compile(r"\d{4}-\d\d-\d\d(/\d\d)?/(?=\d{8}T)"), "<bucket>/"),
    (re.compile(r"(most \d+) on \d\d-\d\d"), r"\1 on <day>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "<time>"),
    (re.compile(r"\b\d{2}:\d{2}(:\d\d)?\b"), "<time>"),
    (re.compile(r"or @\d{10}\b"), "or @<seconds>"),
    (re.compile(r"\b\d{8}T\d{9}Z\b"), "<stamp>"),
    (re.compile(r'"(time|due|start|next|first)":\d{13}'), r'"\1":<ms>'),
    (re.compile(r'"ms":[\d.]+'), '"ms":<ms>'),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min|h)\b"), "<length>"),
    (re.compile(r"line \d+, in _?[a-z]\w*"), "line N, in <function>"),
]


def commands(session: str) -> list[str]:
    """The lines that begin with `$ `, each with those that continue it (`> `)."""
    found: list[str] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif line == ">" or line.startswith("> "):
            found[-1] += "\n" + line[2:]
    return found


def played(session: str, folder: Path, env: dict[str, str]) -> str:
    """The session, with what its commands say now."""
    listed = commands(session)
    script = "exec 2>&1\n"
    for command in listed:
        script += f"printf '%s\\n' '{MARK}'\n{command}\nstatus=$?\n"
        script += "[ $status = 0 ] || printf '[exit %s]\\n' $status\n"
    path = os.pathsep.join([str(SCRIPT.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=env | {"PATH": path, "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = done.stdout.split(f"{MARK}\n")[1:]
    assert len(listed) == len(said), done.stdout
    text = ""
    for command, output in zip(listed, said, strict=True):
        text += "$ " + command.replace("\n", "\n> ").replace("> \n", ">\n") + "\n" + output
    return worded(text, folder)


def worded(text: str, folder: Path) -> str:
    """Without what is another at each run."""
    text = text.replace(str(folder), "~")
    ids: dict[str, str] = {}
    text = ID.sub(lambda found: ids.setdefault(found[0], f"<id-{len(ids) + 1}>"), text)
    for pattern, word in WORDS:
        text = pattern.sub(word, text)
    return text


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_a_session_goes_as_it_stands_there(path: Path, clean_env: dict[str, str], tmp_path) -> None:
    """Command by command, with every line that is said."""
    session = path.read_text(encoding="utf-8")
    folder = tmp_path / "here"
    folder.mkdir()
    env = {key: value for key, value in clean_env.items() if key != "AMPT_SPOOL"}
    found = played(session, folder, env | {"HOME": str(folder)})
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")

    assert session == found


def test_there_are_sessions() -> None:
    """And each has commands."""
    assert all(len(commands(path.read_text("utf-8"))) > 3 for path in GOLDEN.glob("*.txt"))
    assert len(list(GOLDEN.glob("*.txt"))) >= 3
