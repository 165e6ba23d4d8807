"""Send text to a terminal or a log: never raw control characters, never a traceback.

Everything here is light: `ampt publish` uses it too.
"""

import os
import sys

from ampt_cli.errors import AmptError, SpoolError, from_os

ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6  # of syslog(3), and so of the journal
HIDDEN = {
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    0x2028,
    0x2029,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0xFEFF,
}


def safe(text: str, keep: str = "") -> str:
    r"""`text` with control characters, bidi overrides and surrogates as `\u....`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if char in keep or (ord(char) not in HIDDEN and not 0xD800 <= ord(char) <= 0xDFFF)
        else f"\\u{ord(char):04x}"
        for char in text
    )


def complain(error: AmptError) -> int:
    """Say on stderr, in one line, what went wrong and what to do; the exit status for it."""
    say(whole(error), ERROR)
    return error.exit_status


def whole(error: AmptError) -> str:
    """What went wrong, and what to do."""
    return f"{error}; {error.hint}" if error.hint else str(error)


def say(text: str, priority: int = NOTICE) -> None:
    """One line on stderr."""
    write(2, said(text, priority))


def said(text: str, priority: int) -> str:
    """A line as it goes to stderr."""
    return f"{told_journal(priority) or 'ampt: '}{safe(text)}\n"


def told_journal(priority: int) -> str:
    """What a line on stderr begins with, where that goes to the journal (sd-daemon(3)); else ''.

    JOURNAL_STREAM says which file that is (systemd.exec(5)).
    """
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream:
        return ""
    try:
        status = os.fstat(2)
    except OSError:
        return ""
    return f"<{priority}>" if stream == f"{status.st_dev}:{status.st_ino}" else ""


def check_stdout() -> None:
    """Raise SpoolError where stdout is closed."""
    if sys.stdout is None:
        raise SpoolError("stdout is closed: nothing was done", CLOSED_HINT)


CLOSED_HINT = "there is always >/dev/null"


def tell(text: str) -> bool:
    """Write `text`, which was asked for, to stdout; False if nobody reads there any more.

    Raises TryAgain or SpoolError where it cannot be written: who asked must know.
    """
    try:
        _send(1, text)
    except BrokenPipeError:
        return False
    except OSError as error:
        if sys.stdout is None:
            raise SpoolError("stdout is closed", CLOSED_HINT) from None
        raise from_os(error, "write to stdout") from None
    return True


def write(fd: int, text: str) -> None:
    """Write `text` to stdout or stderr, if it can be written there."""
    try:
        _send(fd, text)
    except OSError:
        pass


def _send(fd: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:  # another program has left the terminal or pipe so
            _wait_for_room(fd)


def _wait_for_room(fd: int) -> None:
    """Until something can be written there, or nobody reads there any more."""
    import select  # noqa: PLC0415  gate: hardly ever needed

    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()
