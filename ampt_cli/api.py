"""The Python interface: `from ampt_cli import events`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ampt_cli import clock, handlers
from ampt_cli.event import Event

if TYPE_CHECKING:
    from ampt_cli.due import After
    from ampt_cli.fsio import Disk


class Events:
    """Publish events, and register handlers of them."""

    def __init__(self) -> None:
        self._disk: Disk | None = None
        self._path = ""
        self.clock = clock.now
        self.spool: str | None = None  # a path; None: as the command line finds it

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
        id: str | None = None,  # noqa: A002
    ) -> Event:
        """Publish an event; it is durable on return.

        `after` is a number (delay or epoch time, ms), "1 day", an ISO 8601 time,
        a datetime (naive means UTC) or a timedelta: more than zero, at most a
        year ahead. With an `id` the same call can be repeated safely. Raises
        BadEvent, BadDue, or another AmptError; then, unless it is NotConfirmed,
        nothing was published.
        """
        from ampt_cli import chosen, publication  # noqa: PLC0415  gate: handlers need no spool

        made = publication.draft(name, body, after, self.clock(), id)
        publish = publication.publish if id is None else chosen.publish
        return publish(self._open(), made)

    def publish_many(self, events: Iterable[Any]) -> list[str]:
        """Publish a batch: names, (name, body) or (name, body, after) tuples, or dicts of those.

        All of them are checked before any is visible, and they are synced
        together. Returns their ids, in order. Raises as `publish`.
        """
        from ampt_cli import batch  # noqa: PLC0415  as above

        return batch.publish_many(self._open(), map(_draft, events), self.clock)

    def _open(self) -> "Disk":
        from ampt_cli import place, settings  # noqa: PLC0415  as above

        path = settings.spool_path(self.spool)
        if self._disk is None or path != self._path or not place.is_still(self._disk, path):
            self._disk, self._path = place.open_disk(path, create=True), path
        return self._disk


def _draft(item: Any) -> tuple[str, Any, Any, str | None]:
    from ampt_cli.errors import BadEvent  # noqa: PLC0415  as above

    if isinstance(item, str):
        return item, None, None, None
    if isinstance(item, dict):
        unknown = set(item) - {"name", "body", "after", "id"}
        if unknown or "name" not in item:
            raise BadEvent(f"an event of a batch has name, body, after and id, not {sorted(item)}")
        return item["name"], item.get("body"), item.get("after"), item.get("id")
    if isinstance(item, tuple) and 1 <= len(item) <= 3:
        name, body, after = (*item, None, None)[:3]
        return name, body, after, None  # pyright: ignore[reportReturnType]
    raise BadEvent(f"an event of a batch is a name, a tuple or a dict, not {item!r}")


events = Events()
