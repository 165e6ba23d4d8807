"""The spool as a dict: where each event is, and what the next attempt depends on. No I/O."""

from typing import NamedTuple

PENDING, RETRY, RUNNING, DONE, DEAD = "pending", "retry", "running", "done", "dead"
QUARANTINE, GONE = "quarantine", "gone"
WAITING, FINISHED = (PENDING, RETRY), (DONE, DEAD)

EVERY = 6 * 60_000  # ms
WINDOW = 14 * 86_400_000
RETRIES = 3  # at least
INTERRUPTIONS = 3  # in a row count as a failure


class Event(NamedTuple):
    """One event. `due` is the stamp in its name; the rest is what its records come to."""

    state: str
    attempt: int
    due: int
    first: int | None = None
    failures: int = 0
    interruptions: int = 0
    succeeded: bool = False  # running, and the record of its success is written


def may_be(seen: Event | None, before: Event | None, after: Event | None) -> bool:
    """Whether a crash may leave this. Records are written before a move, never after it.

    But deeds that only people read are noted afterwards: those change no count.
    """
    if seen in (before, after):
        return True
    if seen is None or before is None or after is None:
        return False
    return seen == before._replace(
        first=after.first,
        failures=after.failures,
        interruptions=after.interruptions,
        succeeded=seen.succeeded and before.state == RUNNING and after.state == DONE,
    )


def published(due: int) -> Event:
    """A new event."""
    return Event(PENDING, 0, due)


def claimed(event: Event) -> Event:
    """The attempt is counted."""
    return event._replace(state=RUNNING, attempt=event.attempt + 1)


def released(event: Event) -> Event:
    """It was not begun, and is not counted."""
    attempt = event.attempt - 1
    state = RETRY if attempt else PENDING
    return event._replace(state=state, attempt=attempt, succeeded=False)


def succeeded(event: Event) -> Event:
    """Its end."""
    return event._replace(state=DONE, succeeded=False)


def failed(event: Event, start: int, now: int) -> Event:
    """Tried again in six minutes, for fourteen days, and three times more whatever the clock says."""
    first = start if event.first is None else event.first
    failures = event.failures + 1
    after = event._replace(first=first, failures=failures, interruptions=0, succeeded=False)
    if now + EVERY > first + WINDOW and failures > RETRIES:
        return after._replace(state=DEAD)
    return after._replace(state=RETRY, due=now + EVERY)


def given_up(event: Event, start: int) -> Event:
    """Dead at once."""
    first = start if event.first is None else event.first
    after = event._replace(first=first, failures=event.failures + 1, interruptions=0)
    return after._replace(state=DEAD, succeeded=False)


def interrupted(event: Event, start: int, now: int) -> Event:
    """Due again at once; the third time in a row it failed."""
    if event.interruptions + 1 >= INTERRUPTIONS:
        return failed(event, start, now)
    first = start if event.first is None else event.first
    return event._replace(state=RETRY, due=now, first=first, interruptions=event.interruptions + 1)


def rescued(event: Event, start: int, now: int) -> Event:
    """What succeeded right before its runner died is not run again."""
    return succeeded(event) if event.succeeded else interrupted(event, start, now)


def redriven(event: Event, now: int) -> Event:
    """A new window; the number of attempts stays."""
    return Event(PENDING, event.attempt, now)


def moved(event: Event, due: int) -> Event:
    """Another due time."""
    return event._replace(due=due)


def cancelled(event: Event) -> Event:
    """It will not run."""
    return event._replace(state=DONE)


def set_aside(event: Event) -> Event:
    """It is damaged, as far as somebody says."""
    return event._replace(state=QUARANTINE)


def discarded(event: Event) -> Event:
    """It was kept for long enough."""
    return event._replace(state=GONE)
