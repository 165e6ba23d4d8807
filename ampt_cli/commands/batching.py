"""`ampt publish --batch`: many events from JSON Lines."""

from collections.abc import Callable, Generator, Iterator
from io import BufferedReader
from itertools import chain, islice
from typing import IO, Any

from ampt_cli import clock, due, jsontext, printing
from ampt_cli.batch import Batch
from ampt_cli.errors import AmptError, BadEvent, UsageError, from_os
from ampt_cli.event import MAX_BYTES, Event
from ampt_cli.fsio import Disk
from ampt_cli.waiting import Input

LINE_KEYS = {"name", "body", "after", "id"}
MAX_LINE = 4 * MAX_BYTES  # escapes make it longer than the event: thrice for Cyrillic, say
SHOWN = 3  # ids in a message


def publish_file(
    source: str,
    open_disk: Callable[[], Disk],
    worded: Callable[[Event], str],
    commit: Callable[[], object],
) -> None:
    """Publish the lines of the file `source`, - for stdin, and print what `worded` makes of each.

    `commit` is called right before the first becomes visible. Raises AmptError:
    then, unless it is NotConfirmed, nothing was published.
    """
    lines = _lines(source)
    first = list(islice(lines, 1))  # a source that cannot be read makes no spool
    batch = Batch(open_disk(), clock.now)
    answers, warned = _Answers(), False
    asked: list[Event] = []  # with ids of their own
    try:
        batch.begin()
        for number, line in chain(first, lines):
            try:
                given = _given(line)
                made = batch.add(**given, place=f"line {number}")
            except AmptError as error:
                raise error.at(f"line {number}") from None
            if given["id"] is None:
                answers.add(worded(made))
            else:
                answers.add("")
                asked.append(made)
            if not warned and (said := due.doubt(given["after"], due.AS_DELAY)):
                printing.say(f"line {number}: after {said}")
                warned = True  # one is enough: the others will be like it
        published = batch.commit(commit)
    except BaseException:
        batch.abort()  # does nothing after the commit has begun
        lines.close()
        raise
    _say_known([made.id for made, now in zip(asked, published, strict=True) if now is not made])
    try:
        wrong = "" if answers.print(map(worded, published)) else "nobody reads stdout"
    except (AmptError, OSError) as error:
        wrong = str(error)
    if wrong:
        printing.say(
            f"published {batch.count:,} events, but their ids could not be printed: {wrong}"
        )


def _say_known(ids: list[str]) -> None:
    if ids:
        more = f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else ""
        shown = ", ".join(ids[:SHOWN]) + more
        printing.say(f"published already, and not changed: {shown}")


class _Answers:
    """What to print when all is published: kept in a file, for there may be millions.

    An empty one stands for an event with an id of its own: what became of it is
    known only then.
    """

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.file: IO[str] | None = None

    def add(self, line: str) -> None:
        self.waiting.append(f"{line}\n")
        if len(self.waiting) >= 4096:
            self._spill()

    def _spill(self) -> None:
        from tempfile import TemporaryFile  # noqa: PLC0415  gate: only for long batches

        try:
            if self.file is None:
                self.file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  lives as long as we
            self.file.writelines(self.waiting)
            self.file.flush()  # what finds no room does so before anything is published
        except OSError as error:
            raise from_os(
                error, "keep the ids of the batch in a temporary file (TMPDIR)"
            ) from error
        self.waiting.clear()

    def print(self, by_id: Iterator[str]) -> bool:
        """Print them in order, with the next of `by_id` for each empty one."""
        for lines in self._chunks():
            filled = (f"{next(by_id)}\n" if line == "\n" else line for line in lines)
            if not printing.tell("".join(filled)):
                return False
        return True

    def _chunks(self) -> Iterator[list[str]]:
        if self.file is not None:
            self.file.seek(0)
            while lines := self.file.readlines(1 << 16):
                yield lines
        yield self.waiting


def _lines(source: str) -> Generator[tuple[int, bytes], None, None]:
    try:
        with (
            open(0 if source == "-" else source, "rb", buffering=0, closefd=source != "-") as raw,
            BufferedReader(Input(raw.fileno()), 1 << 16) as file,
        ):
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if len(line) == MAX_LINE and line[-1:] != b"\n":
                    raise BadEvent(f"line {number}: it has {MAX_LINE:,} bytes or more")
                if line.strip():
                    yield number, line
    except OSError as error:
        shown = "stdin" if source == "-" else repr(source)
        raise UsageError(f"cannot read the batch from {shown}: {error.strerror}") from None


def _given(line: bytes) -> dict[str, Any]:
    """What a line of a batch says, with None for what it does not."""
    try:
        given = jsontext.loads(line.decode())
    except UnicodeDecodeError:
        raise BadEvent("it is not UTF-8") from None
    except ValueError as error:
        raise BadEvent(f"no JSON: {error}") from None
    if type(given) is not dict or "name" not in given:
        raise BadEvent("no JSON object with a name", 'like {"name": "user.joined"}')
    if not given.keys() <= LINE_KEYS:
        unknown = next(key for key in given if key not in LINE_KEYS)
        raise BadEvent(f"unknown key {unknown!r}", "a line has name, body, after, id")
    return dict.fromkeys(("body", "after", "id")) | given
