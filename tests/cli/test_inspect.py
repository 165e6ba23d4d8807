"""What `ampt inspect` says: every state's sentence, the overview, lists, groups, and live."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ampt_cli import catalog, glance, instants, layout, origins, place
from ampt_cli.catalog import Seen
from ampt_cli.census import Counting
from ampt_cli.commands import following
from ampt_cli.configuration import KEYS
from ampt_cli.detail import detail
from ampt_cli.errors import Damaged, TooNew
from ampt_cli.event import Event
from ampt_cli.explain import Around, explain
from ampt_cli.render import cells
from ampt_cli.unread import Unread
from tests.conftest import SCRIPT, RunAmpt, StartAmpt, changed

NOW = 1_795_858_212_000  # 2026-11-28T09:30:12Z
MINUTE = 60_000
R = "20261128T093000000Z-00000001"
FAILED = {"attempt": 2, "start": NOW - 700_000, "ms": 12, "outcome": "failed"} | {
    "error": "ConnectionError: refused",
    "first": NOW - 2 * MINUTE * 60 - 700_000,
}


def seen(state: str, due: int, attempt: int, *records: dict[str, Any], **extra: str) -> Seen:
    """An entry as it was found and opened."""
    event = Event("id-1", "mail.send", None, NOW - 1000, NOW - 1000, extra=dict(extra))
    entry = layout.new(state, due, "id-1", "mail.send", attempt)
    if state not in layout.WAITING:
        folder = {"running": R, "quarantine": "x"}.get(state, "2026-11-28")
        entry = layout.Entry(f"{state}/{folder}", entry.stamp, "id-1", attempt, "mail.send")
    return Seen(entry, event, list(records))


def deed(action: str, **more: object) -> dict[str, object]:
    """The record of an operator's deed."""
    return {"action": action, "time": NOW, **more}


def done(outcome: str) -> dict[str, object]:
    """The record of an attempt that needs no other."""
    return {"attempt": 1, "start": NOW, "ms": 5, "outcome": outcome}


