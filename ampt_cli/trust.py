"""Refuse code and configuration that another user could have written."""

import os
from stat import S_ISVTX, S_IWGRP, S_IWOTH

from ampt_cli.errors import Denied

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterator


def check(path: str, what: str) -> None:
    """Raise Denied if another user could have written the file `path`, or put it there.

    Root accepts only root's files that nobody else may write; others also accept
    what their own primary group may write. OSError passes through.
    """
    _check_one(path, os.stat(path), what)
    _check_owner(path, os.lstat(path), what)  # a link is as good as a file that is put there
    check_folder(path, what)


def check_folder(path: str, what: str) -> None:
    """Raise Denied if anybody could put another file at `path`."""
    folder = os.path.dirname(os.path.abspath(path))
    status = os.stat(folder)
    if status.st_mode & S_IWOTH and not status.st_mode & S_ISVTX:
        raise Denied(
            f"{what} {path} is refused: anybody may write in {folder}", f"chmod o-w {folder}"
        )


def check_module(path: str, what: str) -> None:
    """The same for a file that is imported: with its folder others could give it modules.

    And whoever owns a folder above, or may write there, can put another folder in its place.
    Where `path` is a link, or leads through one, its imports are looked for beside the link.
    """
    check(path, what)
    for way in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        folder = os.path.dirname(way)
        _check_one(folder, os.stat(folder), f"the folder of {what}")
        check_above(folder, what)


def check_above(path: str, what: str, owner: int | None = None) -> None:
    """Raise Denied if another user could put something else in the place of `path`.

    That is whoever owns a folder above it, but for us, root, and its `owner`; and
    anybody, where all may write there. What is not there yet will be made, for us alone.
    """
    trusted = os.geteuid(), 0, owner
    for folder in above(path):
        try:
            status = os.stat(folder)
        except FileNotFoundError:
            continue
        if status.st_uid not in trusted:
            raise Denied(
                f"uid {status.st_uid} may replace {what}: {folder} belongs to it",
                "put it where only its owner or root may write",
            )
        if status.st_mode & S_IWOTH and not status.st_mode & S_ISVTX:
            raise Denied(
                f"anybody may replace {what}: {folder} is writable by all", f"chmod o-w {folder}"
            )


def above(path: str) -> "Iterator[str]":
    """The folders above an absolute path, from the nearest up to the root."""
    while (folder := os.path.dirname(path)) != path:  # `/`, or `//`
        yield (path := folder)


def _check_owner(path: str, status: os.stat_result, what: str) -> None:
    me = os.geteuid()
    if status.st_uid not in (me, 0):
        raise Denied(
            f"{what} {path} is refused: it belongs to uid {status.st_uid}, and this is uid {me}",
            "run as its owner, or copy it",
        )


def _check_one(path: str, status: os.stat_result, what: str) -> None:
    _check_owner(path, status, what)
    me = os.geteuid()
    mine = me != 0 and status.st_gid == os.getegid()
    if status.st_mode & S_IWOTH or (status.st_mode & S_IWGRP and not mine):
        mode = status.st_mode & 0o7777
        raise Denied(
            f"{what} {path} is refused: others may write it (mode {mode:04o})", f"chmod go-w {path}"
        )
