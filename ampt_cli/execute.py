"""Call the handlers of one event, in order, and say how it went.

Used by workers, by `ampt call`, and by the testing kit: the same code runs a
handler everywhere.
"""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter_ns
from types import AsyncGeneratorType, GeneratorType

from ampt_cli import due, handlers, record
from ampt_cli.errors import BadDue, ConfigError
from ampt_cli.event import Event
from ampt_cli.handlers import GiveUp, Handler, RetryLater
from ampt_cli.policy import NO_WISH, Wish
from ampt_cli.typed import Any

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import TypeVar

    T = TypeVar("T")

MAX_ERROR = 2_000  # characters of a one-line error
MAX_TRACEBACK = 16_384  # characters
OURS = (__file__.removesuffix("execute.py"), "<frozen importlib")  # beginnings of file names


class HandlerTimeout(BaseException):
    """Raised in a handler at its deadline, so that it can clean up.

    No subclass of Exception: `except Exception` does not swallow it. Half a
    second later the process group is killed.
    """


class Watch:
    """What the caller does about deadlines; this one, nothing."""

    fired = False

    def begin(self, handler: Handler, timeout: int) -> None:
        """A handler call begins; it may take `timeout` ms."""

    def change(self, timeout: int) -> None:
        """The running call may now take `timeout` ms from its start."""

    def end(self) -> None:
        """The call has ended."""

    def passed(self, key: str) -> None:
        """One of several handlers has succeeded: its attempt may yet be cut short."""


class Context:
    """The second argument of a handler."""

    __slots__ = ("_watch", "attempt", "id", "timeout")

    def __init__(self, watch: Watch, attempt: int, id: str, timeout: int) -> None:
        self._watch: Watch | None = watch  # of the running call; None when it has ended
        self.attempt = attempt
        self.id = id
        self.timeout = timeout

    def set_timeout(self, timeout: "int | str | timedelta") -> None:
        """Let this call take `timeout` (ms, "20 seconds", timedelta) from its start, up to 60 s.

        Raises RuntimeError once the call has ended.
        """
        if self._watch is None:
            raise RuntimeError("this handler's call has ended: its timeout cannot be changed")
        self.timeout = handlers.check_timeout(timeout)
        self._watch.change(self.timeout)


class Result:
    """How an attempt went: its outcome, a report for each handler, wishes, the error."""

    __slots__ = ("error", "outcome", "reports", "succeeded", "us", "wish")

    def __init__(
        self,
        us: int,
        outcome: str,
        reports: list[dict[str, Any]],
        succeeded: tuple[str, ...] = (),
        wish: Wish = NO_WISH,
        error: str | None = None,
    ) -> None:
        self.us = us  # that its handlers took
        self.outcome = outcome
        self.reports = reports
        self.succeeded = succeeded
        self.wish = wish
        self.error = error


def _never(_: BaseException) -> bool:
    return False


