"""Where entries are, and what they are called (spool_format.md, sections 2, 3 and 5)."""

from binascii import a2b_base64, b2a_base64, crc32

from ampt_cli import instants
from ampt_cli.errors import BadEvent
from ampt_cli.event import MAX_NAME, Event, check_name, id_is_legal
from ampt_cli.instants import remembered

FORMAT = "FORMAT"
MAGIC = "ampt-spool "
VERSION = 1
TMP, IDS, WAKE = "tmp", "ids", "wake"
RAN, COUNTERS = "ran", "counters"  # statistics
PENDING, RETRY, RUNNING, DONE, DEAD = "pending", "retry", "running", "done", "dead"
QUARANTINE, REASON = "quarantine", "reason"
STATES = (PENDING, RETRY, RUNNING, DONE, DEAD)  # as entries move: read so, none is missed
WAITING = (PENDING, RETRY)
FINISHED = (DONE, DEAD)
FOLDERS = (TMP, IDS, *STATES, QUARANTINE)
DURABLE = ".durable"
LOCK, WORKERS, MARKS = "lock", "workers", "marks"
RUNNER_FILES = frozenset({LOCK, WORKERS, MARKS})

MAX_ATTEMPT = 999_999
MAX_PERCENT = 172  # longer percent-encodings are packed
SUFFIX = ".json"

PUBLISHER_GIVES_UP = 24 * instants.HOUR  # a publisher must abandon its file in tmp/ after this
TMP_IS_STALE = 36 * instants.HOUR  # must exceed it: a sweep never meets a live publisher


class Entry:
    """An event's file, as its path tells: nothing is read from the disk."""

    __slots__ = ("attempt", "coded", "file", "folder", "id", "stamp")

    def __init__(
        self,
        folder: str,
        stamp: str,
        id: str,
        attempt: int,
        coded: str,
        file: str = "",
    ) -> None:
        # The last part of the path; the caller may know it.
        self.file = file or f"{stamp}.{id}.a{attempt}.{coded}{SUFFIX}"
        self.folder = folder  # below the spool: "pending/2026-11-24/10"
        self.stamp = stamp
        self.id = id
        self.attempt = attempt
        self.coded = coded  # the event's name, as encoded in the file name

    @property
    def path(self) -> str:
        """The path below the spool."""
        return f"{self.folder}/{self.file}"

    @property
    def state(self) -> str:
        """The state: the first part of the path."""
        return self.folder.partition("/")[0]

    @property
    def name(self) -> str:
        """The event's name."""
        return decode_name(self.coded) or ""

    @property
    def due(self) -> int:
        """The stamp as an instant."""
        return instants.unstamp(self.stamp) or 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"Entry({self.path!r})"


def parse(folder: str, file: str) -> Entry | None:
    """The entry that `file` in `folder` names, or None where it is no entry's name."""
    parts = file.split(".", 2)
    if len(parts) != 3:
        return None
    stamp, id_, rest = parts
    ending = _ending(rest)
    if ending is None or not id_is_legal(id_) or not instants.is_stamp(stamp):
        return None
    return Entry(folder, stamp, id_, ending[0], ending[1], file)


def again(folder: str, file: str) -> Entry:
    """The entry that `file` names, which was parsed before: nothing is checked."""
    stamp, id_, rest = file.split(".", 2)
    attempt, coded = _ending(rest) or (0, "")
    return Entry(folder, stamp, id_, attempt, coded, file)


@remembered  # many events are of one name and attempt
def _ending(text: str) -> tuple[int, str] | None:
    """The attempt and the encoded name at the end of a file name: `a1.user.joined.json`."""
    counted, _, rest = text.partition(".")
    coded, digits = rest.removesuffix(SUFFIX), counted[1:]
    if coded == rest or counted[:1] != "a" or not (digits.isascii() and digits.isdigit()):
        return None
    if len(digits) > 6 or (digits[0] == "0" and digits != "0") or decode_name(coded) is None:
        return None
    return int(digits), coded


