"""What to do after an attempt."""

from ampt_cli import instants
from ampt_cli.layout import DEAD, MAX_ATTEMPT, RETRY
from ampt_cli.record import INTERRUPTED, History
from ampt_cli.typed import Value

MIN_RETRIES = 3  # no clock alone buries an event
MAX_INTERRUPTIONS = 3  # in a row; the last one counts as a failure


class Retries(Value):
    """How often and how long a failing event is tried again (ms)."""

    every: int = 6 * instants.MINUTE
    window: int = 14 * instants.DAY  # from the start of the first attempt


def retries_of(config: dict[str, int]) -> Retries:
    """The retries that a configuration asks for."""
    default = Retries()
    return Retries(
        config.get("retry_every", default.every), config.get("retry_for", default.window)
    )


class Wish(Value):
    """What a handler asked for by raising GiveUp or RetryLater."""

    give_up: bool = False
    later: int | None = None  # instant


NO_WISH = Wish()


class Verdict(Value):
    """Where the entry goes (a state), when it is due next, and what to remember."""

    state: str
    next: int
    history: History


def decide(
    outcome: str,
    *,
    attempt: int,
    start: int,
    now: int,
    history: History = History(),  # noqa: B008  an immutable tuple
    retries: Retries = Retries(),  # noqa: B008
    wish: Wish = NO_WISH,
    full: bool = False,
) -> Verdict:
    """The verdict at `now` (ms) on attempt number `attempt`, of `start`, that did not succeed.

    Retried every `retries.every` until `retries.window` after the first attempt,
    and at least MIN_RETRIES times whatever the clock says; then dead. An
    interrupted attempt is due again at once, but for every third in a row. Nothing
    is retried after attempt MAX_ATTEMPT, the last that a file name can count, nor
    where the file is `full`: with more records it would be taken for damaged.
    """
    first = start if history.first is None else history.first
    spent = full or attempt >= MAX_ATTEMPT
    if outcome == INTERRUPTED and history.interruptions + 1 < MAX_INTERRUPTIONS and not spent:
        kept = history.but(first=first, interruptions=history.interruptions + 1)
        return Verdict(RETRY, now, kept)
    failures = history.failures + 1
    kept = history.but(first=first, failures=failures, interruptions=0)
    following = now + retries.every if wish.later is None else wish.later
    judged = following if wish.later is None else now
    over = judged > first + retries.window and failures > MIN_RETRIES
    if wish.give_up or over or spent:
        return Verdict(DEAD, now, kept)
    return Verdict(RETRY, max(following, now), kept)
