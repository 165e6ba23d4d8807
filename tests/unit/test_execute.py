"""Calling handlers."""

import asyncio
import decimal
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache, partial, wraps
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from ampt_cli.errors import ConfigError
from ampt_cli.event import Event
from ampt_cli.execute import Context, HandlerTimeout, Result, Watch, execute
from ampt_cli.handlers import GiveUp, Handler, Registry, RetryLater
from ampt_cli.policy import Wish

EVENT = Event("x", "n", {"a": 1}, 0, 0, 1)


def run(registry: Registry, succeeded: tuple[str, ...] = ()) -> Result:
    """Run the handlers of EVENT at time 0."""
    return execute(EVENT, registry.of("n"), now=lambda: 0, succeeded=succeeded)


def test_handlers_are_called_in_order_and_the_next_is_called_after_a_failure() -> None:
    """Each handler's success is its own; on a retry only the failed one is called."""
    registry, called = Registry(), []

    @registry.on("n")
    def first(event: Event) -> None:
        called.append("first")
        raise ValueError(event.body)

    @registry.on("n")
    async def second(event: Event, context: Context) -> None:
        await asyncio.sleep(0)
        called.append(f"second {context.attempt}")

    result = run(registry)
    again = run(registry, result.succeeded)

    assert called == ["first", "second 1", "first"]
    assert (result.outcome, again.outcome) == ("failed", "failed")
    assert "in first" in result.reports[0]["traceback"]


@pytest.mark.parametrize("order", [1, -1])
def test_handlers_that_records_cannot_tell_apart_are_all_called_again(order: int) -> None:
    """Nobody knows which of them had succeeded; what has a name of its own is remembered."""

    def plain(_event: Event) -> None:
        called.append("plain")

    def made(word: str, *, fails: bool) -> Callable[[Event], None]:
        def handler(_event: Event) -> None:
            called.append(word)
            if fails:
                raise ValueError(word)

        return handler

    def registered(order: int) -> Registry:
        registry = Registry()
        for function in [plain, made("good", fails=False), made("bad", fails=True)][::order]:
            registry.on("n", function)
        return registry

    called: list[str] = []
    first = run(registered(1))
    called.clear()
    second = run(registered(order), (*first.succeeded, f"{registered(1).of('n')[1].key}#2"))

    assert sorted(called) == ["bad", "good"]
    assert first.succeeded == second.succeeded == (registered(1).of("n")[0].key,)


def test_a_handler_has_the_same_key_whatever_other_names_have() -> None:
    """Keys are told apart within one event's name, so a new name changes none of them."""
    registry, alone = Registry(), Registry()
    for where, names in ((registry, "amn"), (alone, "n")):
        for name in names:
            where.on(name, lambda event: event.id)

    assert registry.of("n")[0].key == alone.of("n")[0].key


def test_a_traceback_begins_in_the_handler() -> None:
    """Neither our frames nor asyncio's are before it."""
    registry = Registry()

    @registry.on("n")
    def plain(_event: Event) -> None:
        raise ValueError

    @registry.on("n")
    async def awaited(_event: Event) -> None:
        raise ValueError

    @registry.on("n")
    def too_long(_event: Event, context: Context) -> None:
        context.set_timeout(60_001)

    for report in run(registry).reports:
        frames = [line for line in report["traceback"].splitlines() if line.startswith("  File ")]
        assert len(frames) == 1
        assert frames[0].startswith(f'  File "{__file__}", line ')


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), GeneratorExit(), OSError()])
def test_whatever_a_handler_raises_is_its_failure(error: BaseException) -> None:
    """Also what is no Exception."""
    registry = Registry()

    @registry.on("n")
    def handler(_event: Event) -> None:
        raise error

    assert run(registry).outcome == "failed"


def test_an_exception_that_cannot_be_printed_is_reported() -> None:
    """Its __str__ and __repr__ fail."""

    class Hostile(Exception):
        def __str__(self) -> str:
            raise ValueError("never")

        __repr__ = __str__

    registry = Registry()

    @registry.on("n")
    def handler(_event: Event) -> None:
        raise Hostile

    assert "Hostile" in str(run(registry).error)


