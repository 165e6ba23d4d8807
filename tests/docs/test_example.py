"""The example project works as docs/testing.md says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SCRIPT

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


def test_its_tests_pass(project: Path, clean_env) -> None:
    """With nothing but the installed package."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=project,
        env=clean_env,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stdout
    assert "5 passed" in ended.stdout


def test_what_its_script_publishes_is_handled(project: Path, clean_env, run_ampt) -> None:
    """Two are due within a second or so, one in a week."""
    env = {name: value for name, value in clean_env.items() if name != "AMPT_SPOOL"}
    path = {"PATH": f"{SCRIPT.parent}:{os.environ['PATH']}"}
    published = subprocess.run(["./publish.sh"], cwd=project, env={**env, **path})
    first = run_ampt("run", cwd=project, env={"AMPT_SPOOL": None})
    listed = run_ampt("inspect", "--group-by", "name", cwd=project, env={"AMPT_SPOOL": None})

    assert published.returncode == 0
    assert first.status == 0, first.err
    assert "welcome, user 7" in first.err
    counted = [line.split("\t")[:3] for line in listed.out.splitlines()]
    assert ["1", "done", "user.joined"] in counted
    assert ["1", "pending", "user.asked"] in counted
