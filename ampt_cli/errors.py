"""Every error a user can meet, with its exit status.

The statuses follow sysexits(3), so that a shell script can branch on them; 75
always means that the same call may succeed later.
"""

import os
from errno import errorcode


class AmptError(Exception):
    """Something the user must know of: one line, and a hint on what to do next."""

    exit_status = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def at(self, place: str) -> "AmptError":
        """The same error, with the place in a longer input where it is."""
        return type(self)(f"{place}: {self}", self.hint)


class UsageError(AmptError):
    """The command line or an argument makes no sense."""

    exit_status = 2


class BadEvent(UsageError):
    """A name, id or body that no event may have."""


class BadDue(UsageError):
    """A due time that cannot be read, or lies outside (now, now + 1 year]."""


class NotFound(AmptError):
    """No such event, or no spool where one was looked for."""

    exit_status = 3


class SpoolError(AmptError):
    """The spool cannot be read or written (EIO, read-only, …)."""

    exit_status = 74


class TryAgain(AmptError):
    """Disk full, quota, too many open files: the same call may succeed later."""

    exit_status = 75


class NotConfirmed(TryAgain):
    """Published, but the last sync failed: the event may run, and may be lost."""


class Denied(AmptError):
    """A permission is missing, or something is open to other users."""

    exit_status = 77


class ConfigError(AmptError):
    """Configuration, handlers or the spool's format cannot be used."""

    exit_status = 78


class Damaged(AmptError):
    """An entry breaks the format; it belongs into quarantine."""


class TooNew(AmptError):
    """An entry of a newer format: to be left where it is."""

    exit_status = 78


TEMPORARY = frozenset({"ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "EFBIG"})
PERMISSION = frozenset({"EACCES", "EPERM"})


class Trouble:
    """Of several deeds, none of which keeps another from being done: the first OSError."""

    first: OSError | None = None

    def __enter__(self) -> None:
        """Around each of them."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, OSError):
            return False
        self.add(error)
        return True

    def add(self, error: OSError) -> None:
        """Note one that was caught."""
        self.first = self.first or error

    def tell(self) -> None:
        """Once all are done. Raises it."""
        if self.first is not None:
            raise self.first


CHECK = "what is wrong with the spool: ampt check"


def from_os(error: OSError, tried: str, hint: str | None = None) -> AmptError:
    """Translate a failed system call; `tried` says what was attempted, and on what.

    `hint` is for what has none of its own.
    """
    code = errorcode.get(error.errno or 0, str(error.errno))
    paths = [name for name in (error.filename, error.filename2) if isinstance(name, str)]
    where = f" at {' to '.join(paths)}" if paths else ""
    text = f"cannot {tried}: {error.strerror or error} ({code}{where})"
    if code == "EXDEV":
        return ConfigError(text, "all of a spool must lie on one file system")
    if code in TEMPORARY:
        return TryAgain(text, "nothing was lost; try again when there is room")
    if code in PERMISSION:
        return Denied(text, f"running as uid {os.geteuid()}")
    if code == "EROFS":
        return SpoolError(text, "its file system must be mounted for writing")
    return SpoolError(text, hint)


MOST = 4  # of several errors that are told


def from_several(failed: "dict[str, OSError]", tried: str, hint: str) -> AmptError:
    """The same where `tried` failed for several paths; 75 only if all may succeed later."""
    told = [from_os(error, f"{tried} {path}") for path, error in sorted(failed.items())]
    more = [f"and {len(told) - MOST:,} more"] if len(told) > MOST else []
    worst = min(told, key=lambda error: (isinstance(error, TryAgain), error.exit_status))
    hints = filter(None, (worst.hint, hint))
    return type(worst)("; ".join([*map(str, told[:MOST]), *more]), "; ".join(hints))
