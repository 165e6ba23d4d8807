"""The long forms of all harnesses; `make evidence` runs them too, and writes docs/evidence.md."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.evidence
@pytest.mark.timeout(3600)
def test_the_long_forms_find_nothing_and_catch_every_mutant(library, tmp_path):
    """Everything, counted; $EVIDENCE_SCALE does a part of it."""
    page = tmp_path / "evidence.md"
    scale = os.environ.get("EVIDENCE_SCALE", "1")
    argv = [sys.executable, "-m", "tests.faults.evidence", "--scale", scale, "--output", str(page)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, stuck or overlapped" in page.read_text()
