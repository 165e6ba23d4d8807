"""The generated pages are what the code says, and the manual is well made."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ampt_cli import errors, layout
from ampt_cli.commands import retry, tree
from ampt_cli.commands.complete import IDS
from ampt_cli.options import help_text
from ampt_cli.origins import SETTINGS
from scripts.pages import facts, rows
from scripts.pages.generated import pages

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"[A-Z]+(_[A-Z]+)+")


def test_every_page_is_what_the_code_says() -> None:
    """`make docs` writes them again."""
    for name, text in pages().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, name


def test_every_row_of_the_faults_has_a_test_or_says_why_not() -> None:
    """Rows 1 to 83, and rules 1 to 13, each once."""
    found = [
        row
        for line in rows.PAGE.read_text("utf-8").splitlines()
        if (row := rows.ROW.fullmatch(line))
    ]

    numbers = [*range(1, 84), *(f"R{rule}" for rule in range(1, 14))]
    assert [row[1] for row in found] == list(map(str, numbers))
    for row in found:
        assert row[4].strip() != "none" or row[3].strip().startswith("otherwise:"), row[0]


def test_the_manual_page_is_well_made() -> None:
    """mandoc has no complaint, but that other manuals are not installed here."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    said = subprocess.run(
        ["mandoc", "-Tlint", ROOT / "man" / "ampt.1"], capture_output=True, text=True
    ).stdout

    assert [line for line in said.splitlines() if "referenced manual not found" not in line] == []


def test_the_manual_page_is_well_made_for_groff_too() -> None:
    """man(1) of Linux systems warns of nothing."""
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("man or groff is not installed")
    ended = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", ROOT / "man" / "ampt.1"],
        capture_output=True,
        text=True,
    )

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_manual_page_has_the_sections_that_a_reader_looks_for() -> None:
    """In the order of mdoc(7), with two of our own."""
    text = (ROOT / "man" / "ampt.1").read_text("utf-8")
    own = {"HANDLERS", "SETTINGS"}

    assert [name for name in re.findall(r"^\.Sh (.*)$", text, re.M) if name not in own] == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "FILES", "EXIT STATUS"),
        *("EXAMPLES", "SEE ALSO", "CAVEATS"),
    ]


def test_settings_in_the_manual_can_be_copied() -> None:
    """In mdoc a bare quote is swallowed."""
    text = (ROOT / "man" / "ampt.1").read_text("utf-8")
    shown = re.findall(r"^\.It Cm (\w+) No = \"(.*)\"$", text, re.M)

    assert [(key, value.replace("\\(dq", '"')) for key, value in shown] == [
        (key, example) for key, example, _ in SETTINGS
    ]


def _names_asked_for(tree: ast.AST) -> set[str]:
    """What a module asks the environment for, by name; constants are looked through."""
    found = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    calls = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) in ("os.environ", "environ")
        and node.func.attr in ("get", "pop")
    ]
    literal = {str(arg.value) for arg in calls if isinstance(arg, ast.Constant)}
    indirect = {name for name in found if VARIABLE.fullmatch(name)} if calls else set()
    return literal | indirect


def test_every_variable_of_the_environment_is_documented() -> None:
    """And none that nobody asks for; rich is who asks for NO_COLOR."""
    asked = {"NO_COLOR"}
    for module in (ROOT / "ampt_cli").rglob("*.py"):
        asked |= _names_asked_for(ast.parse(module.read_text("utf-8")))
    documented = {name for names, _ in facts.ENVIRONMENT for name in names.split(", ")}

    assert documented == asked


def test_every_exit_status_of_an_error_is_documented() -> None:
    """A status that a script may meet is one that a page explains."""
    used = {
        one.exit_status
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.AmptError)
    }

    assert used <= {status for status, _ in facts.EXIT}


@pytest.mark.parametrize("command", tree.all_described(), ids=lambda command: command.name)
def test_every_option_says_what_it_takes_and_means(command) -> None:
    """A value has a name, a help has a sentence, and no line is too wide for 100 columns."""
    for option in command.options:
        assert option.help.endswith("."), option.flags
        assert not option.value.startswith("<"), option.flags
    assert command.examples
    assert max(map(len, help_text(command).splitlines())) <= 100


def test_what_is_offered_to_a_command_is_what_it_takes() -> None:
    """`ampt --complete` has its own list of states, because it must be light."""
    assert set(IDS["retry"]) == set(retry.ALLOWED) - {"quarantine"}
    assert set(IDS["cancel"]) == set(layout.WAITING) == set(IDS["move"])


def test_every_flag_means_the_same_everywhere() -> None:
    """One letter, one option: -n is --name wherever it exists."""
    meanings: dict[str, set[str]] = {}
    for command in tree.all_described():
        for option in command.options:
            for flag in option.flags:
                if len(flag) == 2:
                    meanings.setdefault(flag, set()).add(option.flags[0])

    several = {flag: names for flag, names in meanings.items() if len(names) > 1}
    assert several == {"-f": {"--field", "--follow"}}
