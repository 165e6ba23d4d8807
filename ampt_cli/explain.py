"""One plain sentence on where an event is, why, and what happens next. Pure."""

from ampt_cli import due, record
from ampt_cli.catalog import Seen
from ampt_cli.layout import DEAD, DONE, PENDING, RUNNING
from ampt_cli.render import length


def explain(seen: Seen, now: int) -> str:
    """The sentence for an entry that was opened, seen at `now` (ms)."""
    entry = seen.entry
    if seen.event is None:
        return f"It cannot be read ({seen.damage}); the next run moves it to quarantine."
    if entry.state == RUNNING:
        return f"Attempt {entry.attempt} is claimed by the runner {entry.folder.partition('/')[2]}."
    if entry.state == DONE:
        return _done(seen)
    last = seen.last or {}
    why = f" ({last['error']})" if last.get("error") else ""
    if entry.state == DEAD:
        return (
            f"It is dead after {_attempts(entry.attempt)}{why}; to try again: ampt retry {entry.id}"
        )
    when = _when(entry.due, now)
    if entry.state == PENDING:
        return f"It waits for its {'first' if entry.attempt == 0 else 'next'} attempt, {when}."
    word = {record.TIMED_OUT: "timed out", record.INTERRUPTED: "was interrupted"}
    how = word.get(str(last.get("outcome")), "failed")
    return f"Attempt {entry.attempt} {how}{why}; it is tried again {when}."


def _done(seen: Seen) -> str:
    last = seen.last
    outcome = (last or {}).get("outcome")
    if outcome == record.SUCCEEDED:
        return f"It is done: attempt {seen.entry.attempt} succeeded."
    if outcome == record.IGNORED:
        return "It is done: no handler is registered for it, so it was ignored."
    if outcome == record.CANCELLED or seen.entry.attempt == 0:
        return "It was cancelled, and will not run."
    return "It is done; the record of its last attempt was lost."


def _attempts(count: int) -> str:
    return f"{count} attempt{'' if count == 1 else 's'}"


def _when(instant: int, now: int) -> str:
    if instant > now:
        return f"in {length(instant - now)}, at {due.iso(instant)}"
    return f"due since {length(now - instant)}; the next run takes it"