def test_an_error_is_one_line_whatever_its_class_is_called() -> None:
    """Reports and logs have one line for it."""
    registry = Registry()

    @registry.on("n")
    def handler(_event: Event) -> None:
        raise type("Two\nlines", (Exception,), {})("and\nmore")

    assert run(registry).error == "Two lines: and more"


def test_a_time_that_is_over_before_the_call_is_the_handlers_own() -> None:
    """A worker that was stopped between the two finds the signal first."""

    class Stopped(Watch):
        def begin(self, handler: Handler, timeout: int) -> None:
            self.fired = True
            raise HandlerTimeout

        def end(self) -> None:
            ended.append(True)

    registry, ended = Registry(), list[bool]()
    registry.on("n", lambda _event: ended.append(False))

    result = execute(EVENT, registry.of("n"), now=lambda: 0, watch=Stopped())

    assert (result.outcome, result.error) == ("timed_out", "timed out after 5 s")
    assert ended == [True]


def test_the_outcome_of_an_attempt_is_that_of_its_first_failure() -> None:
    """As its error is."""

    class First(Watch):
        def begin(self, handler: Handler, timeout: int) -> None:
            self.fired = handler is registry.of("n")[0]

    def fails(_event: Event) -> None:
        raise ValueError

    registry = Registry()
    registry.on("n", lambda _event: None)
    registry.on("n", fails)

    result = execute(EVENT, registry.of("n"), now=lambda: 0, watch=First())

    assert [report["outcome"] for report in result.reports] == ["timed_out", "failed"]
    assert (result.outcome, result.error) == ("timed_out", "timed out after 5 s")


def test_a_timeout_is_called_so_whatever_the_handler_makes_of_it() -> None:
    """A group of tasks makes one of it: events are grouped by their errors."""

    class Late(Watch):
        fired = True

    def fails(_event: Event) -> None:
        raise BaseExceptionGroup("tasks", [HandlerTimeout()])

    registry = Registry()
    registry.on("n", fails)

    result = execute(EVENT, registry.of("n"), now=lambda: 0, watch=Late())

    assert result.error == "timed out after 5 s"


def test_nobody_is_told_of_a_success_that_no_record_can_tell_from_another() -> None:
    """After a death the handler would be skipped, once it has a name of its own."""

    class Noting(Watch):
        def passed(self, key: str) -> None:
            told.append(key)

    def plain(_event: Event) -> None:
        pass

    registry, told = Registry(), list[str]()
    for handler in (lambda _event: None, plain, lambda _event: None):
        registry.on("n", handler)

    execute(EVENT, registry.of("n"), now=lambda: 0, watch=Noting())

    assert told == [registry.of("n")[1].key]


def test_wishes_reach_the_result() -> None:
    """GiveUp and RetryLater."""
    registry = Registry()

    @registry.on("n")
    def handler(_event: Event) -> None:
        raise GiveUp("enough")

    @registry.on("n")
    def other(_event: Event) -> None:
        raise RetryLater("1 hour")

    assert run(registry).wish == Wish(give_up=True, later=3_600_000)


def test_a_context_that_was_kept_changes_no_other_call() -> None:
    """A thread may have it when its call has ended: it is told so."""
    registry, kept, changed = Registry(), [], []

    class Changes(Watch):
        def change(self, timeout: int) -> None:
            changed.append(timeout)

    @registry.on("n")
    def handler(_event: Event, context: Context) -> None:
        context.set_timeout(50)
        kept.append(context)

    execute(EVENT, registry.of("n"), now=lambda: 0, watch=Changes())
    with pytest.raises(RuntimeError, match="call has ended"):
        kept[0].set_timeout("60 seconds")

    assert (changed, kept[0].timeout) == ([50], 50)


@pytest.mark.parametrize("timeout", [0, -1, 60_001, "61 seconds", "nonsense"])
def test_a_timeout_that_cannot_be_is_refused_at_registration(timeout: object) -> None:
    """Up to 60 s."""
    with pytest.raises(ConfigError):
        Registry().on("n", print, timeout=timeout)


def test_a_handler_that_takes_neither_is_refused() -> None:
    """(event, context) or (event)."""
    with pytest.raises(ConfigError, match="takes neither"):
        Registry().on("n", lambda: None)


