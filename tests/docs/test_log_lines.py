"""Every line that a run logs as a problem is explained in docs/systemd.md, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([^`]*…[^`]*)` \| ", re.MULTILINE)


def _calls(method: str) -> Iterator[ast.expr]:
    """The last argument of each call of a method of that name, where it is a text."""
    for module in (ROOT / "ampt_cli").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            called = getattr(node, "func", None)
            name = getattr(called, "attr", getattr(called, "id", None))
            if isinstance(node, ast.Call) and name == method and node.args:
                if isinstance(node.args[-1], ast.JoinedStr | ast.Constant):
                    yield node.args[-1]


def _text(text: ast.expr) -> str:
    """What it says, with … for what is filled in."""
    if isinstance(text, ast.Constant):
        return str(text.value)
    assert isinstance(text, ast.JoinedStr)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "…" for part in text.values
    )


def test_every_problem_is_explained() -> None:
    """A table row for each; `fail` makes "cannot …: the error" of what was tried."""
    said = {_text(text) for text in _calls("problem")}
    said |= {f"cannot {_text(text)}: …" for text in _calls("fail")}

    assert len(said) >= 9
    assert set(ROW.findall((ROOT / "docs" / "systemd.md").read_text("utf-8"))) == said