WHEN = "2026-11-28T09:30:12Z"
SENTENCES = {
    "waits": (
        seen("pending", NOW + 3 * MINUTE, 0),
        Around(),
        "It waits for its first attempt, in 3 min, at 2026-11-28T09:33:12Z.",
    ),
    "overdue, nobody runs": (
        seen("pending", NOW - 5 * MINUTE, 0),
        Around(),
        "It waits for its first attempt, due since 5 min; "
        "no runner is alive, the next ampt run takes it.",
    ),
    "overdue, somebody runs": (
        seen("pending", NOW - 5 * MINUTE, 0),
        Around(alive=True),
        "It waits for its first attempt, due since 5 min; the runner that is alive takes it next.",
    ),
    "redriven": (
        seen("pending", NOW + MINUTE, 4, FAILED, deed("redriven")),
        Around(),
        "It was redriven, and waits for attempt 5, in 1 min, at 2026-11-28T09:31:12Z.",
    ),
    "redriven after one attempt": (
        seen("pending", NOW + MINUTE, 1, FAILED, deed("redriven")),
        Around(),
        "It was redriven, and waits for attempt 2, in 1 min, at 2026-11-28T09:31:12Z.",
    ),
    "an edited one": (
        seen("pending", NOW + MINUTE, 0, replaces="id-0"),
        Around(),
        "It waits for its first attempt, in 1 min, at 2026-11-28T09:31:12Z. It replaces id-0.",
    ),
    "failed": (
        seen("retry", NOW + 6 * MINUTE, 2, FAILED),
        Around(),
        "Attempt 2 failed (ConnectionError: refused); "
        "it is tried again, in 6 min, at 2026-11-28T09:36:12Z.",
    ),
    "failed with a long error": (
        seen("retry", NOW + 6 * MINUTE, 2, {**FAILED, "error": "KeyError: " + "x" * 300}),
        Around(),
        f"Attempt 2 failed (KeyError: {'x' * 190}…); "
        "it is tried again, in 6 min, at 2026-11-28T09:36:12Z.",
    ),
    "failed with an error that just fits": (
        seen("retry", NOW + 6 * MINUTE, 2, {**FAILED, "error": "x" * 200}),
        Around(),
        f"Attempt 2 failed ({'x' * 200}); it is tried again, in 6 min, at 2026-11-28T09:36:12Z.",
    ),
    "timed out": (
        seen("retry", NOW + 6 * MINUTE, 2, {**FAILED, "outcome": "timed_out", "error": "5 s"}),
        Around(),
        "Attempt 2 timed out (5 s); it is tried again, in 6 min, at 2026-11-28T09:36:12Z.",
    ),
    "interrupted": (
        seen("retry", NOW, 2, {**FAILED, "outcome": "interrupted", "error": "gone"}),
        Around(alive=True),
        "Attempt 2 was interrupted (gone); "
        "it is tried again, due since 0 ms; the runner that is alive takes it next.",
    ),
    "running": (
        seen("running", NOW, 2),
        Around(alive=True, begun=NOW - 2000),
        f"Attempt 2 has been running for 2 s, in the runner {R}.",
    ),
    "its runner was stopped": (
        seen("running", NOW, 2),
        Around(alive=True, begun=NOW - 11 * MINUTE, pid=42),
        f"Attempt 2 has been running for 11 min, in the runner {R}; a handler may take a minute "
        "at most; if its runner (pid 42) was stopped, kill -CONT it, else kill it.",
    ),
    "running since before the clock was set back": (
        seen("running", NOW, 2),
        Around(alive=True, begun=NOW + MINUTE),
        f"Attempt 2 has been running for 0 ms, in the runner {R}.",
    ),
    "claimed": (
        seen("running", NOW, 2),
        Around(alive=True),
        f"The runner {R} has claimed it; attempt 2 has not begun.",
    ),
    "its runner is gone": (
        seen("running", NOW, 2),
        Around(begun=NOW - 2000),
        f"Its runner {R} is gone; the next run takes it back.",
    ),
    "its runner cannot be looked at": (
        seen("running", NOW, 2),
        Around(alive=None, begun=NOW - 2000),
        f"The runner {R} has claimed it; whether that is alive cannot be read.",
    ),
    "due, and a runner cannot be looked at": (
        seen("pending", NOW - 1000, 0),
        Around(alive=None),
        "It waits for its first attempt, due since 1 s; whether a runner is alive cannot be read.",
    ),
    "succeeded": (
        seen("done", NOW, 1, done("succeeded")),
        Around(),
        "It is done: attempt 1 succeeded at 2026-11-28T09:30:12.005Z.",
    ),
    "ignored": (
        seen("done", NOW, 1, done("ignored")),
        Around(),
        "It is done: it was ignored at 2026-11-28T09:30:12.005Z, "
        "because no handler is registered for it.",
    ),
    "cancelled": (
        seen("done", NOW, 0, deed("cancelled", outcome="cancelled")),
        Around(),
        f"It was cancelled at {WHEN}, and will not run.",
    ),
    "cancelled, and the record was lost": (
        seen("done", NOW, 0),
        Around(),
        "It was cancelled, and will not run.",
    ),
    "cancelled after an attempt": (
        seen("done", NOW, 2, FAILED, deed("cancelled", outcome="cancelled")),
        Around(),
        f"It was cancelled at {WHEN}, and will not run.",
    ),
    "replaced": (
        seen("done", NOW, 2, FAILED, deed("replaced", outcome="cancelled", by="id-2")),
        Around(),
        f"It was edited at {WHEN}, and published anew as id-2.",
    ),
    "its record was lost": (
        seen("done", NOW, 1),
        Around(),
        "It is done; the record of its last attempt was lost.",
    ),
    "dead": (
        seen("dead", NOW, 2, FAILED),
        Around(),
        "It is dead: 2 attempts failed in 2 h, the last one (ConnectionError: refused). "
        "To try again: ampt retry id-1",
    ),
    "given up": (
        seen("dead", NOW, 1, {**FAILED, "error": "GiveUp: no such user"}),
        Around(),
        "It is dead: a handler gave it up in attempt 1 (GiveUp: no such user). "
        "To try again: ampt retry id-1",
    ),
    "dead, and nobody knows since when": (
        seen("dead", NOW, 2, {**FAILED, "first": None}),
        Around(),
        "It is dead after 2 attempts (ConnectionError: refused). To try again: ampt retry id-1",
    ),
    "dead at once": (
        seen("dead", NOW, 1, {**FAILED, "attempt": 1, "start": NOW, "first": NOW}),
        Around(),
        "It is dead after 1 attempt (ConnectionError: refused). To try again: ampt retry id-1",
    ),
    "dead, and its id looks like an option": (
        seen("dead", NOW, 3)._replace(entry=layout.new("dead", NOW, "-x", "n", 3)),
        Around(),
        "It is dead after 3 attempts. To try again: ampt retry -- -x",
    ),
    "dead without a record": (
        seen("dead", NOW, 3),
        Around(),
        "It is dead after 3 attempts. To try again: ampt retry id-1",
    ),
    "quarantined": (
        seen("quarantine", NOW, 1)._replace(event=None),
        Around(reason="incomplete"),
        "It is in quarantine: incomplete. When the file is mended: ampt retry id-1",
    ),
    "quarantined for another reason than it is damaged now": (
        seen("quarantine", NOW, 1)._replace(event=None, damage="empty"),
        Around(reason="incomplete"),
        "It is in quarantine: incomplete. When the file is mended: ampt retry id-1",
    ),
    "quarantined, and nobody knows why": (
        seen("quarantine", NOW, 1)._replace(event=None, damage="empty"),
        Around(),
        "It is in quarantine: empty. When the file is mended: ampt retry id-1",
    ),
    "mended, and nobody knows why it is there": (
        seen("quarantine", NOW, 1),
        Around(),
        "It is in quarantine: the reason was lost. It can be read now: ampt retry id-1",
    ),
    "quarantined, and its id looks like an option": (
        seen("quarantine", NOW, 1)._replace(entry=layout.new("quarantine", NOW, "-x", "n", 3)),
        Around(reason="incomplete"),
        "It is in quarantine: incomplete. It can be read now: ampt retry -- -x",
    ),
    "mended": (
        seen("quarantine", NOW, 1),
        Around(reason="incomplete"),
        "It is in quarantine: incomplete. It can be read now: ampt retry id-1",
    ),
    "damaged": (
        seen("pending", NOW, 0)._replace(event=None, damage="empty", why=Damaged("empty")),
        Around(),
        "It cannot be read (empty); the next run moves it to quarantine.",
    ),
    "damaged, and not due": (
        seen("retry", NOW + 1, 1)._replace(event=None, damage="empty", why=Damaged("empty")),
        Around(),
        "It cannot be read (empty); when it is due, a run moves it to quarantine.",
    ),
    "damaged while it runs": (
        seen("running", NOW + 1, 1)._replace(event=None, damage="empty", why=Damaged("empty")),
        Around(),
        "It cannot be read (empty); the next run moves it to quarantine.",
    ),
    "damaged since it ended": (
        seen("done", NOW, 1)._replace(event=None, damage="empty", why=Damaged("empty")),
        Around(),
        "It cannot be read (empty); ampt check --repair moves it to quarantine.",
    ),
    "newer": (
        seen("pending", NOW, 0)._replace(event=None, damage="its format is 2", why=TooNew("")),
        Around(),
        "It cannot be read (its format is 2); every run leaves it where it is; upgrade.",
    ),
    "hidden": (
        seen("pending", NOW, 0)._replace(event=None, damage="it cannot be read: No such device"),
        Around(),
        "It cannot be read (No such device); every run leaves it where it is; "
        "see to its owner and mode, or the disk.",
    ),
    "hidden since it ended": (
        seen("done", NOW, 1)._replace(event=None, damage="it cannot be read: Permission denied"),
        Around(),
        "It cannot be read (Permission denied); it stays where it is; "
        "see to its owner and mode, or the disk.",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_one_sentence_says_where_why_and_what_next(case: str) -> None:
    """For each state an event can be in."""
    found, around, sentence = SENTENCES[case]

    assert explain(found, NOW, around) == sentence


def test_every_state_has_a_sentence() -> None:
    """A new state is not forgotten here."""
    assert {one.entry.state for one, _, _ in SENTENCES.values()} == {
        *layout.STATES,
        layout.QUARANTINE,
    }


GOOD = "Nothing wants attention."


def overview(**changes: Any) -> dict[str, Any]:
    """An empty spool's overview, but for `changes`."""
    counts = dict.fromkeys((*layout.STATES, layout.QUARANTINE), 0) | changes.pop("counts", {})
    empty: dict[str, Any] = {"overdue": 0, "oldest_due": None, "next_due": None, "coming": {}}
    empty |= {"ended": {"done": {}, "dead": {}}, "errors": [], "errors_sampled": False}
    return {
        "counts": counts,
        **empty,
        "runners": [],
        "last_run": NOW - MINUTE,
        "unread": {},
        **changes,
    }


def plain(lines: list[list[tuple[str, str]]]) -> list[str]:
    """Without styles."""
    return ["".join(text for text, _ in line).rstrip() for line in lines]


BUSY = overview(
    counts={"pending": 12, "retry": 1, "dead": 3, "done": 9, "quarantine": 1},
    overdue=2,
    oldest_due=NOW - 5 * MINUTE,
    next_due=NOW + MINUTE,
    coming={"2026-11-28/09": 2, "2026-11-28/12": 8, "2026-12-27/00": 1, "2027-06-01/00": 1},
    ended={"done": {"2026-11-27": 4, "2026-11-28": 5}, "dead": {}},
    errors=[{"state": "dead", "name": "mail", "error": "OSError: no", "events": 3, "id": "x"}],
    runners=[
        {"runner": R, "pid": 42, "alive": True, "since": NOW - MINUTE, "claims": 1}
        | {"now": [{"id": "abc", "name": "mail", "attempt": 1, "start": NOW - 3000}]}
    ],
)


def test_the_overview_says_first_what_wants_attention() -> None:
    """Then how much there is, when it falls due, what fails, and who runs."""
    assert plain(glance.glance(BUSY, "/spool", NOW)) == [
        "/spool   2026-11-28 09:30:12 UTC",
        "",
        "2 events overdue, the oldest for 5 min",
        "3 dead events: ampt inspect --state dead --group-by error",
        "1 damaged file in quarantine: ampt inspect --state quarantine",
        "1 event failed, to be tried again: ampt inspect --state retry --group-by error",
        "",
        "  pending               12",
        "  retry                  1",
        "  running                0",
        "  done                   9",
        "  dead                   3",
        "  quarantine             1",
        "",
        "  next due in 1 min, at 2026-11-28 09:31:12 UTC",
        "",
        "  due in 24 h          10  │▂  █                    │ most 8 at 12:00",
        "  due in 30 days       11  │█                            ▁│ most 10 on 11-28",
        "  due later             1",
        "  done, 30 days         9  │                            ▇█│ most 5 on 11-28",
        "",
        "Failing",
        "  3  dead  mail  OSError: no",
        "",
        "Runners",
        f"  alive for 1 min, pid 42, 1 claim  {R}",
        "    abc  for 3 s  attempt 1  mail",
    ]


def test_a_narrow_terminal_gets_the_same_in_its_width() -> None:
    """No count, no command and no id is cut; names and errors are, and bars stand for more."""
    assert plain(glance.glance(BUSY, "/spool", NOW, 40)) == [
        "/spool   2026-11-28 09:30:12 UTC",
        "",
        "2 events overdue, the oldest for 5 min",
        "3 dead events:",
        "  ampt inspect --state dead --group-by",
        "  error",
        "1 damaged file in quarantine:",
        "  ampt inspect --state quarantine",
        "1 event failed, to be tried again:",
        "  ampt inspect --state retry --group-by",
        "  error",
        "",
        "  pending               12",
        "  retry                  1",
        "  running                0",
        "  done                   9",
        "  dead                   3",
        "  quarantine             1",
        "",
        "  next due in 1 min, at 2026-11-28",
        "  09:31:12 UTC",
        "",
        "  due in 24 h          10  │▂█      │",
        "  due in 30 days       11  │█        ▁│",
        "  due later             1",
        "  done, 30 days         9  │         █│",
        "",
        "Failing",
        "  3  dead  mail  OSError: no",
        "",
        "Runners",
        "  alive for 1 min, pid 42, 1 claim",
        f"    {R}",
        "    abc  for 3 s  attempt 1  mail",
    ]


WORDY = overview(
    counts={"pending": 10**9, "retry": 10**7, "dead": 10**6, "done": 10**9},
    coming={"2026-11-28/09": 10**6, "2026-11-28/12": 8},
    ended={"done": {"2026-11-28": 10**9}, "dead": {"2026-11-27": 10**6}},
    errors=[
        {"state": "retry", "name": "@" + "登録" * 20, "error": error, "events": 10_000, "id": "x"}
        for error in ("OSError: " + "データ" * 60, "") * 5
    ],
    errors_sampled=True,
    runners=[
        {"runner": R, "pid": 4_194_304, "alive": True, "since": None, "claims": 0, "now": []},
        {"runner": R, "pid": 4_194_304, "alive": False, "since": NOW - MINUTE, "claims": 1_000}
        | {
            "now": [
                {"id": id_, "name": "@" + "登録 " * 20, "attempt": 1_234, "start": NOW - 3000}
                for id_ in ("0123456789abcdef0123079c5a", "i" * 48)
            ]
        },
    ],
)


@pytest.mark.parametrize("room", [*range(40, 56), *range(60, 101, 5), 200])
def test_no_line_is_wider_than_the_terminal(room: int) -> None:
    """However long names, errors and figures are; only an id is never cut, and no name is lost."""
    lines = plain(glance.glance(WORDY, "/spool", NOW, room))
    told = "\n".join(lines)

    assert {one for one in lines if cells(one) > room} <= {f"    {'i' * 48}"}
    assert [told.count(word) for word in ("    0123456789 ", "i" * 48)] == [1, 1]
    assert told.count("@") == 8 + 2, "eight groups, two that run"
    assert (told.count("  OSError: "), told.count("  no error ")) == (4, 4)


def test_what_is_left_out_has_a_command_that_shows_it() -> None:
    """Groups beyond the largest, and events beyond a sample."""
    told = plain(glance.glance(WORDY, "/spool", NOW))
    fewer = {**WORDY, "errors": WORDY["errors"][:8], "errors_sampled": False}
    everything = "\n".join(plain(glance.glance(fewer, "/spool", NOW)))

    assert "ampt inspect --group-by" not in everything
    assert "  … and 2 more: ampt inspect --group-by error" in told
    assert "  (of a sample; for all: ampt inspect --group-by error)" in told


def test_a_runner_is_told_as_it_is() -> None:
    """Of one that is gone nobody knows for how long."""
    told = plain(glance.glance(WORDY, "/spool", NOW))
    none = plain(glance.glance({**WORDY, "runners": WORDY["runners"][1:]}, "/spool", NOW))

    assert f"  alive, pid 4194304, idle  {R}" in told
    assert f"  gone, pid 4194304, 1,000 claims  {R}" in told
    assert f"    {'i' * 48}  for 3 s  attempt 1234  @{'登録 ' * 20}".rstrip() in told
    assert any(one.startswith("  none is alive; the last run was ") for one in none)
    early = "\n".join(plain(glance.glance(WORDY, "/spool", NOW - 10 * MINUTE)))
    assert not re.search(r" -\d", early), "a clock that was set back"


@pytest.mark.parametrize("now", [0, instants.LAST])
def test_a_clock_that_is_far_wrong_hides_no_count(now: int) -> None:
    """There is no day before 1970, and none after 9999."""
    assert "  pending               12" in plain(glance.glance(BUSY, "/spool", now, 80))


def test_a_low_window_gets_what_matters_most() -> None:
    """Counts in one line, fewer errors, no pictures; what wants attention always comes first."""
    busy = {**BUSY, "errors": BUSY["errors"] * 9}
    whole = glance.glance(busy, "/spool", NOW, 80)
    shown = {
        height: plain(glance.glance(busy, "/spool", NOW, 80, height))
        for height in range(5, len(whole) + 1)
    }
    texts = {height: "\n".join(lines) for height, lines in shown.items()}
    said = [
        ("│" in told, told.count("  3  dead  mail  OSError: no"), "Failing" in told)
        for told in texts.values()
    ]
    cut = {height for height, lines in shown.items() if lines[-1].startswith("… ")}

    assert shown[len(whole)] == plain(whole)
    assert "│ most 10 on 11-28" in texts[len(whole)]
    assert all(len(lines) <= height for height, lines in shown.items())
    assert {lines[2] for lines in shown.values()} == {"2 events overdue, the oldest for 5 min"}
    assert sorted(said) == said, "no higher window shows less"
    assert set(said) == {
        (False, 0, False),
        *((False, 3, True), (True, 3, True), (True, 8, True)),
    }
    assert cut == set(range(5, min(shown.keys() - cut)))
    assert all(len(shown[height]) == height for height in cut)
    assert shown[5][-1] == f"… {max(cut) + 1 - 4} more lines"
    assert all("next due in 1 min" in texts[height] for height in texts.keys() - cut)


@pytest.mark.parametrize("state", ["retry", "running", "done", "dead"])
@pytest.mark.parametrize(
    "wrong", [10**20, 10**390, -1, "x", None, [1], 1e300, True], ids=lambda wrong: str(wrong)[:9]
)
def test_a_record_that_says_nonsense_hides_no_event(state: str, wrong: object) -> None:
    """Records are history, and may be damaged: what is no time is a question mark."""
    made = dict.fromkeys(("attempt", "start", "ms", "error", "first", "handlers"), wrong)
    outcome = {"dead": "failed", "done": "succeeded"}.get(state, "interrupted")
    found = seen(state, NOW, 2, {**made, "outcome": outcome}, {"action": wrong, "time": wrong})
    sentence = explain(found, NOW, Around(True))
    lines = plain(detail(found, sentence, NOW))

    assert lines[0] == sentence
    assert lines[-1].endswith("?")


def history(*records: dict[str, Any], room: int | None = None) -> list[str]:
    """What is shown of them."""
    found = seen("retry", NOW + MINUTE, 2, *records)._replace(damage="1 of its records is odd")
    lines = plain(detail(found, "Where it is, and why.", NOW, room))
    return lines[lines.index("History") + 1 :]


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "timed_out"},
        {"error": "KeyError: 2"},
        {"output": "other"},
        {"handlers": [{"handler": "h:g"}]},
        {"handlers": [{"handler": "h:f", "outcome": "succeeded"}]},
        {"handlers": [{"handler": "h:f", "traceback": "other"}]},
    ],
    ids=str,
)
def test_attempts_that_went_otherwise_stand_alone(other: dict[str, Any]) -> None:
    """In their outcome, error, output, or in what one of their handlers did."""
    made = {**FAILED, "output": "said", "handlers": [{"handler": "h:f"}]}
    heads = [one for one in history(made, {**made, "attempt": 3, **other}) if "attempt" in one]

    assert [one.split(" after ")[0].split()[:2] for one in heads] == [
        ["attempt", "2"],
        ["attempt", "3"],
    ]


