"""A user's program: right where nothing is marked, wrong where it says so.

Each mark must be needed: an error that is no longer found is an error itself.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import assert_type

from ampt_cli import Context, Event, GiveUp, RetryLater, events
from ampt_cli.api import NewEvent
from ampt_cli.testing import Kit


@events.on("user.joined", timeout=10_000)
async def welcome(event: Event, context: Context) -> None:
    context.set_timeout(20_000)
    assert_type(event.id, str)
    assert_type(event.delay, int)


@events.on("user.joined", timeout=timedelta(seconds=10), retry_every="1 hour", retry_for="2 days")
def count(event: Event) -> int:
    if event.attempt > 3:
        raise GiveUp("enough")
    raise RetryLater(after="1 hour")


@events.on("user.joined", timeout="10 seconds")
def note(event: Event, context: Context) -> None: ...


events.on("user.left", note)
events.on("user.left", count, timeout=1_000)

made = events.publish("user.joined", {"user_id": "2b6m"}, after="1 day")
assert_type(made, Event)
assert_type(count(made), int)  # what is decorated keeps its type
events.publish("user.joined", after=datetime.now(UTC))
events.publish("user.joined", after=timedelta(days=1), id="once")
events.spool = Path("spool")
ids = events.publish_many(["a", ("b", 1), ("c", 2, "1 day"), {"name": "d", "id": "e"}])
assert_type(ids, list[str])
rows: list[NewEvent] = [NewEvent(name="a"), {"name": "b", "after": timedelta(days=1)}]
events.publish_many(rows)


def test_it(ampt: Kit) -> None:
    assert_type(ampt.publish("user.joined"), str)
    assert_type(ampt.run(), int)
    ampt.advance(timedelta(days=1))
    ampt.publish("user.joined", after=timedelta(days=1))
    ampt.advance(1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ampt.publish("user.joined", after=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def wait(context: Context) -> None:
    context.set_timeout(timedelta(seconds=20))
    context.set_timeout(1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    raise RetryLater(1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


note("no event")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
events.on(5, note)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
events.on("a", note, timeot=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
events.on("a", note, timeout=2.5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
events.publish(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
events.publish("a", after=[1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
events.publish("a", after=date(2030, 1, 1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
events.publish_many([5])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


@events.on("a")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType, reportUntypedFunctionDecorator]
def many(event: Event, context: Context, more: int) -> None: ...
