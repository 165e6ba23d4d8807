"""`ampt publish --batch`: many events from JSON Lines."""

from collections.abc import Callable, Iterator
from typing import IO

from ampt_cli import clock, jsontext, printing, publication
from ampt_cli.batch import Batch
from ampt_cli.errors import AmptError, BadEvent, UsageError
from ampt_cli.event import MAX_BYTES, Event
from ampt_cli.fsio import Disk

LINE_KEYS = {"name", "body", "after", "id"}


def publish_file(
    source: str, disk: Disk, worded: Callable[[Event], str], commit: Callable[[], object]
) -> None:
    """Publish the lines of the file `source`, - for stdin, and print what `worded` makes of each.

    `commit` is called right before the first becomes visible. Raises AmptError:
    then, unless it is NotConfirmed, nothing was published.
    """
    batch = Batch(disk, clock.now)
    try:
        answers = _Answers()
        for number, line in _lines(source):
            try:
                made, chosen = _draft(line, batch.now)
                batch.add(made, by_id=chosen)
            except AmptError as error:
                raise error.at(f"line {number}") from None
            answers.add(worded(made))
        batch.commit(commit)
    except BaseException:
        batch.abort()  # does nothing after the commit has begun
        raise
    if not answers.print():
        printing.say(f"published {batch.count:,} events, but stdout is closed")


class _Answers:
    """What to print when all is published: kept in a file, for there may be millions."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.file: IO[str] | None = None

    def add(self, line: str) -> None:
        self.waiting.append(line)
        if len(self.waiting) >= 4096:
            self._spill()

    def _spill(self) -> None:
        if self.file is None:
            from tempfile import TemporaryFile  # noqa: PLC0415  gate: only for long batches

            self.file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  lives as long as we
        self.file.writelines(f"{line}\n" for line in self.waiting)
        self.waiting.clear()

    def print(self) -> bool:
        if self.file is not None:
            self.file.seek(0)
            while chunk := self.file.read(1 << 20):
                if not printing.write(1, chunk):
                    return False
        return printing.write(1, "".join(f"{line}\n" for line in self.waiting))


def _lines(source: str) -> Iterator[tuple[int, bytes]]:
    try:
        with open(0 if source == "-" else source, "rb", closefd=source != "-") as file:
            number = 0
            while line := file.readline(2 * MAX_BYTES):
                number += 1
                if line.strip():
                    yield number, line
    except OSError as error:
        raise UsageError(f"cannot read the batch from {source!r}: {error.strerror}") from None


def _draft(line: bytes, now: int) -> tuple[Event, bool]:
    """The event that a line of a batch asks for, and whether it says an id."""
    try:
        item = jsontext.loads(line.decode())
    except UnicodeDecodeError:
        raise BadEvent("it is not UTF-8") from None
    except ValueError as error:
        raise BadEvent(f"no JSON: {error}") from None
    if type(item) is not dict or "name" not in item:
        raise BadEvent("no JSON object with a name", 'like {"name": "user.joined"}')
    if not item.keys() <= LINE_KEYS:
        unknown = next(key for key in item if key not in LINE_KEYS)
        raise BadEvent(f"unknown key {unknown!r}", "a line has name, body, after, id")
    id_ = item.get("id")
    made = publication.draft(item["name"], item.get("body"), item.get("after"), now, id_)
    return made, id_ is not None