def execute(
    event: Event,
    listed: Sequence[Handler],
    *,
    now: Callable[[], int],
    watch: Watch | None = None,
    succeeded: Sequence[str] = (),
    default_timeout: int = handlers.DEFAULT_TIMEOUT,
    passes: Callable[[BaseException], bool] = _never,
    brief: bool = False,
) -> Result:
    """Call `listed` but for those that `succeeded` before. Raises only what `passes`.

    Reports that are `brief` have no traceback: making one takes longer than all the rest.
    """
    if not listed:
        return Result(0, record.IGNORED, [])
    watch = watch or Watch()
    reports, good, heard = [], list(succeeded), []
    outcome, total = record.SUCCEEDED, 0
    for handler in listed:
        if handler.key in succeeded and handler.distinct:
            continue
        timeout = handler.timeout or default_timeout
        context = Context(watch, event.attempt, event.id, timeout)
        started = perf_counter_ns()
        try:
            try:
                watch.begin(handler, timeout)  # here, for its signal may come before the call
                _call(handler, event, context)
            finally:
                # A thread may keep it, and must not move the deadline of a later call.
                context._watch = None  # noqa: SLF001  ours
                watch.end()
            raised: BaseException | None = None
        except BaseException as error:
            if passes(error):
                raise
            raised = error
        report: dict[str, Any] = {"handler": handler.key}
        reports.append(report)
        if raised is None and not watch.fired:
            report["outcome"] = record.SUCCEEDED
            good.append(handler.key)
            if handler.distinct and len(listed) > 1:
                watch.passed(handler.key)
        else:
            how = record.TIMED_OUT if watch.fired else record.FAILED
            outcome = how if outcome == record.SUCCEEDED else outcome
            heard.append(_heard(raised, context.timeout if watch.fired else None, now))
            report |= {"outcome": how, "error": heard[-1][0]}
            if not brief:
                report["traceback"] = traceback_of(raised)
        total += (us := (perf_counter_ns() - started) // 1000)
        report["ms"] = us / 1000
    weighed = _weighed(heard) if heard else (NO_WISH, None)
    return Result(total, outcome, reports, handlers.remembered(listed, good), *weighed)


def record_of(attempt: int, start: int, result: Result) -> record.Record:
    """The record of an attempt that ran to its end."""
    made: record.Record = {
        "attempt": attempt,
        "start": start,
        "ms": result.us / 1000,
        "outcome": result.outcome,
        "handlers": result.reports,
    }
    if result.error is not None:
        made["error"] = result.error
    return made


def _call(handler: Handler, event: Event, context: Context) -> None:
    value = handler.function(event, context) if handler.takes_context else handler.function(event)
    if value is None:
        return
    if hasattr(value, "__await__"):
        import asyncio  # noqa: PLC0415  loaded with the handlers already, if any is async

        value = asyncio.run(_await(value))
    if isinstance(value, GeneratorType | AsyncGeneratorType):
        raise ConfigError("the handler returned a generator, of which nothing was run")


async def _await(value: Any) -> Any:
    return await value


def _heard(
    raised: BaseException | None, timeout: int | None, now: Callable[[], int]
) -> tuple[str, Wish]:
    """What a handler said, on one line, and what it asked for."""
    error = describe(raised) if timeout is None else f"timed out after {timeout / 1000:g} s"
    try:
        if not isinstance(raised, BaseExceptionGroup):
            return error, _wish(raised, now)
        leaf, wish = _heard_together(raised, now)
        if timeout is None:
            error = shorten(f"{error}: {describe(leaf)}", MAX_ERROR)
        return error, wish
    except BadDue as bad:
        return f"{error} (which cannot be: {bad})", NO_WISH
    except BaseException as bad:  # noqa: BLE001  what it asks with is the handler's, as in describe
        return f"{error} (which cannot be: {describe(bad)})", NO_WISH


def _heard_together(
    group: BaseExceptionGroup[BaseException], now: Callable[[], int]
) -> tuple[BaseException, Wish]:
    """What of a group counts, and asks: anything but a wish in it makes it a plain failure."""
    for leaf in _leaves(group):
        if not isinstance(leaf, (GiveUp, RetryLater)):
            return leaf, NO_WISH
    wish, leaf = _weighed([(leaf, _wish(leaf, now)) for leaf in _leaves(group)])
    return leaf, wish


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The exceptions of a group that are no groups, in order."""
    left: list[BaseException] = [group]
    while left:
        one = left.pop()
        if isinstance(one, BaseExceptionGroup):
            left += reversed(one.exceptions)
        else:
            yield one


def _wish(raised: BaseException | None, now: Callable[[], int]) -> Wish:
    """What `raised` asks for. Raises BadDue and whatever else: then it is a plain failure."""
    if isinstance(raised, GiveUp):
        return Wish(give_up=True)
    if isinstance(raised, RetryLater) and (after := raised.after) is not None:
        return Wish(later=due.parse(after, now()))
    return NO_WISH


def _weighed(heard: "Sequence[tuple[T, Wish]]") -> "tuple[Wish, T]":
    """What failing handlers have asked for, and said, as one.

    What buried the event is its error, whatever else failed before. Else it is the first, but
    never one that names another time than the earliest, which is granted.
    """
    last = [error for error, wish in heard if wish.give_up]
    earliest = min((wish.later for _, wish in heard if wish.later is not None), default=None)
    agreeing = [error for error, wish in heard if wish.later in (None, earliest)]
    return Wish(bool(last), earliest), (last or agreeing)[0]


def describe(error: BaseException | None) -> str:
    """One line on what went wrong; survives what cannot be printed."""
    name = " ".join(type(error).__name__.split())
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001  a broken __str__ is the handler's, too
        text = "(its text cannot be made)"
    return shorten(f"{name}: {text}" if text else name, MAX_ERROR)


def traceback_of(error: BaseException | None) -> str:
    """The traceback, without our own frames and those of importing, bounded."""
    if error is None:
        return ""
    frames = frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code is _await.__code__:
            frames = frame.tb_next  # those before are asyncio's, or ours
        frame = frame.tb_next
    try:
        import traceback  # noqa: PLC0415  only after a failure, perhaps for want of open files

        whole = traceback.TracebackException(type(error), error, frames)
        whole.stack[:] = [one for one in whole.stack if not one.filename.startswith(OURS)]
        text = "".join(whole.format())
    except BaseException:  # noqa: BLE001  as in describe
        text = f"{type(error).__name__}: (its traceback cannot be made)"
    return shorten(text, MAX_TRACEBACK)


def shorten(text: str, most: int) -> str:
    r"""`text`, cut in the middle to at most about `most` characters; lone surrogates as \ud...."""
    text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters left out … {text[-half:]}"
