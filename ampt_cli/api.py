"""The Python interface: `from ampt_cli import events`."""

import os
from collections.abc import Callable, Iterable, Iterator

from ampt_cli import clock, handlers
from ampt_cli.event import Event, as_read
from ampt_cli.typed import Any, TypedDict

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import NotRequired, TypeVar, overload

    from ampt_cli.batch import Draft
    from ampt_cli.due import After
    from ampt_cli.execute import Context
    from ampt_cli.fsio import Disk

    Due = After | None
    Length = int | str | timedelta
    Path = str | bytes | os.PathLike[str]
    Handler = Callable[[Event, Context], object] | Callable[[Event], object]
    H = TypeVar("H", bound=Handler)


class NewEvent(TypedDict):
    """An event of `publish_many`, with what need not be said."""

    name: str
    body: "NotRequired[Any]"
    after: "NotRequired[Due]"
    id: "NotRequired[str | None]"


class Events:
    """Publish events, and register handlers of them."""

    def __init__(self) -> None:
        self._disk: Disk | None = None
        self.clock = clock.now
        self.spool: Path | None = None  # None: the default
        self.default: str | None = None  # the spool that is run; None: as the command line finds it

    if TYPE_CHECKING:

        @overload
        def on(
            self,
            name: str,
            handler: "H",
            *,
            timeout: "Length | None" = None,
            retry_every: "Length | None" = None,
            retry_for: "Length | None" = None,
        ) -> "H": ...

        @overload
        def on(
            self,
            name: str,
            handler: None = None,
            *,
            timeout: "Length | None" = None,
            retry_every: "Length | None" = None,
            retry_for: "Length | None" = None,
        ) -> "Callable[[H], H]": ...

    def on(self, name: str, handler: Any = None, **settings: Any) -> Any:
        """Call `handler` for every event of this name; also a decorator.

        `timeout` (ms, "10 seconds", timedelta; up to 60 s) is that of each call.
        `retry_every` and `retry_for` change how events of this name are retried.
        Raises ConfigError.
        """
        return handlers.REGISTRY.on(name, handler, **settings)

    def publish(
        self,
        name: str,
        body: Any = None,
        *,
        after: "After | None" = None,
        id: str | None = None,
    ) -> Event:
        """Publish an event; it is durable on return.

        `after` is a number (delay or epoch time, ms), "1 day", an ISO 8601 time,
        a datetime (naive means UTC) or a timedelta: more than zero, at most a
        year ahead. With an `id` the same call can be repeated safely. Raises
        BadEvent, BadDue, or another AmptError; then, unless it is NotConfirmed,
        nothing was published.
        """
        from ampt_cli import chosen, publication  # noqa: PLC0415  gate: handlers need no spool

        made = publication.draft(name, as_read(name, body), after, self.clock(), id)
        _warn(after, 1)
        publish = publication.publish if id is None else chosen.publish
        return publish(self._open(), made)

    def publish_many(
        self,
        events: "Iterable[str | tuple[str] | tuple[str, Any] | tuple[str, Any, Due] | NewEvent]",
    ) -> list[str]:
        """Publish a batch: names, (name, body) or (name, body, after) tuples, or dicts of those.

        All of them are checked before any is visible, and they are synced
        together. Returns their ids, in order. Raises as `publish`.
        """
        from ampt_cli import batch  # noqa: PLC0415  as above

        return batch.publish_many(self._open(), _drafts(events), self.clock)

    def _open(self) -> "Disk":
        from ampt_cli import place, settings, shared  # noqa: PLC0415  as above

        given = self.spool or self.default
        path = settings.spool_path(os.fsdecode(given) if given else None)
        disk = self._disk  # race: another thread may change the spool, and publish through this one
        if disk is None or path != disk.path or not place.is_still(disk):
            # Let go of it first: a daemon has closed it, and the new one may get its number.
            self._disk = disk = None
            made = place.open_disk(path, create=True)
            self._disk = disk = shared.SharedDisk(made.root, made.group, made.path)
        return disk


def belong_to(spool: str) -> None:
    """Let `events` publish into the spool at this whole path, unless it is told another.

    Programs that are started from here do so, too.
    """
    events.default = os.environ["AMPT_SPOOL"] = spool


def _warn(after: object, calls: int) -> None:
    """Seconds since 1970 are a delay in ms to us, for one: say so, once for each place in the code.

    That is so many calls above who asks for it here.
    """
    from ampt_cli import due  # noqa: PLC0415  as above

    if said := due.doubt(after, due.AS_DELAY):
        import warnings  # noqa: PLC0415  only then

        warnings.warn(f"after={said}", stacklevel=2 + calls)


def _drafts(events: Iterable[Any]) -> "Iterator[Draft]":
    from ampt_cli.errors import AmptError, BadEvent  # noqa: PLC0415  as above

    if isinstance(events, str | bytes | dict) or not hasattr(events, "__iter__"):
        raise BadEvent(f"publish_many takes a list of events, not {events!r}")
    for number, item in enumerate(events, 1):
        try:
            draft = _draft(item)
        except AmptError as error:
            raise error.at(f"event {number}") from None
        _warn(draft[2], 3)  # publish_many of batch and of Events are between
        yield draft


def _draft(item: Any) -> "Draft":
    from ampt_cli.errors import BadEvent  # noqa: PLC0415  as above

    if isinstance(item, str):
        return item, None, None, None
    if isinstance(item, dict):
        unknown = set(item) - {"name", "body", "after", "id"}
        if unknown or "name" not in item:
            raise BadEvent(f"an event of a batch has name, body, after and id, not {list(item)}")
        body = as_read(item["name"], item.get("body"))
        return item["name"], body, item.get("after"), item.get("id")
    if isinstance(item, tuple) and 1 <= len(item) <= 3:
        given: list[Any] = [*item, None, None]
        return given[0], as_read(given[0], given[1]), given[2], None
    raise BadEvent(
        f"an event of a batch is a name, a tuple of name, body and after, or a dict, not {item!r}",
        'for an id: {"name": "order.paid", "body": …, "id": "paid-42"}',
    )


events = Events()