def test_deeds_stand_one_by_one_with_what_they_led_to() -> None:
    """However alike they are."""
    told = history(deed("moved"), deed("moved"), deed("replaced", by="id-2"))

    assert [one.split("  2")[0].strip() for one in told if one] == [
        *("moved", "moved", "replaced as id-2")
    ]


def test_an_error_is_shown_once_where_it_came_from() -> None:
    """With the handler that raised it, or alone where none did."""
    of_handler = history(FAILED | {"handlers": [{"handler": "h:f", "error": FAILED["error"]}]})
    alone = history(FAILED | {"handlers": [{"handler": "h:f", "outcome": "timed_out"}]})

    assert of_handler[1:] == ["    h:f None", "      ConnectionError: refused"]
    assert alone[1:] == ["    ConnectionError: refused", "    h:f timed out"]


@pytest.mark.parametrize("state", ["retry", "dead"])
def test_each_fact_is_that_of_its_name(state: str) -> None:
    """When it was published, was due first, and is due next, which only what waits is."""
    event = Event("id-1", "mail.send", None, NOW - 5 * MINUTE, NOW - 3 * MINUTE)
    found = seen(state, NOW + MINUTE, 7, FAILED)._replace(event=event)
    facts = plain(detail(found, "Where it is.", NOW))[2:9]

    assert [one for one in facts if "next" not in one][:7] == [
        "  id         id-1",
        "  name       mail.send",
        f"  state      {state}",
        "  published  2026-11-28T09:25:12Z  (5 min ago)",
        "  due        2026-11-28T09:27:12Z  (3 min ago)",
        "  attempts   7",
        *([f"  file       {found.entry.path}"] if state == "dead" else []),
    ]
    assert ("  next       2026-11-28T09:31:12Z  (in 1 min)" in facts) == (state == "retry")


