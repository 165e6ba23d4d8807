"""Refuse code and configuration that another user could have written."""

import os
from stat import S_ISVTX, S_IWGRP, S_IWOTH

from ampt_cli.errors import Denied


def check(path: str, what: str) -> None:
    """Raise Denied if another user could have written the file `path`, or put it there.

    Root accepts only root's files that nobody else may write; others also accept
    what their own primary group may write. OSError passes through.
    """
    _check_one(path, os.stat(path), what)
    folder = os.path.dirname(os.path.abspath(path))
    status = os.stat(folder)
    if status.st_mode & S_IWOTH and not status.st_mode & S_ISVTX:
        raise Denied(
            f"{what} {path} is refused: anybody may write in {folder}", f"chmod o-w {folder}"
        )


def _check_one(path: str, status: os.stat_result, what: str) -> None:
    me = os.geteuid()
    if status.st_uid not in (me, 0):
        raise Denied(
            f"{what} {path} is refused: it belongs to uid {status.st_uid}, and this is uid {me}",
            "run as its owner, or copy it",
        )
    mine = me != 0 and status.st_gid == os.getegid()
    if status.st_mode & S_IWOTH or (status.st_mode & S_IWGRP and not mine):
        mode = status.st_mode & 0o7777
        raise Denied(
            f"{what} {path} is refused: others may write it (mode {mode:04o})", f"chmod go-w {path}"
        )
