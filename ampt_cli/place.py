"""Open a spool, or make one: what it is, whose it is, whether it may be trusted."""

import os
from errno import EACCES, EINVAL, ELOOP, EPERM, EROFS
from stat import S_IWGRP, S_IWOTH

from ampt_cli import clock, instants, layout, trust
from ampt_cli.errors import ConfigError, Denied, NotFound, UsageError, from_os
from ampt_cli.fsio import FOLDER, READ, Disk, full_sync

ANEW = (
    f'if it was one, write "{layout.MAGIC}{layout.VERSION}" into a new file {layout.FORMAT} there'
)
# fsyncing a folder that we have not made: it may not be read, or its file system has no such thing.
NOT_OURS = (EACCES, EPERM, EINVAL, EROFS)


def open_disk(path: str, create: bool = False, group: str | None = None) -> Disk:
    """The disk below the spool at `path`; with `create` a missing spool is made.

    Raises NotFound where there is none, ConfigError for a newer format, Denied
    where another user could have tampered with it.
    """
    path = os.path.abspath(path)
    try:
        return _open(path)
    except FileNotFoundError:
        if not create:
            raise NotFound(
                f"there is no spool at {path}", "publish an event there, or give another --spool"
            ) from None
    except OSError as error:
        raise from_os(error, f"open the spool {path}") from error
    try:
        _create(path, group)
        return _open(path)
    except OSError as error:
        raise from_os(error, f"make a spool at {path}") from error


def _open(path: str) -> Disk:
    try:
        root = os.open(path, FOLDER)
    except NotADirectoryError:
        what, hint = "no folder", "give another --spool"
        if os.path.islink(path):
            what, hint = "a symbolic link", f"give where it leads to: {os.path.realpath(path)}"
        raise NotFound(f"{path} is {what}, so it is no spool", hint) from None
    try:
        lines = _format_lines(root, path)
        group = lines[1:2] == ["group"]
        _check_owner(root, path, group)
        return Disk(root, group, path)
    except BaseException:
        os.close(root)
        raise


def _format_lines(root: int, path: str) -> list[str]:
    try:
        fd = os.open(layout.FORMAT, READ, dir_fd=root)
    except FileNotFoundError:
        names = {*Disk(root).list(".")}
        if layout.FORMAT in names:
            return _format_lines(root, path)  # somebody has just made it
        if not names <= {*layout.FOLDERS, layout.WAKE}:
            was_one = names >= {*layout.STATES}
            raise NotFound(
                f"{path} is not a spool: it has no file {layout.FORMAT}",
                ANEW if was_one else "give another --spool, or a new folder",
            ) from None
        raise
    except OSError as error:
        if error.errno != ELOOP:
            raise
        raise ConfigError(f"{path}/{layout.FORMAT} is a link, so it is no spool", ANEW) from None
    try:
        text = os.read(fd, 4096).decode("ascii", "replace")
    except IsADirectoryError:
        raise ConfigError(f"{path}/{layout.FORMAT} is a folder, so it is no spool", ANEW) from None
    finally:
        os.close(fd)
    lines = text.splitlines() or [""]
    version = lines[0].removeprefix(layout.MAGIC)
    if not lines[0].startswith(layout.MAGIC) or not version.isdigit():
        said = lines[0][:40]
        raise ConfigError(f"{path}/{layout.FORMAT} says {said!r}, so it is no spool", ANEW)
    if int(version) != layout.VERSION:
        raise ConfigError(
            f"the spool {path} has format {version[:40]}, and this program knows {layout.VERSION}",
            "use the version of ampt that made it, or a newer one",
        )
    return lines


def _check_owner(root: int, path: str, group: bool) -> None:
    """Refuse a spool that somebody else owns or may write, as sshd does with keys."""
    status = os.fstat(root)
    me = os.geteuid()
    hint = "run as its owner, or make a spool of your own"
    if status.st_uid != me and not (group and me != 0) and status.st_uid != 0:
        raise Denied(f"the spool {path} belongs to uid {status.st_uid}, and this is uid {me}", hint)
    if status.st_mode & S_IWOTH or (status.st_mode & S_IWGRP and not group):
        mode = status.st_mode & 0o7777
        raise Denied(f"others may write in the spool {path} (mode {mode:04o})", "chmod it to 0700")
    _check_way(path, status.st_uid)