def test_facts_and_body_can_be_read() -> None:
    """The sentence fits the terminal, letters are letters, and damage is told."""
    event = Event("id-1", "mail.send", {"to": "Zoë"}, NOW - 1000, NOW - 1000)
    found = seen("pending", NOW - 1000, 0)._replace(event=event, damage="1 of its records is odd")
    lines = plain(detail(found, "Where it is, and why.", NOW, 12))

    unread = plain(detail(found._replace(event=None), "Where it is.", NOW))

    assert "  next       2026-11-28T09:30:11Z  (1 s ago)" in unread
    assert lines[:3] == ["Where it is,", "and why.", ""]
    assert '    "to": "Zoë"' in lines
    assert "  damage     1 of its records is odd" in lines
    assert not any(one.startswith("  next ") for one in lines), "it is when it is due"


def test_attempts_that_went_alike_stand_together() -> None:
    """Three weeks of one error are no three thousand tracebacks; another error is shown."""
    trace = {"handler": "h:f", "outcome": "failed", "error": "OSError: no", "traceback": "Trace\nE"}
    record = {"start": NOW - MINUTE, "ms": 7, "outcome": "failed", "error": "OSError: no"}
    alike = [{**record, "attempt": n, "handlers": [{**trace, "ms": n}]} for n in range(1, 500)]
    other = {**record, "attempt": 500, "error": "KeyError: 1"}
    found = seen("retry", NOW + MINUTE, 500, *alike, deed("retried"), other)
    lines = plain(detail(found, "Where.", NOW))

    assert lines[lines.index("History") :] == [
        "History",
        "  attempts 1 to 499 failed after 7 ms  2026-11-28T09:29:12Z  (1 min ago)",
        "    alike since 2026-11-28T09:29:12Z  (1 min ago); the last:",
        "    h:f failed after 499 ms",
        "      Trace",
        "      E",
        "",
        "  retried  2026-11-28T09:30:12Z  (0 ms ago)",
        "",
        "  attempt 500 failed after 7 ms  2026-11-28T09:29:12Z  (1 min ago)",
        "    KeyError: 1",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, [GOOD]),
        (
            {"overdue": 1, "oldest_due": NOW - 10 * MINUTE},
            ["1 event overdue, the oldest for 10 min; no runner is alive"],
        ),
        (
            {"overdue": 1, "oldest_due": NOW - 1000, "last_run": None},
            [
                "1 event due, the oldest for 1 s; the next ampt run takes what is due",
                GOOD,
            ],
        ),
        (
            {"overdue": 2, "oldest_due": NOW - 1000, "runners": [{"alive": True, "now": []}]},
            ["2 events due, the oldest for 1 s; a runner is at work", GOOD],
        ),
        ({"runners": [{"alive": True, "pid": 42, "now": [{"start": NOW - 10 * MINUTE}]}]}, [GOOD]),
        (
            {"runners": [{"alive": True, "pid": 42, "now": [{"start": NOW - 11 * MINUTE}]}]},
            [
                "an attempt has been running for 11 min: a handler may take a minute at most; "
                "if its runner (pid 42) was stopped, kill -CONT it, else kill it"
            ],
        ),
        (
            {"overdue": 1, "oldest_due": NOW - glance.QUIET + 1},
            [
                "1 event due, the oldest for 1.5 min; the next ampt run takes what is due",
                "Nothing wants attention.",
            ],
        ),
        (
            {"overdue": 1, "oldest_due": NOW - glance.QUIET},
            ["1 event overdue, the oldest for 1.5 min; no runner is alive"],
        ),
        *(
            (
                {"overdue": 1, "oldest_due": NOW - late, "unread": {path: "why"}},
                [
                    f"1 event {told}",
                    "1 path cannot be read, so not all is counted: ampt check",
                ],
            )
            for late, path, told in (
                (
                    1000,
                    "running/x",
                    "due, the oldest for 1 s; whether a runner is at work cannot be read",
                ),
                (1000, "done", "due, the oldest for 1 s; the next ampt run takes what is due"),
                (glance.QUIET, "running", "overdue, the oldest for 1.5 min"),
                (glance.QUIET, "done", "overdue, the oldest for 1.5 min; no runner is alive"),
            )
        ),
        (
            {"overdue": 1, "oldest_due": NOW - 1000, "unread": {"running/x": "why"}}
            | {"runners": [{"alive": True, "now": []}]},
            [
                "1 event due, the oldest for 1 s; a runner is at work",
                "1 path cannot be read, so not all is counted: ampt check",
            ],
        ),
        (
            {"runners": [{"alive": False, "claims": 1, "now": [{"start": NOW - 11 * MINUTE}]}]},
            ["1 runner died; the next run takes back its claims"],
        ),
        (
            {"counts": {"retry": 2}},
            ["2 events failed, to be tried again: ampt inspect --state retry --group-by error"],
        ),
    ],
)
def test_attention_is_asked_for_when_it_is_needed(changes: dict[str, Any], said: list[str]) -> None:
    """And not for what has only just come due."""
    assert plain(list(glance.attention(overview(**changes), NOW))) == said


def test_what_is_wrong_is_red_and_only_that() -> None:
    """Where there is colour it says what the words say."""

    def red(found: dict[str, Any]) -> list[str]:
        lines = glance.glance(found, "/spool", NOW)
        return [one[0][0].strip() for one in lines if any(style == "bad" for _, style in one)]

    assert red(overview()) == []
    assert red(BUSY) == [
        "2 events overdue, the oldest for 5 min",
        "3 dead events:",
        "1 damaged file in quarantine:",
        "dead",
        "quarantine",
        "",  # what fails
    ]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (NOW - MINUTE, "  none is alive; the last run was 1 min ago"),
        (NOW + 1000, "  none is alive; the last run was 0 ms ago"),
        (
            NOW + 24 * 60 * MINUTE,
            "  none is alive; the last run was at 2026-11-29 09:30:12 UTC, "
            "which is still to come: was the clock set back?",
        ),
        (None, "  none is alive; none ever ran"),
    ],
)
def test_where_nobody_runs_it_is_said_when_somebody_did(last: int | None, said: str) -> None:
    """Cron's runs are over when one looks."""
    assert plain(glance.glance(overview(last_run=last), "/spool", NOW))[-2:] == ["Runners", said]