def test_a_handler_of_which_a_call_would_run_nothing_is_refused() -> None:
    """One with a yield: its events would seem to have succeeded."""

    def plain(_event: Event) -> Iterator[None]:
        yield

    async def awaited(_event: Event) -> AsyncIterator[None]:
        yield

    @contextmanager
    def wrapped(_event: Event) -> Iterator[None]:
        yield

    for function in (plain, awaited, partial(plain)):
        with pytest.raises(ConfigError, match="has a yield"):
            Registry().on("n", function)
    Registry().on("n", wrapped)


class Drains:
    """A decorator that runs what its generator yields."""

    def __init__(self, func: Callable[[Event], Iterator[object]]) -> None:
        self.func = func

    def __call__(self, event: Event) -> None:
        list(self.func(event))


def test_an_object_that_runs_a_generator_of_its_own_is_a_handler() -> None:
    """What it keeps as `func` is not what is called, as that of a partial is."""
    seen, registry = [], Registry()

    @registry.on("n")
    @Drains
    def handler(event: Event) -> Iterator[object]:
        seen.append(event.id)
        yield None

    assert run(registry).error is None
    assert seen == [EVENT.id]


@pytest.mark.parametrize("after", ["3 years", "soon", 0, -5, timedelta(days=-1), float("nan")])
def test_a_time_that_cannot_be_is_a_plain_failure_that_says_so(after: Any) -> None:
    """A handler that asks for it is tried again as if it had raised anything else."""
    registry = Registry()

    @registry.on("n")
    def handler(_event: Event) -> None:
        raise RetryLater(after)

    result = run(registry)

    assert result.wish == Wish()
    assert str(result.error).startswith(f"RetryLater: try again after {after} (which cannot be: ")


def test_what_buried_an_event_is_its_error() -> None:
    """Although another handler had failed before."""
    registry = Registry()

    @registry.on("n")
    def first(_event: Event) -> None:
        raise ValueError("a passing trouble")

    @registry.on("n")
    def second(_event: Event) -> None:
        raise GiveUp("no such customer")

    assert run(registry).error == "GiveUp: no such customer"


def test_a_decorated_handler_is_called_as_its_decorator_is_to_be() -> None:
    """What it wraps says only what a decorator passes on that takes whatever it is given."""
    called: list[object] = []

    def injects(function: Callable[..., object]) -> Callable[..., object]:
        @wraps(function)
        def wrapper(event: Event) -> None:
            called.append(function(event, "session"))

        return wrapper

    def injects_behind(function: Callable[..., object]) -> Callable[..., object]:
        @wraps(function)
        def wrapper(event: Event, context: Context) -> None:
            called.append(function(event, context.attempt, "db"))

        return wrapper

    def logs(function: Callable[..., object]) -> Callable[..., object]:
        @wraps(function)
        def wrapper(event: Event, context: Context) -> None:
            called.append((context.attempt, function(event)))

        return wrapper

    def passes_on(function: Callable[..., object]) -> Callable[..., object]:
        @wraps(function)
        def wrapper(*given: object, **named: object) -> None:
            called.append((len(given), function(*given, **named)))

        return wrapper

    class Shop:
        @passes_on
        def one(self, event: Event) -> str:
            return f"{event.id} one"

        @passes_on
        def two(self, event: Event, context: Context) -> str:
            return f"{event.id} {context.attempt}"

        @staticmethod
        def plain(event: Event) -> None:
            called.append(event.id)

    registry = Registry()
    registry.on("n", injects(lambda event, session: f"{event.id} {session}"))
    registry.on("n", injects_behind(lambda event, n, db: f"{event.id} {n} {db}"))
    registry.on("n", logs(lambda event: event.id))
    registry.on("n", passes_on(lambda event: event.id))
    registry.on("n", passes_on(lambda event, context: event.id + context.id))
    registry.on("n", passes_on(injects(lambda _event, session: session)))
    registry.on("n", partial(passes_on(lambda first, event: first + event.id), "a"))
    registry.on("n", Shop().one)
    registry.on("n", Shop().two)
    registry.on("n", lru_cache(lambda event: called.append(event.id)))
    registry.on("n", Shop.__dict__["plain"])
    result = run(registry)

    assert result.error is None
    assert called == [
        *("x session", "x 1 db", (1, "x"), (1, "x"), (2, "xx"), "session", (1, None)),
        *((2, "ax"), (2, "x one"), (3, "x 1"), "x", "x"),
    ]


