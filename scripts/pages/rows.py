"""docs/faults.md: the last column of its tables, from the markers of the tests."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
ROW = re.compile(r"\| (R?\d+) \|(.*)\|(.*)\|(.*)\|")
MOST = 4  # tests that are named for one row


def page() -> str:
    """The page, with the tests that there are now."""
    tests = marked()
    return "".join(_line(line, tests) for line in PAGE.read_text("utf-8").splitlines(True))


def _line(line: str, tests: dict[str, list[str]]) -> str:
    found = ROW.fullmatch(line.rstrip("\n"))
    if not found:
        return line
    number, fault, answer, _ = found.groups()
    named = tests.get(number, [])
    more = [f"and {len(named) - MOST} more"] if len(named) > MOST else []
    shown = "; ".join([_link(test) for test in named[:MOST]] + more)
    return f"| {number} |{fault}|{answer}| {shown or 'none'} |\n"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})"


def marked() -> dict[str, list[str]]:
    """For each row, and each rule (R1), the tests that are marked with it: `path::name`, sorted."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "rows")
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", f"{__package__}.marks",
             "-m", "", "-o", "addopts=--import-mode=importlib", "tests"],
            cwd=ROOT,
            env={**os.environ, "ROWS": str(told), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        found: dict[str, list[str]] = {}
        for row, test in _pairs(told):
            found.setdefault(row, []).append(test)
    return found


def _pairs(told: Path) -> Iterator[tuple[str, str]]:
    for line in sorted(set(told.read_text("utf-8").splitlines())):
        number, _, test = line.partition(" ")
        yield number, test
