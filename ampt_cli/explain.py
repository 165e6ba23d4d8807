"""One plain sentence on where an event is, why, and what happens next. Pure."""

from typing import NamedTuple

from ampt_cli import instants, record
from ampt_cli.catalog import Seen
from ampt_cli.errors import Damaged, TooNew
from ampt_cli.layout import (
    DEAD,
    DONE,
    FINISHED,
    PENDING,
    QUARANTINE,
    RUNNING,
    WAITING,
    id_as_argument,
)
from ampt_cli.render import length, plural

LONG = 600_000  # ms of one attempt, of whose handlers none may take over a minute
MOST = 200  # characters of an error; it stands in full below the sentence


class Around(NamedTuple):
    """What is known besides the entry itself. Times are instants (ms)."""

    alive: bool | None = False  # whether a runner is, if known; of a running entry: its own
    begun: int | None = None  # of a running entry: when its attempt began
    pid: int = 0  # of a running entry: its runner's process
    reason: str = ""  # of an entry in quarantine


def explain(seen: Seen, now: int, around: Around) -> str:
    """The sentence for an entry that was opened, seen at `now` (ms)."""
    state = seen.entry.state
    if state == QUARANTINE:
        return _quarantined(seen, around)
    if seen.event is None:
        return _unread(seen, now)
    if state == RUNNING:
        told = _running(seen, now, around)
    elif state == DONE:
        told = _done(seen)
    elif state == DEAD:
        told = f"{_dead(seen)} To try again: ampt retry {id_as_argument(seen.entry.id)}"
    else:
        told = _waiting(seen, now, around)
    replaced = seen.event.extra.get("replaces")
    return f"{told} It replaces {replaced}." if isinstance(replaced, str) else told


def _unread(seen: Seen, now: int) -> str:
    """Only what is damaged is set aside; what is newer, or what the disk refuses, stays."""
    entry, wrong = seen.entry, (seen.damage or "").removeprefix("it cannot be read: ")
    if not isinstance(seen.why, Damaged):
        stays = "it stays" if entry.state in FINISHED else "every run leaves it"
        mend = (
            "upgrade" if isinstance(seen.why, TooNew) else "see to its owner and mode, or the disk"
        )
        following = f"{stays} where it is; {mend}"
    elif entry.state in FINISHED:
        following = "ampt check --repair moves it to quarantine"
    elif entry.state in WAITING and entry.due > now:
        following = "when it is due, a run moves it to quarantine"
    else:
        following = "the next run moves it to quarantine"
    return f"It cannot be read ({wrong}); {following}."


def _quarantined(seen: Seen, around: Around) -> str:
    why = around.reason or seen.damage or "the reason was lost"
    mended = "It can be read now" if seen.event else "When the file is mended"
    return f"It is in quarantine: {why}. {mended}: ampt retry {id_as_argument(seen.entry.id)}"


def _running(seen: Seen, now: int, around: Around) -> str:
    entry = seen.entry
    runner = entry.folder.partition("/")[2]
    if around.alive is None:
        return f"The runner {runner} has claimed it; whether that is alive cannot be read."
    if not around.alive:
        return f"Its runner {runner} is gone; the next run takes it back."
    if around.begun is None:
        return f"The runner {runner} has claimed it; attempt {entry.attempt} has not begun."
    took = now - around.begun
    told = f"Attempt {entry.attempt} has been running for {length(took)}, in the runner {runner}"
    return f"{told}; {hanging(around.pid)}." if took > LONG else f"{told}."


def hanging(pid: int) -> str:
    """What to do about a runner that lives, and does not end its handlers in time."""
    why = "a handler may take a minute at most"
    return f"{why}; if its runner (pid {pid}) was stopped, kill -CONT it, else kill it"


def _done(seen: Seen) -> str:
    last = seen.last or {}
    outcome = last.get("outcome")
    when = f" at {instants.iso(seen.ended)}" if seen.ended is not None else ""
    if outcome == record.SUCCEEDED:
        return f"It is done: attempt {seen.entry.attempt} succeeded{when}."
    if outcome == record.IGNORED:
        return f"It is done: it was ignored{when}, because no handler is registered for it."
    if last.get("action") == "replaced":
        return f"It was edited{when}, and published anew as {last.get('by')}."
    if outcome == record.CANCELLED or seen.entry.attempt == 0:
        return f"It was cancelled{when}, and will not run."
    return "It is done; the record of its last attempt was lost."


def _dead(seen: Seen) -> str:
    last = seen.last or {}
    after, why = plural(seen.entry.attempt, "attempt"), _why(last)
    if (seen.error or "").startswith("GiveUp"):
        return f"It is dead: a handler gave it up in attempt {seen.entry.attempt}{why}."
    first, tried = last.get("first"), last.get("start")
    if type(first) is int and type(tried) is int and tried > first:
        return f"It is dead: {after} failed in {length(tried - first)}, the last one{why}."
    return f"It is dead after {after}{why}."


def _waiting(seen: Seen, now: int, around: Around) -> str:
    entry, last = seen.entry, seen.last or {}
    when = _when(entry.due, now, around)
    if entry.state == PENDING:
        which = "its first attempt" if entry.attempt == 0 else f"attempt {entry.attempt + 1}"
        before = "It was redriven, and waits" if entry.attempt else "It waits"
        return f"{before} for {which}, {when}."
    word = {record.TIMED_OUT: "timed out", record.INTERRUPTED: "was interrupted"}
    how = word.get(str(last.get("outcome")), "failed")
    return f"Attempt {entry.attempt} {how}{_why(last)}; it is tried again, {when}."


def _why(last: record.Record) -> str:
    error = str(last.get("error") or "")
    return f" ({error[:MOST]}{'…' if len(error) > MOST else ''})" if error else ""


def _when(instant: int, now: int, around: Around) -> str:
    if instant > now:
        return f"in {length(instant - now)}, at {instants.iso(instant)}"
    late = length(now - instant)
    if around.alive is None:
        return f"due since {late}; whether a runner is alive cannot be read"
    if around.alive:
        return f"due since {late}; the runner that is alive takes it next"
    return f"due since {late}; no runner is alive, the next ampt run takes it"