@pytest.mark.parametrize(
    ("path", "none"), [("running/x", "none that can be read"), ("done", "none")]
)
def test_where_a_runner_cannot_be_looked_at_nobody_is_said_not_to_run(path: str, none: str) -> None:
    """It may be the one that is alive."""
    found = overview(unread={path: "why"})
    assert plain(glance.glance(found, "/spool", NOW))[-1].startswith(f"  {none} is alive; ")


def test_no_length_is_negative_where_the_clock_was_set_back() -> None:
    """A runner began, and its attempt, at times that are still to come."""
    doing = {"id": "abc", "name": "mail", "attempt": 1, "start": NOW + MINUTE}
    runner = {"runner": R, "pid": 42, "alive": True, "since": NOW + MINUTE, "claims": 1}
    shown = plain(glance.glance(overview(runners=[runner | {"now": [doing]}]), "/spool", NOW))

    assert shown[-2:] == [
        f"  alive for 0 ms, pid 42, 1 claim  {R}",
        "    abc  for 0 ms  attempt 1  mail",
    ]


HANDLERS = """
from ampt_cli import GiveUp
@events.on("bad")
def bad(event):
    print("trying")
    raise GiveUp("no such user")
@events.on("worse")
def worse(event): raise ConnectionError("refused\\x1b[2J")
@events.on("good")
def good(event): pass
"""
Write = Callable[[str], Path]


@pytest.fixture
def busy(run_ampt: RunAmpt, write_handlers: Write) -> dict[str, str]:
    """A spool with something in most states: an id of each name."""
    ids = {
        name: run_ampt("publish", name, '{"to": "ada"}').out.strip()
        for name in ("bad", "worse", "good", "worse")
    }
    run_ampt("run", "-m", write_handlers(HANDLERS))
    ids["later"] = run_ampt("publish", "later", "--after", "1 day").out.strip()
    return ids


def test_an_event_is_shown_with_its_body_and_what_was_tried(
    run_ampt: RunAmpt, busy: dict[str, str]
) -> None:
    """The sentence first; handler, traceback and output of each attempt."""
    out = run_ampt("inspect", busy["bad"][:12]).out
    lines = [line.split("  20")[0].rstrip() for line in out.splitlines()]

    assert lines[0].startswith("It is dead: a handler gave it up in attempt 1 (GiveUp: no such")
    assert '    "to": "ada"' in lines
    assert any(line.startswith("  attempt 1 failed after ") for line in lines)
    assert '          raise GiveUp("no such user")' in lines
    assert "      ampt_cli.handlers.GiveUp: no such user" in lines
    assert lines[-2:] == ["    output", "    | trying"]


def test_lists_are_sorted_and_say_how_much_is_left_out(
    run_ampt: RunAmpt, busy: dict[str, str]
) -> None:
    """By any of the keys, backwards too."""
    names = [
        json.loads(line)["name"]
        for line in run_ampt("inspect", "--name", "*", "--sort", "-name", "--json").out.splitlines()
    ]
    cut = run_ampt("inspect", "--name", "*", "--limit", "2")
    cut_json = run_ampt("inspect", "--name", "*", "--limit", "2", "--json")

    assert names == ["worse", "worse", "later", "good", "bad"]
    assert [len(ran.out.splitlines()) for ran in (cut, cut_json)] == [2, 2]
    assert cut.err == cut_json.err == "ampt: … and 3 more: --limit 5\n"
    assert run_ampt("inspect", "--name", "*", "--sort", "size").status == 2


def test_a_list_can_be_of_a_span_of_time(run_ampt: RunAmpt) -> None:
    """From and up to an instant; a length of time is so long ago."""
    for days in (1, 3, 5):
        run_ampt("publish", "n", "--id", f"in-{days}", "--after", f"{days} days")
    now = int(time.time())

    def listed(*args: str) -> set[str]:
        shown = run_ampt("inspect", *args, "--json").out.splitlines()
        return {json.loads(line)["id"] for line in shown}

    assert listed("--since", f"@{now + 2 * 86_400}") == {"in-3", "in-5"}
    assert listed("--until", f"@{now + 4 * 86_400}") == {"in-1", "in-3"}
    assert listed("--since", "1 hour", "--until", f"@{now + 2 * 86_400}") == {"in-1"}
    assert listed("--until", "1 hour") == listed("--until", "@0") == set()


def test_an_order_or_a_limit_alone_asks_for_a_list(run_ampt: RunAmpt, busy: dict[str, str]) -> None:
    """Of all events."""
    listed = run_ampt("inspect", "--sort", "-name", "--limit", "3", "--json").out.splitlines()

    assert [json.loads(line)["name"] for line in listed] == ["worse", "worse", "later"]
    assert len(run_ampt("inspect", "--sort", "due").out.splitlines()) == 5


def test_a_list_without_a_limit_has_a_hundred(run_ampt: RunAmpt) -> None:
    """And says how to see them all."""
    run_ampt("publish", "--batch", "-", stdin='{"name":"n","after":"1 day"}\n' * 102)
    listed = run_ampt("inspect", "--name", "n")

    assert len(listed.out.splitlines()) == 100
    assert listed.err == "ampt: … and 2 more: --limit 102\n"
    assert run_ampt("inspect", "--name", "n", "--limit", "102").err == ""


def test_dead_events_are_grouped_by_error_with_the_way_to_redrive_them(
    run_ampt: RunAmpt, busy: dict[str, str]
) -> None:
    """Each group has its number and an example."""
    groups = run_ampt("inspect", "--group-by", "error", "--json").out.splitlines()
    found = {(g["state"], g["name"]): g for g in map(json.loads, groups)}
    said = run_ampt("inspect", "--state", "dead", "--group-by", "error")

    assert found["retry", "worse"]["events"] == 2
    assert found["dead", "bad"]["id"] == busy["bad"]
    assert len(said.out.splitlines()) == 1
    assert said.err == (
        "ampt: to redrive: "
        "ampt retry --state dead --name bad --error 'GiveUp: no such user' --dry-run\n"
    )
    assert "\x1b" not in run_ampt("inspect", "--state", "retry", "--group-by", "error").out


def test_only_what_is_dead_can_be_redriven_and_only_what_was_asked_for(
    run_ampt: RunAmpt, busy: dict[str, str]
) -> None:
    """The command has the part of an error that groups by name do not; others get none."""
    by_name, by_error = (("inspect", "--group-by", by) for by in ("name", "error"))
    hint = "ampt: to redrive: ampt retry --state dead --name bad"

    assert run_ampt(*by_name, "--error", "NO SUCH").err == f"{hint} --error 'NO SUCH' --dry-run\n"
    assert run_ampt(*by_name).err == f"{hint} --dry-run\n"
    assert (
        run_ampt(*by_error, "--error", "NO").err
        == f"{hint} --error 'GiveUp: no such user' --dry-run\n"
    )
    assert run_ampt(*by_name, "--state", "retry").err == ""
    assert run_ampt(*by_name, "--state", "retry").out != ""
    assert run_ampt(*by_name, "--json").err == ""
    hint = hint.replace("redrive:", "redrive, of any time:")  # for which retry has no option
    for times in (("--since", "1h"), ("--until", "@4000000000")):
        assert run_ampt(*by_name, *times).err == f"{hint} --dry-run\n"


def test_no_redrive_is_suggested_that_would_find_nothing(
    run_ampt: RunAmpt, spool_dir: Path, busy: dict[str, str]
) -> None:
    """What is damaged has no error to be found by, whatever is shown in its place."""
    [entry] = spool_dir.glob("dead/*/*.json")
    entry.write_bytes(b"{")
    said = run_ampt("inspect", "--state", "dead", "--group-by", "error")

    assert "\tincomplete" in said.out
    assert said.err == ""


