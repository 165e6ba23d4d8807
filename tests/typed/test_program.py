"""What type checkers say of a user's program, at their strictest."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("program.py")
STRICT = {
    "typeCheckingMode": "strict",
    "reportUnnecessaryTypeIgnoreComment": "error",
    "enableTypeIgnoreComments": False,
}


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_program_is_typed_as_its_user_expects(checker: str, tmp_path: Path) -> None:
    """A decorated handler keeps its type, and each mistake is found."""
    command = Path(sys.executable).with_name(checker)
    if not command.exists():
        pytest.skip(f"{checker} is not installed here")
    shutil.copy(PROGRAM, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(STRICT), encoding="utf-8")
    options = {
        "mypy": ["--strict", "--config-file=", "--python-executable", sys.executable],
        "pyright": ["--pythonpath", sys.executable],
    }[checker]
    done = subprocess.run(
        [command, *options, "program.py"] if checker == "mypy" else [command, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Success" in done.stdout or "0 errors" in done.stdout
