"""The pages and the program name the same things: commands, options, states, outcomes, figures."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ampt_cli import configuration, errors, layout, record
from ampt_cli.commands import tree
from scripts.pages import facts, words

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
COMMANDS = {command.name: command for command in tree.all_described()}
ALWAYS = {"--help", "-h", "--version"}
CALL = re.compile(r"(?<![\w./-])ampt +((?!is\b)[a-z]+|-)([^`|&;\n]*)")


def _shown(text: str) -> Iterator[tuple[str, str]]:
    """Command lines in blocks and between backticks: the command, and what follows."""
    for block in re.findall(r"^```(?:sh|text)\n(.*?)^```$", text, re.M | re.S):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            yield from CALL.findall(line.partition(" #")[0])
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    for code in re.findall(r"`([^`\n]+)`", outside):
        yield from CALL.findall(code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_in_a_page_would_be_understood(page: Path) -> None:
    """The command exists, and has the options."""
    for name, following in _shown(page.read_text("utf-8")):
        if name in ("-", "help"):
            continue
        assert name in COMMANDS, (name, following)
        known = {flag for option in COMMANDS[name].options for flag in option.flags} | ALWAYS
        used = re.findall(
            r"(?<=\s)(--[a-z-]+|-[a-z])(?![\w-])", re.sub(r"'[^']*'|\"[^\"]*\"", "", following)
        )
        assert set(used) <= known, (name, following)
        for option in COMMANDS[name].options:
            allowed = words.choices(COMMANDS[name], option)
            for value in re.findall(rf"{option.flags[0]} -?([a-z]+)", following) if allowed else ():
                assert value in allowed, (name, following)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_in_a_page_exists(page: Path) -> None:
    """Where a page says `setting = value`, ampt.toml may say it."""
    for setting in re.findall(r"`([a-z_]+) =", page.read_text("utf-8")):
        assert setting in configuration.KEYS


def test_many_command_lines_are_found() -> None:
    """Or the test above would say nothing."""
    assert sum(1 for page in PAGES for _ in _shown(page.read_text("utf-8"))) > 150


def _table(page: str, heading: str) -> str:
    return (ROOT / page).read_text("utf-8").split(heading)[1].split("\n## ")[0]


def test_the_states_of_the_specification_are_those_of_the_program() -> None:
    """Their folders in section 2, their columns in section 5."""
    glance = _table("spool_format.md", "\n## 2.")
    folders = re.findall(r"^[├└]── (\w+)/", glance, re.M)
    columns = re.findall(r"^ +tmp +(.*)$", _table("spool_format.md", "\n## 5."), re.M)

    assert sorted(folders) == sorted(layout.FOLDERS)
    assert columns[0].split() == list(layout.STATES)


def test_the_outcomes_of_the_specification_are_those_of_the_program() -> None:
    """In section 0, in their order."""
    said = re.search(r"how an attempt ended \((.*?)\)", _table("spool_format.md", "\n## 0."), re.S)
    assert said is not None

    assert tuple(re.findall(r"`(\w+)`", said[1])) == record.OUTCOMES


def test_every_deed_is_in_the_specification() -> None:
    """What an operator did is recorded by a word that a reader may look up."""
    row = re.search(
        r"^\| `action`, `time` \| deeds \| ([^;]*);", _table("spool_format.md", "\n## 4."), re.M
    )
    assert row is not None
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "ampt_cli").rglob("*.py"))
    deeds = set(re.findall(r"record\.deed\(\s*\"(\w+)\"", sources))
    deeds |= set(re.findall(r"reschedule\([^)]*?\"(\w+)\"", sources))

    assert set(re.findall(r"`(\w+)`", row[1])) == deeds


def test_every_exit_status_that_is_documented_can_be_met() -> None:
    """0, and what signals make, beside the errors'."""
    classes = (one for one in vars(errors).values() if isinstance(one, type))
    met = {one.exit_status for one in classes if issubclass(one, errors.AmptError)}

    assert {status for status, _ in facts.EXIT} == met | {0, 130, 143}


def test_every_figure_is_explained(run_ampt, spool_dir, write_handlers) -> None:
    """What `ampt metrics` writes is what docs/systemd.md has."""
    run_ampt("publish", "n")
    run_ampt("run", "--handlers", write_handlers("events.on('n', print)\n"))
    told = set(re.findall(r"^# TYPE (\w+)", run_ampt("metrics").out, re.M))

    assert set(re.findall(r"`(ampt_\w+)", _table("docs/systemd.md", "\n## Prometheus"))) == told