def test_what_is_in_quarantine_is_shown_with_its_reason(
    run_ampt: RunAmpt, spool_dir: Path, clean_env: dict[str, str], busy: dict[str, str]
) -> None:
    """By id, and in the list."""
    [entry] = spool_dir.glob("pending/*/*/*.json")
    whole = entry.read_bytes()
    entry.write_bytes(b"")
    run_ampt("check", "--repair")
    one = run_ampt("inspect", busy["later"])
    listed = run_ampt("inspect", "--state", "quarantine")
    shown = on_terminal(clean_env, "inspect", "--state", "quarantine", columns=80)

    assert one.out.startswith("It is in quarantine: pending/")
    assert ": empty. When the file is mended: ampt retry " in one.out
    assert len(listed.out.splitlines()) == 1
    assert listed.err.rstrip().endswith(": empty")
    assert len(shown.splitlines()) == 2  # where the row says it, no line does again
    [held] = spool_dir.glob("quarantine/*/*.json")
    held.write_bytes(whole)
    shown = on_terminal(clean_env, "inspect", "--state", "quarantine", columns=200)
    assert shown.endswith(": empty\r\n"), "no row says it any more"


def test_of_quarantine_only_what_was_asked_for_is_told(run_ampt: RunAmpt, spool_dir: Path) -> None:
    """And a file that is no entry, which no row can tell of, wherever all are asked for."""
    for name in ("one", "two"):
        run_ampt("publish", name, "--after", "1 day")
    for path in spool_dir.glob("pending/*/*/*.json"):
        path.write_bytes(b"")
    run_ampt("check", "--repair")
    for path in spool_dir.glob("quarantine/*/*.two.json"):
        path.rename(path.with_name("odd"))
    named = run_ampt("inspect", "--state", "quarantine", "--name", "one")
    timed = run_ampt("inspect", "--state", "quarantine", "--since", "1 hour")
    as_json = run_ampt("inspect", "--state", "quarantine", "--name", "one", "--json")
    everything = run_ampt("inspect", "--state", "quarantine", "--json")

    assert (named.err.count("\n"), named.err.endswith(".one.json: empty\n")) == (1, True)
    assert timed.err == named.err
    assert as_json.err == "", "its row says it"
    assert len(everything.out.splitlines()) == 1
    assert "/odd: pending/" in everything.err


def test_what_is_in_quarantine_is_in_no_list_that_does_not_ask_for_it(
    run_ampt: RunAmpt, spool_dir: Path
) -> None:
    """It is no event that will ever run; other states are not in its list either."""
    for name in ("good", "damaged"):
        run_ampt("publish", name, "--after", "1 day")
    [damaged] = spool_dir.glob("pending/*/*/*.damaged.json")
    damaged.write_bytes(b"")
    run_ampt("check", "--repair")
    asked_otherwise = [["--name", "*"], ["--sort", "due"], ["--since", "1 day"]]
    listed = [run_ampt("inspect", *args) for args in asked_otherwise]
    grouped = [run_ampt("inspect", "--group-by", by).out for by in ("name", "error")]
    asked = run_ampt("inspect", "--state", "quarantine").out

    assert [(ran.out.count("\n"), ran.err) for ran in listed] == [(1, "")] * 3
    assert [told.split("\t")[:3] for told in grouped] == [["1", "pending", "good"]] * 2
    assert [line.split("\t")[1] for line in asked.splitlines()] == ["quarantine"]


