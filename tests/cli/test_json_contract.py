"""docs/json_output.md is the contract: what every --json writes is held against its tables."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ampt_cli import instants

PAGE = (Path(__file__).parents[2] / "docs" / "json_output.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([\w ]+) \|", re.MULTILINE)
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "list": (list,),
    "null": (type(None),),
    "anything": (object,),
}
HANDLERS = """
from ampt_cli import GiveUp

@events.on("good")
def good(event):
    print("seen")

@events.on("bad")
def bad(event):
    raise ValueError("no")

@events.on("worse")
def worse(event):
    raise GiveUp("never")
"""


def shapes(section: str) -> list[dict[str, str]]:
    """The tables of a section: fields and their types."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    tables = re.split(r"^\| field .*$", text, flags=re.MULTILINE)[1:]
    return [dict(ROW.findall(table)) for table in tables]


def fits(data: dict[str, Any], shape: dict[str, str]) -> None:
    """The very fields, each of its type."""
    assert list(data) == list(shape)
    for field, wanted in shape.items():
        allowed = [kind for word in wanted.split(" or ") for kind in TYPES[word]]
        assert type(data[field]) in allowed or object in allowed, (field, data[field])


@pytest.fixture
def lines(run_ampt):
    """Run a command with --json, give what it wrote."""

    def run(*args: str | Path, status: int = 0, **more: Any) -> list[dict[str, Any]]:
        ended = run_ampt(*args, "--json", **more)
        assert ended.status == status, ended.err
        return [json.loads(line) for line in ended.out.splitlines()]

    return run


@pytest.fixture
def ids(run_ampt, write_handlers) -> dict[str, str]:
    """A spool with an event in each state but running; their ids by name."""
    handlers = write_handlers(HANDLERS)
    made = {name: run_ampt("publish", name).out.strip() for name in ("good", "bad", "worse")}
    run_ampt("run", "--handlers", handlers)
    made["later"] = run_ampt("publish", "later", "--after", "1 day").out.strip()
    return made


def test_publish(lines) -> None:
    fits(*lines("publish", "x", "[1]", "--after", "90s"), *shapes("publish"))


def test_the_overview(lines, ids, spool_dir) -> None:
    [found] = lines("inspect")
    fits(found, *shapes("inspect"))
    assert found["counts"] | {"quarantine": 0} == {
        "pending": 1,
        "retry": 1,
        "running": 0,
        "done": 1,
        "dead": 1,
        "quarantine": 0,
    }
    fits({"v": 1} | found["errors"][0], *shapes("inspect of groups"))


def test_events(lines, ids) -> None:
    listed, one = shapes("inspect of events")
    for state in ("pending", "retry", "done", "dead"):
        [found] = lines("inspect", "--state", state)
        fits(found, listed)
        [alone] = lines("inspect", found["id"])
        fits(alone, listed | one)


def test_groups(lines, ids) -> None:
    for by in ("error", "name"):
        found = lines("inspect", "--group-by", by)
        assert len(found) == 4
        for group in found:
            fits(group, *shapes("inspect of groups"))


def test_settings(lines) -> None:
    found = lines("inspect", "--config")
    assert found
    for one in found:
        fits(one, *shapes("inspect of settings"))


@pytest.mark.parametrize("dry", [True, False])
def test_retry_and_cancel(lines, ids, dry: bool) -> None:
    shape = shapes("retry, cancel")[0]
    more = ["--dry-run"] if dry else []
    for args in (["retry", ids["worse"]], ["cancel", ids["later"]]):
        [deed] = lines(*args, *more)
        fits(deed, shape)
        assert deed["moved"] is not dry


def test_edit(lines, ids, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho \'{"new": 1}\' > "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    [edited] = lines("retry", ids["worse"], "--edit", env={"EDITOR": str(editor), "VISUAL": None})
    fits(edited, shapes("retry, cancel")[1])
    assert (edited["replaces"], edited["moved"]) == (ids["worse"], True)


def test_move(lines, ids) -> None:
    fits(*lines("move", ids["later"], "--after", "2 days"), *shapes("move"))


def test_handlers(lines, ids, tmp_path: Path) -> None:
    found = lines("handlers", "--handlers", tmp_path / "handlers.py")
    assert [one["name"] for one in found] == ["good", "bad", "worse", "later"]
    assert found[-1]["handler"] is None, "what waits without one"
    for one in found:
        fits(one, *shapes("handlers"))


def test_findings(lines, ids, spool_dir: Path) -> None:
    (spool_dir / "pending" / "rubbish").touch()
    [finding] = lines("check", status=1)
    fits(finding, *shapes("check"))


def test_prune(lines, ids, spool_dir: Path) -> None:
    old = instants.day(1_600_000_000_000)
    for day in (spool_dir / "done").iterdir():
        os.rename(day, day.with_name(old))
    whole, of_a_day = shapes("prune")
    [day_] = lines("prune", "--dry-run")
    fits(day_, of_a_day)
    [done] = lines("prune")
    fits(done, whole)
    assert (day_["date"], day_["events"], done["deleted"]) == (old, 1, 1)


def test_the_log_of_a_run(run_ampt, write_handlers) -> None:
    handlers = write_handlers(HANDLERS)
    for name in ("good", "bad"):
        run_ampt("publish", name)
    ended = run_ampt("run", "--handlers", handlers, "--log-format", "json", "--verbose")
    records = [json.loads(line) for line in ended.err.splitlines()]

    [shape] = shapes("run")
    for found in records:
        fits({field: found[field] for field in shape}, shape)
    more = {found["event"]: set(found) - set(shape) for found in records}
    assert more["output"] == {"id", "line"}
    attempts = {found["outcome"]: found for found in records if found["event"] == "attempt"}
    known = {"id", "name", "attempt", "outcome"}
    assert set(attempts["succeeded"]) - set(shape) == known
    assert set(attempts["failed"]) - set(shape) == known | {"error", "verdict", "next"}


def test_every_section_is_tested() -> None:
    """A new --json gets a section, and a section a test."""
    tested = set(re.findall(r'shapes\("([\w, ]+)"\)', Path(__file__).read_text(encoding="utf-8")))
    assert set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE)) == tested
