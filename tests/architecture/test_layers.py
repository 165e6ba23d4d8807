"""The layers, as CONTRIBUTING.md draws them.

The table there is the rule: module, purpose, and the own modules it may
import. This file reads it, and the imports from the sources with `ast`, so that
neither the page nor the code can change alone.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "ampt_cli"
PAGE = ROOT / "CONTRIBUTING.md"
SOURCES = sorted((ROOT / PACKAGE).rglob("*.py"))

# These load slowly; each has one importer.
SOLE_IMPORTERS = {
    "rich": {"render"},
    "filelock": {"lock"},
    "dateutil": {"when"},
}


def module_of(path: Path) -> str:
    """`ampt_cli/commands/run.py` as `commands.run`; the package itself as `__init__`."""
    return ".".join(path.relative_to(ROOT / PACKAGE).with_suffix("").parts)


def rows(page: str) -> dict[str, list[str]]:
    """Module → its row between `<!-- layers -->` and the end mark: module, purpose, imports."""
    section = re.search(r"<!-- layers -->\n(.*?)<!-- end of layers -->", page, re.DOTALL)
    assert section, "CONTRIBUTING.md has lost its <!-- layers --> marks"
    found: dict[str, list[str]] = {}
    for row in section[1].splitlines():
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
        if len(cells) >= 3 and (named := re.fullmatch(r"`([\w.]+)`", cells[0])):
            assert named[1] not in found, f"{named[1]} has two rows"
            found[named[1]] = cells
    return found


def imports(source: str, module: str, own: set[str]) -> tuple[set[str], set[str]]:
    """The own modules and the foreign packages that `source` imports, wherever it does."""
    ours: set[str] = set()
    foreign: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import, line {node.lineno}"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == PACKAGE:
                ours.add(nearest(name, own))
            else:
                foreign.add(name.partition(".")[0])
    return ours - {module}, foreign


def nearest(name: str, own: set[str]) -> str:
    """The own module that `import name`, or `from` its parent, loads."""
    parts = name.split(".")[1:]
    while parts:
        dotted = ".".join(parts)
        for candidate in (dotted, f"{dotted}.__init__"):
            if candidate in own:
                return candidate
        parts.pop()
    return "__init__"


OWN = {module_of(path) for path in SOURCES}
ROWS = rows(PAGE.read_text(encoding="utf-8"))
# Names in backquotes; none of them means that it imports nothing of ours.
ALLOWED = {module: set(re.findall(r"`([\w.]+)`", row[-1])) for module, row in ROWS.items()}
FOUND = {
    module_of(path): imports(path.read_text(encoding="utf-8"), module_of(path), OWN)
    for path in SOURCES
}


def test_the_table_lists_every_module_and_no_other() -> None:
    """A module that is not in the table, or a row without its module, is found."""
    assert set(ALLOWED) == OWN


@pytest.mark.parametrize("module", sorted(OWN))
def test_a_module_imports_what_its_row_says(module: str) -> None:
    """Equal both ways: an import too many is a leak, a permission too many is stale."""
    ours, _ = FOUND[module]

    assert ours == ALLOWED.get(module)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_module_is_for_what_its_row_says(path: Path) -> None:
    """The first paragraph of its docstring, but for backquotes."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    purpose = " ".join(docstring.partition("\n\n")[0].replace("`", "").split())

    assert ROWS[module_of(path)][1].replace("`", "") == purpose


def test_no_module_imports_itself_in_a_circle() -> None:
    """The table has an order: each round takes out the modules that need no other."""
    left = {module: set(needed) for module, needed in ALLOWED.items()}
    while ready := {module for module, needed in left.items() if not needed & left.keys()}:
        left = {module: needed for module, needed in left.items() if module not in ready}

    assert left == {}


@pytest.mark.parametrize("package", sorted(SOLE_IMPORTERS))
def test_a_slow_package_has_one_importer(package: str) -> None:
    """What is slow to import can be kept off a path only if one module holds it."""
    importers = {module for module, (_, foreign) in FOUND.items() if package in foreign}

    assert importers == SOLE_IMPORTERS[package]


def test_only_commands_import_typer_and_never_publish_or_run() -> None:
    """Those two have a parser of their own, because they must start at once."""
    importers = {module for module, (_, foreign) in FOUND.items() if "typer" in foreign}

    assert {module for module in importers if not module.startswith("commands.")} == set()
    assert importers.isdisjoint({"commands.publish", "commands.run", "commands.__init__"})
    assert "commands.tree" in importers


@pytest.mark.parametrize(
    ("source", "ours", "foreign"),
    [
        ("import os, rich.console", set(), {"os", "rich"}),
        ("from ampt_cli import due", {"due"}, set()),
        ("from ampt_cli.due import parse", {"due"}, set()),
        ("from ampt_cli.commands import run", {"commands.run"}, set()),
        ("import ampt_cli.commands.run", {"commands.run"}, set()),
        ("from ampt_cli import __version__", {"__init__"}, set()),
        ("def f():\n    from ampt_cli import due", {"due"}, set()),
    ],
)
def test_every_spelling_of_an_import_is_seen(
    source: str, ours: set[str], foreign: set[str]
) -> None:
    """No way to write an import hides it from this test."""
    own = {"__init__", "due", "commands.__init__", "commands.run", "here"}

    assert imports(source, "here", own) == (ours, foreign)


def test_who_changes_names_in_a_spool_is_fsio_or_named_there() -> None:
    """By a call of the os module below an open folder; what is in kernel only fsio calls."""
    verbs = {"chmod", "link", "mkdir", "mkfifo", "rename", "rmdir", "symlink", "unlink", "utime"}
    found = {
        path.stem
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in verbs
        and any((word.arg or "").endswith("dir_fd") for word in node.keywords)
    }
    page = ast.get_docstring(ast.parse((ROOT / PACKAGE / "fsio.py").read_text("utf-8")))

    assert "batch" in found
    assert found - {"fsio", "kernel"} <= set(re.findall(r"`(\w+)`", page or ""))
