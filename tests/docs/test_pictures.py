"""The pictures in docs/pictures: shown, small, and loading nothing."""

import re
import shlex
from pathlib import Path

import pytest

from ampt_cli.commands import tree
from scripts import pictures

ROOT = Path(__file__).parents[2]
DRAWN = sorted((ROOT / "docs" / "pictures").glob("*"))
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
LOADS = re.compile(
    r"url\(|@import|@font-face|<script|href=|src=|https?://(?!www\.w3\.org/2000/svg)"
)


def test_there_is_a_picture_of_each_scene_and_no_other() -> None:
    """`make pictures` writes them all."""
    assert [path.name for path in DRAWN] == sorted(f"{name}.svg" for name in pictures.SCENES)


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.name)
def test_a_picture_loads_nothing_and_is_small(path: Path) -> None:
    """No font, no script, no address but the name of the format."""
    text = path.read_text(encoding="utf-8")

    assert LOADS.findall(text) == []
    assert len(text) < 20_000


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.name)
def test_a_picture_is_shown_on_a_page(path: Path) -> None:
    """With words for those who do not see it."""
    shown = re.compile(rf"!\[[^]]+\]\((docs/)?pictures/{path.name}\)")

    assert any(shown.search(page.read_text(encoding="utf-8")) for page in PAGES)


def test_what_is_drawn_is_what_was_sent_to_the_terminal() -> None:
    """Every word, its colour, and the spaces before it."""
    drawn = pictures.svg("\x1b[31m  dead <1>\x1b[0m  & done\n", 40, "x")

    assert ">  dead &lt;1&gt;<" in drawn
    assert ">  &amp; done<" in drawn
    assert LOADS.findall(drawn) == []


def test_scenes_are_of_commands_that_there_are() -> None:
    """A command that is renamed is drawn anew."""
    known = {command.name for command in tree.all_described()}
    played = [shlex.split(one) for _, commands in pictures.SCENES.values() for one in commands]

    assert {words[1] for words in played} <= known
