"""An event and its bytes: the first line of an entry (spool_format.md, section 4)."""

from ampt_cli import jsontext
from ampt_cli.errors import BadEvent, Damaged, TooNew
from ampt_cli.instants import LAST

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
MAX_BYTES = 262_144  # of the first line, newline included; it must be less
MAX_NAME = 128  # bytes of UTF-8
MAX_ID = 48
MADE_ID = 26  # characters of an id made by ampt: 20 random hex digits, and 6 of the due hour
TOO_LARGE = "publish a reference to the data instead of the data"
ID_CHARACTERS = "letters, digits, _ and -"


class Event:
    """What a handler is given.

    `time` (of publish), `due` and `delay` (what was asked for) are milliseconds,
    the first two since 1970 in UTC. `attempt` counts from 1. `extra` has the
    keys that this version does not know.
    """

    __slots__ = ("attempt", "body", "due", "extra", "id", "name", "time")

    def __init__(
        self,
        id: str,
        name: str,
        body: "Any",
        time: int,
        due: int,
        attempt: int = 0,
        extra: "dict[str, Any] | None" = None,
    ) -> None:
        self.id = id
        self.name = name
        self.body = body
        self.time = time
        self.due = due
        self.attempt = attempt
        self.extra = extra or {}

    @property
    def delay(self) -> int:
        """Milliseconds between publish and due."""
        return self.due - self.time

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and all(
            getattr(self, key) == getattr(other, key) for key in self.__slots__
        )

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Event(id={self.id!r}, name={self.name!r}, attempt={self.attempt})"


def check_name(name: object) -> str:
    """`name` if an event may have it, as plain text. Raises BadEvent."""
    if not isinstance(name, str):
        raise BadEvent(f"an event's name is text, not {type(name).__name__}")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise BadEvent(f"the name {name!r} is not valid UTF-8") from None
    if not name:
        raise BadEvent("the name is empty", "for example: ampt publish user.joined")
    if size > MAX_NAME:
        raise BadEvent(f"the name has {size} bytes, more than {MAX_NAME}: {name[:40]!r}…")
    if name[0] == " " or name[-1] == " ":
        raise BadEvent(f"the name {name!r} begins or ends with a space")
    if not name.isprintable() and any(c < " " or "\x7f" <= c <= "\x9f" for c in name):
        raise BadEvent(f"the name {name!r} has a control character")
    return _plain(name)


def check_id(id: object) -> str:
    """`id` if an event may have it, as plain text. Raises BadEvent."""
    if not isinstance(id, str) or not id_is_legal(id):
        raise BadEvent(f"the id {id!r} is not made of 1 to {MAX_ID} {ID_CHARACTERS}")
    return _plain(id)


def _plain(text: str) -> str:
    """Of a member of an enum what it stands for: formatted, it would be `Named.JOINED`."""
    return text if type(text) is str else str.__str__(text)


def id_is_legal(text: str) -> bool:
    """Whether `text` may be an id."""
    if not text.isascii() or not 0 < len(text) <= MAX_ID:
        return False
    return text.isalnum() or text.replace("_", "a").replace("-", "a").isalnum()


def is_made(id: str) -> bool:
    """Whether an id has the form of those that ampt makes."""
    return len(id) == MADE_ID and all(char in "0123456789abcdef" for char in id)


def as_read(name: str, body: "Any") -> "Any":
    """`body`, from Python, as its readers will have it: a tuple is a list, 1 as a key "1".

    Raises BadEvent for what they could not read: keys that become the same, long numbers.
    """
    try:
        return jsontext.loads(jsontext.dumps(body))
    except ValueError as error:
        raise BadEvent(f"the body of {name!r} is no JSON: {error}") from None


