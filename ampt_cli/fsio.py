"""The verbs that change a spool's disk, for all but the few modules that are named here.

`place` makes the folder of a spool and its FIFO, `batch` works in folders that it keeps
open, `claim` and `marks` write into a file that they have open, `ran` sets a time,
and `publication` writes a byte to the FIFO.

All paths are relative to one open folder, the spool: a path that is swapped
meanwhile changes nothing. Every verb raises OSError as the kernel gave it; an
fsync that failed is never repeated on the same file.
"""

import os
import sys
from errno import EINVAL, ENOTSUP, ENOTTY
from itertools import islice
from stat import S_ISDIR

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
APPEND = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


F_FULLFSYNC = 51  # of macOS


def full_sync(fd: int, platform: str = sys.platform) -> None:
    """fsync(2), of which its page on macOS says that the drive may still hold what it was given."""
    if platform == "darwin":
        from fcntl import fcntl  # noqa: PLC0415  there alone

        try:
            fcntl(fd, F_FULLFSYNC)
        except OSError as error:
            if error.errno not in (EINVAL, ENOTSUP, ENOTTY):
                raise  # what a drive has refused once it may deny the second time
        else:
            return
    os.fsync(fd)


class Disk:
    """The folder `root` (an open descriptor) and the verbs that change it."""

    __slots__ = ("_rename_new", "durable", "file_mode", "folder_mode", "group", "path", "root")

    def __init__(self, root: int, group: bool = False, path: str = "") -> None:
        self.root = root
        self.path = path  # where it was opened, whole; no verb needs it
        self.durable: set[str] = set()  # buckets known to be, that nobody removes
        self._rename_new: Callable[[int, str, str], None] | None = None
        self.group = group  # whether the spool is shared by one
        self.file_mode = 0o660 if group else 0o600
        self.folder_mode = 0o2770 if group else 0o700

    def close(self, _close: "Callable[[int], None]" = os.close) -> None:
        """Let go of the folder. A second time does nothing: its number may be another's by then.

        `_close` is kept here for the end of the interpreter, when a module may be empty.
        """
        root, self.root = self.root, -1
        if root >= 0:
            _close(root)

    # -- files ---------------------------------------------------------------

    def write_new(self, path: str, data: bytes, sync: bool = True, chmod: bool = True) -> None:
        """Create `path` with `data`; with `sync` its content is durable on return.

        A crash leaves nothing, a part, or the whole: `path` is below tmp/. On an
        error the file is removed. `chmod` is only needed where the umask may be in the way.
        """
        try:
            fd = os.open(path, NEW, self.file_mode, dir_fd=self.root)
            try:
                if chmod:
                    os.fchmod(fd, self.file_mode)  # whatever the umask
                write_all(fd, data)
                if sync:
                    self.sync_fd(fd)
            finally:
                os.close(fd)
        except FileExistsError:
            raise
        except BaseException:  # also of a signal, as early as between the file and its number
            self.forget(path)
            raise

    def natural_mode(self, path: str) -> bool:
        """Whether new files get their mode without a chmod; `path` is made to see, and removed."""
        try:
            fd = os.open(path, NEW, self.file_mode, dir_fd=self.root)
            try:
                return os.fstat(fd).st_mode & 0o7777 == self.file_mode
            finally:
                os.close(fd)
        finally:
            self.forget(path)  # also after a signal, as in write_new

    def append(self, path: str, data: bytes, sync: bool) -> None:
        """Append the line `data`, after a newline if the last line is torn.

        A crash leaves a torn last line, which every reader ignores.
        """
        fd = os.open(path, APPEND, dir_fd=self.root)
        try:
            if not ends_whole(fd):
                data = b"\n" + data
            write_all(fd, data)
            if sync:
                self.sync_fd(fd)
        finally:
            os.close(fd)

    def open_shared(self, path: str, flags: int) -> int:
        """A descriptor of a file that every user of the spool may open; made with `O_CREAT`."""
        fd = os.open(path, flags, self.file_mode, dir_fd=self.root)
        if flags & os.O_CREAT and self.group:
            try:
                os.fchmod(fd, self.file_mode)  # whatever the umask
            except PermissionError:
                pass  # it is another's, who has done so
        return fd

    def forget(self, path: str) -> None:
        """Remove a file of tmp/ if it can be; what stays is swept later."""
        try:
            os.unlink(path, dir_fd=self.root)
        except OSError:
            pass

    def remove(self, path: str) -> bool:
        """Unlink `path`; False if it was gone already."""
        try:
            os.unlink(path, dir_fd=self.root)
        except FileNotFoundError:
            return False
        return True

    # -- names ---------------------------------------------------------------

    def publish(self, source: str, target: str) -> None:
        """Rename to a `target` whose name is new by its random id: the commit of a publish.

        Before it nothing runs; after it the event is there, whole. Durable once
        the bucket is synced.
        """
        os.rename(source, target, src_dir_fd=self.root, dst_dir_fd=self.root)

    def replace(self, source: str, target: str) -> None:
        """Rename, replacing what is at `target`: never an entry. Nothing is synced."""
        os.rename(source, target, src_dir_fd=self.root, dst_dir_fd=self.root)

    def link(self, source: str, target: str) -> None:
        """Give `source` a second name; raises FileExistsError rather than replace one."""
        os.link(source, target, src_dir_fd=self.root, dst_dir_fd=self.root, follow_symlinks=False)

    def move(self, source: str, target: str) -> None:
        """Rename, never replacing: the commit of every change of state.

        A power cut leaves one of both names (section 1); no sync is needed.
        """
        if self._rename_new is None:  # kept: an import statement costs something each time
            from ampt_cli.kernel import rename_new  # noqa: PLC0415  gate: publish never loads ctypes

            self._rename_new = rename_new
        self._rename_new(self.root, source, target)

    # -- folders -------------------------------------------------------------

    def make_folder(self, path: str) -> bool:
        """Make `path` with the spool's mode, whatever the umask; False if it exists."""
        try:
            os.mkdir(path, self.folder_mode, dir_fd=self.root)
        except FileExistsError:
            return False
        os.chmod(path, self.folder_mode, dir_fd=self.root)
        return True

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path, dir_fd=self.root)

    # -- durability and looking ------------------------------------------------

    def sync(self, path: str) -> None:
        """Make the names in the folder `path` durable."""
        fd = os.open(path, FOLDER, dir_fd=self.root)
        try:
            self.sync_fd(fd)
        finally:
            os.close(fd)

    def sync_fd(self, fd: int) -> None:
        """Make a file, or the names in a folder, durable."""
        full_sync(fd)

    def sync_all(self) -> bool:
        """Make the whole file system durable in one call; False where it cannot be done."""
        from ampt_cli import kernel  # noqa: PLC0415  gate: as in move

        return kernel.sync_file_system(self.root)

    def read(self, path: str, most: int) -> bytes:
        """The first `most` bytes of a file."""
        fd = os.open(path, READ, dir_fd=self.root)
        try:
            return os.read(fd, most)
        finally:
            os.close(fd)

    def status(self, path: str) -> os.stat_result:
        """What is at `path` itself: a link is not followed."""
        return os.stat(path, dir_fd=self.root, follow_symlinks=False)

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`; a dangling link is."""
        try:
            self.status(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder at `path`, and no link to one."""
        try:
            return S_ISDIR(self.status(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def list(self, path: str) -> "list[str]":
        """The names in the folder `path`, sorted; none if it is gone, or no folder.

        But a top folder that is none (a link to one, say) is an error, for others move into it.
        """
        try:
            fd = os.open(path, FOLDER, dir_fd=self.root)
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            if "/" not in path:
                raise
            return []
        try:
            return sorted(os.listdir(fd))
        finally:
            os.close(fd)

    def some(self, path: str) -> "set[str]":
        """One or two of the names in a folder, of perhaps a million."""
        fd = os.open(path, FOLDER, dir_fd=self.root)
        try:
            with os.scandir(fd) as found:
                return {item.name for item in islice(found, 2)}
        finally:
            os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte: a short write is no error to the kernel."""
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, data[done:])


def ends_whole(fd: int) -> bool:
    """Whether the file's last line has its newline."""
    size = os.fstat(fd).st_size
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"


def reopened(folder: int) -> int:
    """Another descriptor of a folder, to list it by.

    One that is older than the entries may show none of them: on btrfs it does not, from
    Linux 6.5 on, and POSIX lets it (readdir).
    """
    return os.open(".", FOLDER, dir_fd=folder)
