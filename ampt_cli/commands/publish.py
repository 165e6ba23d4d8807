"""`ampt publish`: no typer, no re, no json package; see CONTRIBUTING.md on start-up time."""

import os
from _signal import (  # type: ignore[import-not-found]  # signal.py imports enum
    SIG_BLOCK,
    SIG_IGN,
    SIGINT,
    SIGTERM,
    getsignal,
    pthread_sigmask,
    signal,
)

from ampt_cli import clock, due, jsontext, place, printing, publication, settings
from ampt_cli.errors import AmptError, BadEvent, UsageError, from_os
from ampt_cli.event import MAX_BYTES, TOO_LARGE
from ampt_cli.options import SPOOL, Command, Given, Option, help_text, is_utf8, parse

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from typing import Any

    from ampt_cli.event import Event
    from ampt_cli.fsio import Disk

COMMAND = Command(
    "publish",
    "NAME [BODY]",
    "Write an event into the spool.",
    """
Its id is printed, and the exit status is 0, only once the event is safe on disk.

BODY is JSON; - reads it from stdin, @FILE from a file; none is null. Other users
can read the arguments of a process: use - or @FILE for what they must not see.

WHEN is "N UNIT" (seconds to years, by the UTC calendar), 90s 5m 2h 1d 1w, a
number of ms, an ISO 8601 time (no zone means UTC), @SECONDS since 1970, or
ms since 1970. More than zero, at most a year ahead.
""",
    (
        Option("--after -a", "WHEN", "When it is due; at once without this."),
        Option("--id", "ID", "Publish once: the same id and content again changes nothing."),
        Option("--text -t", "", "BODY is text, not JSON."),
        Option(
            "--field -f",
            "KEY=TEXT",
            "A field of a JSON object; KEY:=JSON for other values.\nRepeat it for more.",
            many=True,
        ),
        Option(
            "--batch -b",
            "FILE",
            'JSON Lines of {"name","body","after","id"}, - for stdin.\n'
            "All are checked before any is published.",
        ),
        Option("--json", "", 'Print {"id","name","time","delay","due"} instead of the id.'),
        SPOOL,
    ),
    (
        (
            """ampt publish user.joined '{"user_id": 7}' --after "1 day\"""",
            "tomorrow, at this time",
        ),
        ("ampt publish mail.send -f to=ada@example.org -f urgent:=true", "an object from fields"),
        ("generate | ampt publish --batch -", "many at once, all or none"),
        ("ampt publish invoice.paid @invoice.json --id invoice-42", "safe to repeat"),
    ),
)


class Stopped(BaseException):
    """SIGINT or SIGTERM came before anything was published."""


def main(argv: "list[str]") -> int:
    """Publish; the exit status."""
    for number in (SIGINT, SIGTERM):
        if getsignal(number) != SIG_IGN:  # a script says trap '' INT, or runs it with &
            signal(number, _stop)
    try:
        given = parse(COMMAND, argv)
        if given.has("help"):
            printing.tell(help_text(COMMAND))
            return 0
        return _batch(given) if given.has("batch") else _single(given)
    except AmptError as error:
        return printing.complain(error)
    except OSError as error:
        return printing.complain(from_os(error, "publish"))
    except Stopped as stopped:
        printing.say("interrupted; nothing was published")
        return 128 + int(stopped.args[0])


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)


def _commit() -> None:
    """From here on a signal waits until the id has been reported."""
    pthread_sigmask(SIG_BLOCK, (SIGINT, SIGTERM))


def _single(given: Given) -> int:
    if not 1 <= len(given.arguments) <= 2:
        raise UsageError("publish takes a NAME and at most one BODY", "see: ampt publish --help")
    name, after = given.arguments[0], given.get("after")
    _warn(after)
    made = publication.draft(name, _body(given), after, clock.now(), given.get("id"))
    disk = _open(given)
    if given.has("id"):
        from ampt_cli import chosen  # noqa: PLC0415  gate: only with a chosen id

        published = chosen.publish(disk, made, _commit)
    else:
        published = publication.publish(disk, made, _commit)
    if published is not made:
        printing.say(f"the id {made.id} was published already; nothing was changed")
    return _report(_line(published, given))


def _open(given: Given) -> "Disk":
    return place.open_disk(settings.spool_path(given.get("spool")), create=True)