def _check_way(path: str, owner: "int | None" = None) -> None:
    """Refuse a spool in whose place others could put another one, also before it is made."""
    for way in dict.fromkeys((path, os.path.realpath(path))):
        trust.check_above(way, f"the spool {path}", owner)


def _check_outside(path: str) -> None:
    """Refuse to make a spool inside another one, whose folders are its runners' alone."""
    for way in trust.above(os.path.realpath(path)):
        if all(os.path.lexists(f"{way}/{name}") for name in (layout.FORMAT, *layout.STATES)):
            raise NotFound(f"{path} is no spool, but in one: {way}", f"give --spool {way}")


def complete(disk: Disk) -> None:
    """Make what is missing of the top folders and the FIFO; durable on return."""
    for folder in layout.FOLDERS:
        disk.make_folder(folder)
    _make_fifo(disk)
    disk.sync(".")


def _create(path: str, group: str | None) -> None:
    own = None if group is None else gid(group)
    _check_way(path)
    _check_outside(path)
    _make_parents(path)
    disk = Disk(os.open(path, FOLDER), group is not None)
    try:
        if os.fstat(disk.root).st_uid != os.geteuid():
            raise Denied(f"{path} belongs to another user, so no spool is made in it")
        if own is not None:
            os.fchown(disk.root, -1, own)
        os.fchmod(disk.root, disk.folder_mode)
        complete(disk)
        _write_format(disk)
        disk.sync(".")
    finally:
        disk.close()


def _make_parents(path: str) -> None:
    """Make `path`, and what is missing above it; their names are durable on return.

    Each is durable before the next is made. So a crash leaves folders of which only the last
    may not be, and no FORMAT in it: who comes next syncs that one, and makes it a spool.
    """
    missing, there = [], path
    while not os.path.lexists(there):
        missing.append(there)
        there = os.path.dirname(there)
    if not os.path.exists(there):
        raise NotFound(
            f"{there} is a link to nothing, so no spool can be made there",
            "mend the link, mount what it leads to, or give another --spool",
        )
    try:
        _sync_name(there)
    except OSError as error:
        if error.errno not in NOT_OURS:
            raise
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # race: by another publisher, who may not have synced it yet
        _sync_name(folder)


def _sync_name(folder: str) -> None:
    parent = os.open(os.path.dirname(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        full_sync(parent)
    finally:
        os.close(parent)


def _make_fifo(disk: Disk) -> None:
    try:
        os.mkfifo(layout.WAKE, disk.file_mode, dir_fd=disk.root)
        os.chmod(layout.WAKE, disk.file_mode, dir_fd=disk.root)  # whatever the umask
    except FileExistsError:
        pass


def _write_format(disk: Disk) -> None:
    """The last step: until FORMAT exists this is no spool; then it is a whole one."""
    text = f"{layout.MAGIC}{layout.VERSION}\n" + ("group\n" if disk.group else "")
    draft = f"{layout.TMP}/{instants.stamp(clock.now())}.{layout.FORMAT}.{os.urandom(6).hex()}"
    disk.write_new(draft, text.encode())
    try:
        disk.link(draft, layout.FORMAT)
    except FileExistsError:
        pass  # somebody else made the same spool at the same time
    finally:
        disk.forget(draft)


def gid(group: str) -> int:
    """The number of a group. Raises UsageError where there is none of this name."""
    import grp  # noqa: PLC0415  only when a group spool is made

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"there is no group {group!r}", "see: getent group") from None


def is_still(disk: Disk) -> bool:
    """Whether its path leads to the very spool that `disk` has open, as far as can be told."""
    try:
        check_still(disk)
    except (NotFound, OSError):
        return False
    return True


def check_still(disk: Disk) -> None:
    """Raise NotFound unless its path leads to the very spool that `disk` has open; OSError."""
    try:
        if os.path.samestat(os.stat(disk.path), os.fstat(disk.root)):
            return
    except (FileNotFoundError, NotADirectoryError):
        pass
    raise NotFound(f"the spool {disk.path} was removed or replaced while it was in use")
