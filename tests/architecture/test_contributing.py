"""What CONTRIBUTING.md says of the project is so. Its layers have a test of their own."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def _section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def _name(requirement: str) -> str:
    found = re.match(r"[\w-]+", requirement)
    assert found is not None
    return found[0]


def test_every_folder_of_tests_is_in_the_table() -> None:
    """And no folder that is gone."""
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "tests").glob("*/*.py")}
    told = re.findall(r"^\| `(tests/\w+)` \|", _section("Tests"), re.M)

    assert sorted(told) == sorted(map(str, folders))


def test_every_dependency_has_its_reason() -> None:
    """A row for each that users get; a word for each that developers do."""
    needed = {_name(requirement) for requirement in PROJECT["project"]["dependencies"]}
    groups = PROJECT["dependency-groups"].values()
    wanted = {_name(one) for group in groups for one in group if isinstance(one, str)}
    text = _section("Dependencies")
    developing = text.split("For development:")[1]

    assert set(re.findall(r"^\| ([\w-]+) \| (?!why)", text, re.M)) - {"package"} == needed
    for name in wanted:
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", developing), name


def test_every_marker_is_named() -> None:
    """As pytest is told of them, but timeouts, which pytest-timeout brings."""
    markers = {_name(marker) for marker in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    told = _section("Tests").split("Markers:")[1].split(".")[0]

    assert set(re.findall(r"`(\w+)`", told)) == markers


def test_every_target_of_make_that_is_named_exists() -> None:
    """And `make help` knows every target that people may want."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    named = {
        target
        for page in pages
        for said in re.findall(r"`make ([a-z -]+)`", page.read_text("utf-8"))
        for target in said.split()
    }
    helped = makefile.split("\nhelp:")[1].split("\n\n")[0]

    assert named <= targets
    for target in targets - {"help", "base", "dev"}:
        assert re.search(rf"\b{target}\b", helped), target


def test_every_release_says_what_became_of_the_format() -> None:
    """If only "Unchanged": who reads a spool looks for this heading first."""
    releases = (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n## [")[1:]

    assert [one.split("]")[0] for one in releases if "\n### Spool format\n" not in one] == []
    assert len(releases) >= 2
