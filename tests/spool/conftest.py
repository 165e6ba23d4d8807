"""What most tests of the disk begin with."""

from pathlib import Path

import pytest

from ampt_cli import place
from ampt_cli.fsio import Disk


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A fresh spool."""
    return place.open_disk(str(tmp_path / "spool"), create=True)