def _line(event: "Event", given: Given) -> str:
    if not given.has("json"):
        return event.id
    shown = {key: getattr(event, key) for key in ("id", "name", "time", "delay", "due")}
    return printing.safe(jsontext.dumps(shown))


def _report(line: str) -> int:
    try:  # the event is safe by now: what goes wrong here is no failure of the publish
        wrong = "" if printing.tell(f"{line}\n") else "nobody reads stdout"
    except AmptError as error:
        wrong = str(error)
    if wrong:
        printing.say(f"published {line}, but its id could not be printed: {wrong}")
    return 0


def _warn(after: object) -> None:
    if said := due.doubt(after, due.AS_DELAY):
        printing.say(f"--after {said}")


def _body(given: Given) -> "Any":
    text = given.arguments[1] if len(given.arguments) > 1 else None
    return body_of(text, given.all("field"), as_text=given.has("text"))


def body_of(text: "str | None", fields: "list[str]", *, as_text: bool) -> "Any":
    """The body that BODY, --field and --text ask for. Raises UsageError, BadEvent."""
    if fields:
        if text is not None or as_text:
            raise UsageError("give a BODY or fields (-f), not both")
        return _object(fields)
    if text is None:
        if as_text:
            raise UsageError("--text needs a BODY", "'' is one")
        return None
    what = "the body"
    if text == "-":
        what = "the body from stdin"
        text = _read(0, what)
    elif text[:1] == "@" and not as_text:
        what = f"the body in {text[1:]!r}"
        text = _read_file(text[1:], what)
    return _checked(text, what) if as_text else _parse(text, what, BODY_HINT)


BODY_HINT = "--text takes it as text; quote JSON with ' '"


def _checked(text: str, what: str) -> str:
    if not is_utf8(text):
        raise BadEvent(f"{what} is not UTF-8: {_shown(text)}")
    return text


def _parse(text: str, what: str, hint: str) -> "Any":
    if not text.strip():
        empty_hint = "without a BODY it is null" if hint is BODY_HINT else hint
        raise BadEvent(f"{what} is empty: that is no JSON", empty_hint)
    try:
        return jsontext.loads(_checked(text, what))
    except ValueError as error:
        raise BadEvent(f"{what} is no JSON: {error}: {_shown(text)}", hint) from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _object(fields: "list[str]") -> "dict[str, Any]":
    made: dict[str, Any] = {}
    for field in fields:
        key, equals, value = field.partition("=")
        if not equals or not key.rstrip(":"):
            raise UsageError(f"cannot read the field {field!r}", "write key=text or key:=JSON")
        json = key.endswith(":")
        key = _checked(key.removesuffix(":"), "the name of a field")
        if key in made:
            raise UsageError(f"the field {key!r} is given twice")
        what = f"the field {key!r}"
        hint = f"for text write {key}=, and quote JSON with ' '"
        made[key] = _parse(value, what, hint) if json else _checked(value, what)
    return made


def _read_file(path: str, what: str) -> str:
    if not path:
        raise UsageError("a file name must follow the @", BODY_HINT)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"cannot read {what}: {error.strerror}") from None
    try:
        return _read(fd, what)
    finally:
        os.close(fd)


def _read(fd: int, what: str) -> str:
    """All of a file, but not much more than an event may have."""
    from ampt_cli.waiting import Input  # noqa: PLC0415  gate: only when a file is read

    data = b""
    try:
        size = os.fstat(fd).st_size
        with Input(fd) as file:
            while len(data) <= 4 * MAX_BYTES and (chunk := file.read(65_536)):
                data += chunk
    except OSError as error:
        raise UsageError(f"cannot read {what}: {error.strerror}") from None
    if len(data) > 4 * MAX_BYTES:
        has = f"{size:,}" if size > len(data) else f"more than {4 * MAX_BYTES:,}"
        raise BadEvent(f"{what} has {has} bytes, not less than {MAX_BYTES:,}", TOO_LARGE)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadEvent(f"{what} is not UTF-8: {error}") from None


def _batch(given: Given) -> int:
    for key in ("after", "id", "text", "field"):
        if given.has(key):
            raise UsageError(f"--{key} does not go with --batch: each line says its own")
    if given.arguments:
        raise UsageError("--batch takes no NAME and no BODY: each line has its own")
    from ampt_cli.commands import batching  # noqa: PLC0415  gate: only for batches

    source = given.get("batch") or "-"
    batching.publish_file(source, lambda: _open(given), lambda made: _line(made, given), _commit)
    return 0
