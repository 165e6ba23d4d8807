"""What the fault harnesses share: the library, and a folder where syncing costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import shim
from tests.faults.program import Program, fast_folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these take long: `make fast` leaves them out."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fault library, built once."""
    if shim.compiler() is None:
        pytest.skip("SKIPPED HARNESS: there is no C compiler to build the fault library with")
    return shim.build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder in memory."""
    with fast_folder() as found:
        yield found


@pytest.fixture
def program(folder: Path) -> Program:
    """`ampt` with a fresh spool."""
    return Program(folder / "work")