def encode(event: Event) -> bytes:
    """The first line of `event`, newline included. Raises BadEvent."""
    try:
        body = jsontext.dumps(event.body)
        if body.count("[") + body.count("{") >= jsontext.MAX_DEPTH:
            jsontext.check_depth([event.body])
        more = _more(event) if event.extra else ""
        line = (
            f'{_head(event.id, event.name)}{event.time},"due":{event.due},"body":{body}{more}}}\n'
        ).encode()
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise BadEvent(f"the body of {event.name!r} has a lone surrogate (\\u{half:04x})") from None
    except ValueError as error:
        raise BadEvent(f"the body of {event.name!r} is no JSON: {error}") from None
    if len(line) >= MAX_BYTES:
        raise BadEvent(
            f"the event {event.name!r} has {len(line):,} bytes, not less than {MAX_BYTES:,}",
            TOO_LARGE,
        )
    return line


def _more(event: Event) -> str:
    """The keys of `event` that handlers are not given, as they stand in its line."""
    return "".join(
        f",{jsontext.dumps(key)}:{jsontext.dumps(event.extra[key])}" for key in event.extra
    )


def decode_own(line: bytes, id: str, name: str, attempt: int) -> Event | None:
    """The event in a first line as `encode` makes them, with this id and name; None of others.

    It is what `decode` says, in half the time: no JSON is scanned but the body.
    """
    try:
        text = line.decode()
        head = _head(id, name)
        comma = text.find(",", len(head))
        time, due = int(text[len(head) : comma]), int(text[comma + 7 : text.find(",", comma + 1)])
        head = f'{head}{time},"due":{due},"body":'
        if not text.startswith(head) or not 0 <= time <= due <= LAST or len(line) >= MAX_BYTES:
            return None
        body, end = jsontext.value_at(text, len(head), True)
    except ValueError:
        return None
    return Event(id, name, body, time, due, attempt) if text[end:] == "}\n" else None


def _head(id: str, name: str) -> str:
    """How a first line begins."""
    return f'{{"ampt":{VERSION},"id":"{id}","name":{jsontext.quoted(name)},"time":'


def decode(line: bytes, attempt: int = 0) -> Event:
    """The event in a first line. Raises Damaged, or TooNew for a newer format."""
    if not line:
        raise Damaged("empty")
    if b"\0" in line:
        raise Damaged("it has NUL bytes")
    if not line.endswith(b"\n"):
        raise Damaged("incomplete: the first line has no end")
    if len(line) >= MAX_BYTES:
        raise Damaged(f"the first line has {MAX_BYTES:,} bytes or more")
    try:
        fields = jsontext.loads(line.decode())
    except UnicodeDecodeError:
        raise Damaged("it is not UTF-8") from None
    except ValueError as error:
        raise Damaged(f"the first line is no JSON: {error}") from None
    if type(fields) is not dict:
        raise Damaged("the first line is no JSON object")
    return _from_fields(fields, attempt)


def _from_fields(fields: "dict[str, Any]", attempt: int) -> Event:
    version = fields.pop("ampt", None)
    if type(version) is not int:
        raise Damaged("ampt (the format's version) is missing or no whole number")
    if version != VERSION:
        raise TooNew(f"its format is {version}, and this program knows {VERSION}")
    try:
        id_, name, body = fields.pop("id"), fields.pop("name"), fields.pop("body")
        time, due = fields.pop("time"), fields.pop("due")
    except KeyError as error:
        _refuse_newer(fields)  # it may stand for that one
        raise Damaged(f"{error.args[0]} is missing") from None
    if fields:
        _refuse_newer(fields)
    if type(time) is not int or type(due) is not int or not 0 <= time <= due <= LAST:
        raise Damaged("time and due are not instants up to the year 9999 with time ≤ due")
    try:
        check_id(id_)
        check_name(name)
    except BadEvent as error:
        raise Damaged(str(error)) from None
    return Event(id_, name, body, time, due, attempt, fields)


def _refuse_newer(fields: "dict[str, Any]") -> None:
    newer = [key for key in fields if not ("a" <= key[:1] <= "z")]
    if newer:
        raise TooNew(f"it has the key {newer[0]!r}, which must be understood")
