"""A plugin of pytest: writes `ROW PATH::TEST` to $ROWS for each test marked with a row or rule."""

import os
from pathlib import Path

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """Called when all tests are known."""
    lines = [
        f"{letter}{mark.args[0]} {item.nodeid.partition('[')[0]}\n"
        for item in session.items
        for letter, marker in (("", "row"), ("R", "rule"))
        for mark in item.iter_markers(marker)
    ]
    Path(os.environ["ROWS"]).write_text("".join(lines), encoding="utf-8")