def test_every_setting_is_shown_with_where_it_came_from(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """Also those that nobody set."""
    path = tmp_path / "ampt.toml"
    path.write_text('jobs = 3\nretry_every = "1 minute"\n', encoding="utf-8")
    path.chmod(0o600)
    env = {"AMPT_CONFIG": str(path)}
    told = run_ampt("inspect", "--config", "--json", env=env).out
    lines = run_ampt("inspect", "--config", env=env).out.splitlines()
    rows = {
        row["setting"]: (row["value"], row["from"]) for row in map(json.loads, told.splitlines())
    }

    assert rows.keys() == set(KEYS) == origins.defaults().keys()
    assert [line.split("\t")[0::2] for line in lines] == [
        [key, of] for key, (_, of) in rows.items()
    ]
    assert rows["jobs"] == (3, str(path))
    assert rows["retry_every"] == (60_000, str(path))
    assert rows["spool"][1] == "AMPT_SPOOL"
    assert (
        f"spool\t{tmp_path}/x\tthe command line\n"
        in run_ampt("inspect", "--config", "-s", tmp_path / "x").out
    )
    assert rows["timeout"] == (5000, "the default")
    worded = dict(line.split("\t")[:2] for line in lines)
    assert worded["timeout"] == "5 s"
    assert worded["network_file_system"] == "false", "as TOML has it"
    assert worded["memory"] == "none"


@pytest.mark.parametrize(
    ("handlers", "shown"),
    [("h.py", "{here}/h.py"), ("~/h", "{home}/h"), ("my.handlers", "my.handlers")],
)
def test_a_path_is_shown_as_it_is_taken(
    handlers: str, shown: str, run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """From here, and from the home folder where no shell has expanded it; a module has no path."""
    here, home = tmp_path / "cwd", tmp_path / "home"
    env = {"AMPT_HANDLERS": handlers, "AMPT_SPOOL": "~/mine"}
    told = run_ampt("inspect", "--config", env=env).out.splitlines()
    named = run_ampt("inspect", "--config", "--spool", "mine", env=env).out.splitlines()

    assert told[0] == f"spool\t{home}/mine\tAMPT_SPOOL"
    assert named[0] == f"spool\t{here}/mine\tthe command line"
    assert told[1] == f"handlers\t{shown.format(here=here, home=home)}\tAMPT_HANDLERS"


JSON_OVERVIEW = {"counts", "overdue", "oldest_due", "next_due", "coming", "ended"} | {
    "errors",
    "errors_sampled",
    "runners",
    "last_run",
    "unread",
    "v",
}
JSON_EVENT = {"id", "name", "state", "attempt", "due", "path", "time", "body", "records"} | {
    "damage",
    "v",
}


def test_the_fields_of_json_are_these(run_ampt: RunAmpt, busy: dict[str, str]) -> None:
    """A script that reads them must not be surprised."""
    whole = json.loads(run_ampt("inspect", "--json").out)
    one = json.loads(run_ampt("inspect", busy["bad"], "--json").out)
    some = [
        json.loads(line) for line in run_ampt("inspect", "--name", "*", "--json").out.splitlines()
    ]
    group = json.loads(run_ampt("inspect", "--state", "dead", "--group-by", "name", "--json").out)

    assert whole.keys() == JSON_OVERVIEW
    assert one.keys() == JSON_EVENT | {"explanation"}
    assert {frozenset(event) for event in some} == {frozenset(JSON_EVENT)}
    assert group.keys() == {"v", "state", "name", "error", "events", "id", "due"}


def test_an_event_is_followed_until_it_is_done(
    run_ampt: RunAmpt, start_ampt: StartAmpt, write_handlers: Write
) -> None:
    """A line for each change."""
    id_ = run_ampt("publish", "good").out.strip()
    following = start_ampt("inspect", id_, "--follow")
    assert following.stdout is not None
    first = following.stdout.readline()
    run_ampt("run", "-m", write_handlers(HANDLERS))
    rest, _ = following.communicate(timeout=20)

    assert " pending  It waits for its first attempt" in first
    assert " done     It is done: attempt 1 succeeded" in rest
    assert following.returncode == 0


def test_the_overview_is_followed_line_by_line_without_a_terminal(
    run_ampt: RunAmpt, start_ampt: StartAmpt
) -> None:
    """A line when something changed, and Ctrl-C ends it without a word."""
    run_ampt("publish", "n")
    following = start_ampt("inspect", "--follow")
    assert following.stdout is not None
    first = following.stdout.readline()
    run_ampt("publish", "n")
    second = following.stdout.readline()
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=20)

    assert "pending 1  " in first
    assert "pending 2  " in second
    assert second.endswith("  overdue 2\n")
    assert (following.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("what", [["followed"], ["--state", "pending"], []], ids=len)
def test_a_spool_that_is_gone_is_not_followed_as_an_empty_one(
    what: list[str], run_ampt: RunAmpt, start_ampt: StartAmpt, spool_dir: Path
) -> None:
    """Another in its place would be: a runner ends there, too."""
    run_ampt("publish", "n", "--id", "followed")
    following = start_ampt("inspect", *what, "--follow")
    assert following.stdout is not None
    following.stdout.readline()
    spool_dir.rename(spool_dir.with_name("moved"))
    run_ampt("publish", "n")
    out, err = following.communicate(timeout=20)

    assert (following.returncode, out) == (3, "")
    assert err == f"ampt: the spool {spool_dir} was removed or replaced while it was in use\n"


def test_a_list_is_followed_by_what_comes_into_it(
    run_ampt: RunAmpt, start_ampt: StartAmpt, write_handlers: Write, busy: dict[str, str]
) -> None:
    """At first the list, then each event that is new in it, and none twice."""
    following = start_ampt("inspect", "--state", "dead", "--error", "giveup", "--follow", "--json")
    assert following.stdout is not None
    first = json.loads(following.stdout.readline())
    run_ampt("publish", "good")
    new = run_ampt("publish", "bad", '{"to": "bob"}').out.strip()
    run_ampt("run", "-m", write_handlers(HANDLERS))
    second = json.loads(following.stdout.readline())
    following.send_signal(signal.SIGINT)

    assert (first["id"], second["id"]) == (busy["bad"], new)
    assert following.communicate(timeout=20) == ("", "")


@pytest.mark.parametrize("at_first", [0, 2, 4])
def test_no_event_that_comes_into_a_list_is_left_out(
    run_ampt: RunAmpt,
    spool_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    at_first: int,
) -> None:
    """However many come at once; the limit is of what is there at first, be it nothing."""

    def publish(count: int) -> list[str]:
        batch = '{"name":"n","after":"1 day"}\n' * count
        return run_ampt("publish", "--batch", "-", stdin=batch).out.split()

    def looks(*_: object, **__: object) -> Iterator[None]:
        yield
        new.extend(publish(5))
        yield

    publish(at_first)
    new: list[str] = []
    monkeypatch.setattr(following, "_until_interrupted", looks)
    wanted = catalog.Filter(("pending",))
    following.some(place.open_disk(str(spool_dir)), wanted, "due", 2, as_json=True)
    said = capfd.readouterr()
    told = [json.loads(line)["id"] for line in said.out.splitlines()]

    assert sorted(told[-5:]) == sorted(new)
    assert len(told) == 5 + min(at_first, 2)
    assert said.err == ("ampt: … and 2 more: --limit 4\n" if at_first > 2 else "")


def test_an_event_in_two_places_is_not_news_at_every_look(
    run_ampt: RunAmpt,
    spool_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As where a backup was put back, of which a list shows one, or twice in quarantine."""
    run_ampt("publish", "n", "--id", "twice", "--after", "1 day")
    [entry] = spool_dir.glob("pending/*/*/*.json")
    for folder in (f"{layout.QUARANTINE}/one", f"{layout.QUARANTINE}/two", "done/2026-11-27"):
        (spool_dir / folder).mkdir()
        (spool_dir / folder / entry.name).write_bytes(entry.read_bytes())
    monkeypatch.setattr(following, "_until_interrupted", lambda *_, **__: range(4))
    wanted = catalog.Filter((*layout.STATES, layout.QUARANTINE))
    following.some(place.open_disk(str(spool_dir)), wanted, "due", 9, as_json=True)
    told = [json.loads(line)["state"] for line in capfd.readouterr().out.splitlines()]

    assert Counter(told) == {"pending": 1, "quarantine": 2}


def test_that_an_attempt_has_begun_is_told_too(
    run_ampt: RunAmpt,
    spool_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Its path does not change then: it was claimed before."""
    id_ = run_ampt("publish", "slow").out.strip()
    [entry] = spool_dir.glob("pending/*/*/*.json")
    folder = spool_dir / "running" / R
    folder.mkdir()
    entry.rename(folder / entry.name.replace(".a0.", ".a1."))
    starts = iter([None, None, NOW, NOW])
    marks = SimpleNamespace(start=lambda _file: next(starts))
    monkeypatch.setattr(following, "Begun", lambda _disk, _folder: marks)
    monkeypatch.setattr(following, "_until_interrupted", lambda *_, **__: range(4))
    following.event(place.open_disk(str(spool_dir)), id_, as_json=True)
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    assert [one["state"] for one in told] == ["running", "running"]


EVERYWHERE = """
import signal, sys
from ampt_cli.commands.following import _until_interrupted

lines = set()

def traced(frame, event, arg):
    line = frame.f_code, frame.f_lineno
    if line not in lines:
        lines.add(line)
        signal.raise_signal(signal.SIGWINCH)
    return traced

looks = _until_interrupted(60)
next(looks)
sys.settrace(traced)
next(looks)
sys.settrace(None)
signal.raise_signal(signal.SIGINT)
print(list(looks))
"""


def test_a_signal_may_come_on_any_line_of_a_pause() -> None:
    """It ends the pause, and never waits for what it interrupted."""
    done = subprocess.run(
        [sys.executable, "-c", EVERYWHERE], capture_output=True, text=True, timeout=20
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("height", "end", "unset"), [(12, signal.SIGINT, "0"), (2, signal.SIGTERM, "")]
)
@pytest.mark.parametrize("what", [[], ["--state", "dead"]])
def test_a_window_is_drawn_anew_in_its_size_and_left_as_it_was(
    clean_env: dict[str, str],
    busy: dict[str, str],
    what: list[str],
    height: int,
    end: signal.Signals,
    unset: str,
) -> None:
    """When it is resized; nothing is cleared in between, and Ctrl-C or timeout(1) ends it."""
    main, side = pty.openpty()
    termios.tcsetwinsize(side, (30, 90))
    command = [str(SCRIPT), "inspect", *what, "--follow"]
    env = {**clean_env, "TERM": "xterm-256color", "COLUMNS": unset, "LINES": unset}
    said = b""
    with subprocess.Popen(
        command, env=env, stdin=side, stdout=side, stderr=side, start_new_session=True
    ) as following:
        os.close(side)
        try:
            first = until(main, 29)
            termios.tcsetwinsize(main, (height, 50))
            following.send_signal(signal.SIGWINCH)  # the kernel's, for a controlling terminal
            rest, _, said = until(main, height - 1).partition(b"\x1b[H")  # as each picture begins
            first += rest  # of its last line, which ends without a break
            following.send_signal(end)
            said += until(main, None)
            assert following.wait(20) == 0
        finally:
            following.kill()
    os.close(main)
    lines = [re.sub(rb"\x1b\[[?0-9;]*[A-Za-z]", b"", one) for one in said.split(b"\r\n")]

    assert first.startswith(b"\x1b[?1049h")
    assert said.endswith(b"\x1b[?1049l")
    assert b"\x1b[2J" not in first + said
    assert max(len(one.decode().rstrip()) for one in lines) <= 50
    assert any(one.rstrip().endswith(b" 1 of 1") for one in lines) == bool(what)


def until(terminal: int, breaks: int | None) -> bytes:
    """What is sent to a terminal: so many lines of it, or all to the end."""
    said, end = b"", time.monotonic() + 20
    try:
        while breaks is None or said.count(b"\r\n") < breaks:
            if not select.select([terminal], [], [], max(end - time.monotonic(), 0))[0]:
                pytest.fail(f"nothing more was drawn after {said!r}")
            said += os.read(terminal, 65_536)
    except OSError:
        pass  # Linux says EIO when the other end is closed
    return said


@pytest.mark.parametrize("term", ["", "unknown", "dumb"])
def test_a_terminal_that_can_do_nothing_gets_plain_lines(
    spool_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    run_ampt: RunAmpt,
    term: str,
) -> None:
    """Nothing is redrawn there."""
    run_ampt("publish", "n", "--after", "1 day")
    monkeypatch.setattr(following, "_until_interrupted", lambda *_, **__: range(2))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", term)
    disk = place.open_disk(str(spool_dir))
    following.whole(disk, as_json=False)
    following.some(disk, catalog.Filter(), "due", 9, as_json=False)
    said = capfd.readouterr().out

    assert [line.count("pending") for line in said.splitlines()] == [1, 1]
    assert "\x1b" not in said


def test_a_terminal_whose_width_nobody_set_is_not_empty(
    clean_env: dict[str, str], run_ampt: RunAmpt
) -> None:
    """It is as wide as others are."""
    run_ampt("publish", "n", "--after", "1 day")
    narrow, usual = (
        on_terminal(clean_env, "inspect", "--sort", "due", columns=columns) for columns in (0, 80)
    )

    assert narrow == usual
    assert "pending" in usual


def on_terminal(env: dict[str, str], *args: str, columns: int, term: str = "xterm-256color") -> str:
    """What `ampt` sends to a terminal."""
    main, side = pty.openpty()
    sized = changed(env, {"COLUMNS": str(columns), "TERM": term})
    command = [str(SCRIPT), *args]
    with subprocess.Popen(command, env=sized, stdin=side, stdout=side, stderr=side) as process:
        os.close(side)
        said = b""
        try:
            while chunk := os.read(main, 65_536):
                said += chunk
        except OSError:
            pass  # Linux says EIO when the other end is closed
        process.wait(20)
    os.close(main)
    return said.decode()


@pytest.mark.parametrize("what", [[], ["--group-by", "error"]])
def test_a_terminal_is_told_that_there_are_none(
    clean_env: dict[str, str], run_ampt: RunAmpt, what: list[str]
) -> None:
    """Of what was asked for; a program sees no line."""
    run_ampt("publish", "n")
    asked = ["inspect", "--state", "dead", *what]

    assert on_terminal(clean_env, *asked, columns=80) == "no such events\r\n"
    assert run_ampt(*asked) == (0, "", "")


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=len)
def test_that_a_list_is_cut_stands_below_it_on_a_terminal(
    clean_env: dict[str, str], busy: dict[str, str], as_json: list[str]
) -> None:
    """With --json on stderr there, too: stdout is for data."""
    said = on_terminal(clean_env, "inspect", "--limit", "2", *as_json, columns=80)

    assert said.splitlines()[-1] == ("ampt: " if as_json else "") + "… and 3 more: --limit 5"


@pytest.mark.parametrize("columns", [60, 140])
def test_a_terminal_gets_colour_and_never_what_an_event_smuggles(
    clean_env: dict[str, str], busy: dict[str, str], columns: int
) -> None:
    """The error has an escape sequence; NO_COLOR is honoured."""
    said = on_terminal(clean_env, "inspect", busy["worse"], columns=columns)
    quiet = on_terminal({**clean_env, "NO_COLOR": "1"}, "inspect", busy["worse"], columns=columns)
    whole = on_terminal(clean_env, "inspect", columns=columns)

    assert "\x1b[1m" in said
    assert "\x1b[2J" not in said + whole
    assert "\\u001b[2J" in said
    assert "[32m" not in quiet
    assert "[31m" not in quiet


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_of_another_locale_gets_the_same(
    clean_env: dict[str, str], run_ampt: RunAmpt, encoding: str
) -> None:
    """Pictures and names are UTF-8 there too, as all that goes into a pipe is."""
    run_ampt("publish", "ü", "--after", "1 hour")
    foreign = {**clean_env, "PYTHONIOENCODING": encoding}
    whole = on_terminal(foreign, "inspect", columns=80)
    listed = on_terminal(foreign, "inspect", "--sort", "due", columns=80)

    assert "│" in whole
    assert "ü" in listed
    assert "Error" not in whole + listed


UNREAD = """
import os, pty, sys
from ampt_cli import printing, render

main, side = pty.openpty()
os.set_blocking(side, False)
os.dup2(side, 1)
said = []
printing._wait_for_room = lambda _fd: said.append(os.read(main, 65536))
render.show([(str(number), "head")] for number in range(5000))
os.write(1, b"end")
while not said[-1].endswith(b"end"):
    said.append(os.read(main, 65536))
print(b"".join(said).count(b"\\r\\n"), file=sys.stderr)
"""


def test_a_terminal_that_another_program_left_non_blocking_gets_all(
    clean_env: dict[str, str],
) -> None:
    """Lines that find no room wait for it."""
    program = [sys.executable, "-c", UNREAD]
    done = subprocess.run(program, env=clean_env, capture_output=True, text=True, timeout=20)

    assert done.stderr == "5000\n"


def test_a_census_is_repeated_without_walking_what_did_not_change(
    run_ampt: RunAmpt, spool_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And sees what did."""
    from ampt_cli import census, clock  # noqa: PLC0415

    for _ in range(3):
        run_ampt("publish", "n", "--after", "2 days")
    [bucket] = spool_dir.glob("pending/*/*")
    os.utime(bucket, ns=(0, 0))
    walked: Counter[str] = Counter()
    real = census._walk

    def counted(disk: Any, path: str, now: str, told: Any) -> Any:
        walked[path] += 1
        return real(disk, path, now, told)

    monkeypatch.setattr(census, "_walk", counted)
    counting, unread = Counting(), Unread(place.open_disk(str(spool_dir)))
    first, again = (counting.census(unread, clock.now()).counts["pending"] for _ in range(2))
    once = walked.total()
    run_ampt("publish", "n", "--after", "2 days")
    more = counting.census(unread, clock.now()).counts["pending"]

    assert (first, again, more) == (3, 3, 4)
    assert (once, walked.total()) == (1, 2)


@pytest.mark.row(83)
def test_a_closed_pipe_is_no_error(clean_env: dict[str, str], busy: dict[str, str]) -> None:
    """`ampt inspect | head` says nothing on stderr."""
    done = subprocess.run(
        ["sh", "-c", f"{SCRIPT} inspect --name '*' --json | true; {SCRIPT} inspect | true"],
        env=clean_env,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([""], "the id is empty"),
        (["a", "b"], "inspect takes one ID, and 'b' is one more"),
        (["--limit", "0"], "--limit takes a whole number from 1 to 999999999, not '0'"),
        (["--limit", "1000000000"], "--limit takes a whole number from 1 to 999999999, not '1"),
        (["a", "--state", "dead"], "give an id or a filter, not both"),
        (["a", "--group-by", "name"], "give an id or a filter, not both"),
        (["--follow", "--group-by", "name"], "--follow does not go with --group-by"),
        (["--group-by", "size"], "cannot group by 'size'; by error, or by name"),
        (["--config", "a"], "--config takes no ID"),
        (["--config", "--state", "dead"], "--state does not go with --config"),
        (["--config", "--follow"], "--follow does not go with --config"),
        (["--group-by", "name", "--limit", "1"], "--limit does not go with --group-by"),
        (["--group-by", "name", "--sort", "due"], "--sort does not go with --group-by"),
        (["a", "--sort", "due"], "--sort does not go with an ID"),
        (["--sort", "bogus"], "cannot sort by 'bogus'"),
        (["--sort", "bogus", "--limit", "2"], "cannot sort by 'bogus'"),
        (["--stat", "dead"], "ampt inspect has no option --stat; did you mean --state?"),
    ],
)
def test_wrong_usage_is_one_line(args: list[str], said: str, run_ampt: RunAmpt) -> None:
    """It says what is wrong, and nothing else is printed."""
    run_ampt("publish", "n")
    done = run_ampt("inspect", *args)

    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"ampt: {said}")
