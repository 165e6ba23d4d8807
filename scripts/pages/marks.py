"""A plugin of pytest: writes `ROW PATH::TEST` for each test that is marked with a row, to $ROWS."""

import os
from pathlib import Path

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """Called when all tests are known."""
    lines = [
        f"{mark.args[0]} {item.nodeid.partition('[')[0]}\n"
        for item in session.items
        for mark in item.iter_markers("row")
    ]
    Path(os.environ["ROWS"]).write_text("".join(lines), encoding="utf-8")