def new(state: str, instant: int, id: str, name: str, attempt: int = 0) -> Entry:
    """The entry of an event that waits in `state` until `instant`."""
    stamp = instants.stamp(instant)
    return Entry(f"{state}/{instants.bucket(stamp)}", stamp, id, attempt, encode_name(name))


def published(made: Event) -> Entry:
    """The entry of an event that is published."""
    return new(PENDING, made.due, made.id, made.name)


def file_of(made: Event) -> str:
    """The file name of that entry."""
    return f"{instants.stamp(made.due)}.{made.id}.a0.{encode_name(made.name)}{SUFFIX}"


def waiting(entry: Entry, state: str, instant: int) -> Entry:
    """`entry`, waiting in `state` until `instant`."""
    stamp = instants.stamp(instant)
    return Entry(f"{state}/{instants.bucket(stamp)}", stamp, entry.id, entry.attempt, entry.coded)


def finished(entry: Entry, state: str, now: int) -> Entry:
    """`entry`, in the folder of `state` for today."""
    folder = day_of(state, now)
    return Entry(folder, entry.stamp, entry.id, entry.attempt, entry.coded, entry.file)


def day_of(state: str, now: int) -> str:
    """The folder of a finished state for today."""
    return f"{state}/{instants.day(now)}"


def claimed(entry: Entry, runner: str) -> Entry:
    """`entry`, claimed by `runner`: the attempt is counted, as far as names can."""
    attempt = min(entry.attempt + 1, MAX_ATTEMPT)
    return Entry(f"{RUNNING}/{runner}", entry.stamp, entry.id, attempt, entry.coded)


def released(entry: Entry) -> Entry:
    """`entry`, given back with its attempt uncounted."""
    attempt = max(entry.attempt - 1, 0)
    state = RETRY if attempt else PENDING
    return Entry(
        f"{state}/{instants.bucket(entry.stamp)}", entry.stamp, entry.id, attempt, entry.coded
    )


def id_as_argument(id: str) -> str:
    """An id as it stands in a command that can be given as it is: -x is no option behind a --."""
    return f"-- {id}" if id[:1] == "-" else id


def id_path(id: str) -> str:
    """Where the second link of an event with a chosen id is."""
    return f"{IDS}/{crc32(id.encode()) & 0xFF:02x}/{id}"


@remembered  # there are few event names, and many events
def encode_name(name: str) -> str:
    """An event's name as file names have it."""
    if _is_plain(name):
        return name
    raw = name.encode()
    coded = "".join(chr(byte) if _is_plain(chr(byte)) else f"%{byte:02X}" for byte in raw)
    if len(coded) > MAX_PERCENT:
        packed = b2a_base64(raw, newline=False).decode().rstrip("=")
        coded = "=" + packed.replace("+", "-").replace("/", "_")
    return coded


@remembered  # likewise
def decode_name(coded: str) -> str | None:
    """The event's name, or None where this is not the one right spelling of one."""
    if _is_plain(coded) and len(coded) <= MAX_NAME:
        return coded
    try:
        name = _unpack(coded[1:]) if coded[:1] == "=" else _unquote(coded)
        return name if encode_name(check_name(name)) == coded else None
    except (ValueError, BadEvent):
        return None


def _is_plain(text: str) -> bool:
    letters = text.replace(".", "a").replace("_", "a").replace("-", "a")
    return letters.isascii() and letters.isalnum()


def _unpack(packed: str) -> str:
    padded = packed.replace("-", "+").replace("_", "/") + "=" * (-len(packed) % 4)
    return a2b_base64(padded.encode()).decode()


def _unquote(coded: str) -> str:
    first, *rest = coded.split("%")
    raw = first.encode()
    for part in rest:
        raw += bytes.fromhex(part[:2]) + part[2:].encode()
    return raw.decode()
