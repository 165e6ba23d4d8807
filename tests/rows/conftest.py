"""What the tests of the rows ask for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rows.files import HANDLERS, bucket


@pytest.fixture
def beside(run_ampt, write_handlers, spool_dir: Path) -> Callable[[], None]:
    """A good event is published now; the function that is given runs, and wants it handled."""
    handlers = write_handlers(HANDLERS)
    good = run_ampt("publish", "n").out.strip()

    def run() -> None:
        ended = run_ampt("run", "--handlers", handlers, timeout=30)
        assert ended.status in (0, 77), ended.err
        assert "Traceback" not in ended.err
        assert run_ampt("inspect", good, "--json").out.find('"state":"done"') > 0, ended.err

    bucket(spool_dir)
    return run