def test_the_context_is_given_to_a_second_parameter_that_is_meant_for_it() -> None:
    """One with a default is meant for something else, unless its name or its type says so."""
    mine = 7
    functions: list[Callable[..., object]] = [
        lambda _event, queue=mine: queue,
        lambda _event, queue=mine, **_more: queue,
        partial(lambda _event, queue=mine: queue),
        lambda _event, context=mine: context,
        lambda _event, ctx=mine: ctx,
        lambda _event, c: c,
        lambda _event, *more: more[0],
        lambda *both: both[1],
    ]

    def typed(_event: Event, given: Context | None = None) -> object:
        return given

    def said(_event: Event, given: "Context | None" = None) -> object:
        return given

    def other(_event: Event, given: decimal.Context | None = None) -> object:
        return given

    functions += [typed, partial(typed), said, other]
    given: list[object] = []
    registry = Registry()
    for function in functions:
        registry.on("n", keeping(function, given))
    run(registry)

    assert [isinstance(one, Context) for one in given] == [
        *(False, False, False, True, True, True, True, True, True, True, True, False)
    ]


def keeping(function: Callable[..., object], given: list[object]) -> Callable[..., object]:
    """`function`, decorated: what it returns is noted, too."""

    @wraps(function)
    def wrapper(*both: object) -> object:
        given.append(function(*both))
        return given[-1]

    return wrapper


def test_a_method_of_no_object_is_refused() -> None:
    """One that is registered in the body of its class has nothing to be called on."""
    with pytest.raises(ConfigError, match="is a method of no object"):

        class _Bank:
            @Registry().on("n")
            def send(self, event: Event) -> None:
                """Never called."""

    class Shop:
        def send(self, event: Event) -> None:
            """Called, where there is an object."""

    with pytest.raises(ConfigError, match="is a method of no object"):
        Registry().on("n", keeping(Shop.send, []))
    Registry().on("n", Shop().send)


def test_a_handler_may_return_whatever_answers_to_any_name() -> None:
    """A mock, or the proxy of a service: it is no generator."""
    registry = Registry()
    registry.on("n", lambda _: Mock())

    assert run(registry).outcome == "succeeded"


def test_a_mock_is_a_handler_whatever_it_stands_for() -> None:
    """It has all that a function has, and none of it is what it seems."""

    async def handler(_event: Event) -> None: ...

    registry = Registry()
    mocks = [Mock(), Mock(spec=run), AsyncMock(), AsyncMock(spec=handler)]
    for mock in mocks:
        registry.on("n", mock)

    assert run(registry).error is None
    assert [mock.call_count for mock in mocks] == [1, 1, 1, 1]


@pytest.mark.parametrize("how", ["plain", "awaited", "asynchronous"])
def test_a_handler_that_returns_what_nobody_ran_has_failed(how: str) -> None:
    """A generator, which a decorator hid when it was registered."""

    def plain(_event: Event) -> Iterator[None]:
        yield

    async def asynchronous(_event: Event) -> AsyncIterator[None]:
        yield

    async def awaited(event: Event) -> Iterator[None]:
        return plain(event)

    function = {"plain": plain, "awaited": awaited, "asynchronous": asynchronous}[how]
    registry = Registry()
    registry.on("n", keeping(function, []))

    assert str(run(registry).error).startswith("ConfigError: the handler returned a generator")


def test_of_two_times_to_try_again_the_earliest_is_taken_and_named() -> None:
    """The error of the attempt is of the handler whose wish is granted."""
    registry = Registry()

    def ask(after: str, _event: Event) -> None:
        raise RetryLater(after)

    for after in ("2 hours", "1 hour", "3 hours"):
        registry.on("n", partial(ask, after))
    result = run(registry)

    assert result.wish == Wish(later=3_600_000)
    assert result.error == "RetryLater: try again after 1 hour"


def test_of_a_plain_failure_and_a_wish_the_first_is_the_error() -> None:
    """Both are of the time that is granted."""
    registry = Registry()

    @registry.on("n")
    def first(_event: Event) -> None:
        raise ValueError("a passing trouble")

    @registry.on("n")
    def second(_event: Event) -> None:
        raise RetryLater("1 hour")

    result = run(registry)

    assert (result.wish, result.error) == (
        Wish(later=3_600_000),
        "ValueError: a passing trouble",
    )


class Hurt(RetryLater):
    @property
    def after(self) -> object:
        raise SystemExit("never")

    @after.setter
    def after(self, _after: object) -> None:
        pass


class Unset(RetryLater):
    def __init__(self) -> None:
        self.args = ("the shop is shut",)


def test_a_wish_that_cannot_be_asked_for_is_a_plain_failure_that_says_so() -> None:
    """Whatever reading it raises."""
    registry = Registry()

    @registry.on("n")
    def handler(_event: Event) -> None:
        raise Hurt("1 hour")

    result = run(registry)

    assert result.wish == Wish()
    assert result.error == "Hurt: try again after 1 hour (which cannot be: SystemExit: never)"


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (RetryLater, "RetryLater: try again"),
        (RetryLater(why="not yet"), "RetryLater: not yet"),
        (Unset, "Unset: the shop is shut"),
    ],
)
def test_who_asks_to_be_tried_again_without_a_time_gets_the_usual_one(
    raised: type[Exception] | Exception, said: str
) -> None:
    """That of the event's name; a subclass need not call our __init__."""
    registry = Registry()

    @registry.on("n")
    def handler(_event: Event) -> None:
        raise raised

    result = run(registry)

    assert (result.wish, result.error) == (Wish(), said)


@pytest.mark.parametrize("raised", [RetryLater("1 hour"), RetryLater(why="not yet"), Unset()])
def test_a_wish_may_come_from_another_process(raised: RetryLater) -> None:
    """A pool of processes pickles it: what it says is not said twice."""
    came = pickle.loads(pickle.dumps(raised))  # noqa: S301  ours

    assert (type(came), str(came), came.after) == (type(raised), str(raised), raised.after)


async def fail_together(*errors: Exception) -> None:
    """As tasks of a group that fail."""

    async def fail(error: Exception) -> None:
        raise error

    async with asyncio.TaskGroup() as tasks:
        for error in errors:
            tasks.create_task(fail(error))


TOGETHER = "ExceptionGroup: unhandled errors in a TaskGroup"


@pytest.mark.parametrize(
    ("errors", "wish", "said"),
    [
        ([ValueError("bad")], Wish(), f"{TOGETHER} (1 sub-exception): ValueError: bad"),
        ([GiveUp("no")], Wish(give_up=True), f"{TOGETHER} (1 sub-exception): GiveUp: no"),
        (
            [RetryLater("2 hours"), RetryLater("1 hour")],
            Wish(later=3_600_000),
            f"{TOGETHER} (2 sub-exceptions): RetryLater: try again after 1 hour",
        ),
        (
            [RetryLater("2 hours"), ExceptionGroup("inner", [GiveUp("no")])],
            Wish(give_up=True, later=7_200_000),
            f"{TOGETHER} (2 sub-exceptions): GiveUp: no",
        ),
        (
            [ValueError("bad"), GiveUp("no")],
            Wish(),
            f"{TOGETHER} (2 sub-exceptions): ValueError: bad",
        ),
        (
            [ValueError("first"), KeyError("k")],
            Wish(),
            f"{TOGETHER} (2 sub-exceptions): ValueError: first",
        ),
        (
            [GiveUp("no"), KeyError("k")],
            Wish(),
            f"{TOGETHER} (2 sub-exceptions): KeyError: 'k'",
        ),
    ],
)
def test_wishes_in_a_group_are_granted_where_nothing_else_is_in_it(
    errors: list[Exception], wish: Wish, said: str
) -> None:
    """And the error names the one that matters: events can be grouped by it."""
    registry = Registry()

    @registry.on("n")
    async def handler(_event: Event) -> None:
        await fail_together(*errors)

    result = run(registry)

    assert (result.wish, result.error) == (wish, said)
