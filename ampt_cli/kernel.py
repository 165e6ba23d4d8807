"""System calls that Python's os module does not have (the only importer of ctypes).

Where the kernel or the file system lacks one, the caller is told (`None`,
`False`) and says what it does instead.
"""

import errno
import os
import sys

from ampt_cli.typed import Any

RENAME_NOREPLACE = 1
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
OOM_SCORE = 500  # of 1000; of other processes mostly 0

NETWORK = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "CIFS",
    0xFE534D42: "SMB2",
    0x01021997: "9p",
    0x00C36400: "CephFS",
    0x65735546: "FUSE",
    0x5346414F: "AFS",
    0x47504653: "GPFS",
    0x0BD00BD0: "Lustre",
}

ENCODING, STRANGE = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()  # see os.fsencode


def _ctypes() -> Any:
    """None with a Python that was built where libffi is not."""
    try:
        import ctypes  # noqa: PLC0415  may be missing
    except ImportError:
        return None
    return ctypes


ctypes = _ctypes()
_libc = ctypes and ctypes.CDLL(None, use_errno=True)
_renameat2 = getattr(_libc, "renameat2", None)  # without argtypes, which double its cost
_syncfs = getattr(_libc, "syncfs", None)
_prctl = getattr(_libc, "prctl", None)
_fstatfs = getattr(_libc, "fstatfs", None)


def rename_new(root: int, source: str, target: str) -> None:
    """Rename below the folder `root`; an existing `target` is never replaced.

    Raises OSError; FileExistsError where `target` exists.
    """
    if _renameat2 is not None:
        src, dst = source.encode(ENCODING, STRANGE), target.encode(ENCODING, STRANGE)
        if _renameat2(root, src, root, dst, RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(code, os.strerror(code), source, None, target)
    # No RENAME_NOREPLACE here. Two entries of one name exist only after a
    # restore went wrong, so looking first is enough.
    try:
        os.stat(target, dir_fd=root, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=root, dst_dir_fd=root)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), source, None, target)


def sync_file_system(fd: int) -> bool:
    """Make everything on the file system of `fd` durable; False where there is no such call.

    Raises OSError: then nothing may be taken for durable, and it must not be repeated.
    """
    if _syncfs is None:
        return False
    if _syncfs(fd) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return True


def network_file_system(fd: int) -> str | None:
    """What network or user-space file system holds `fd`, or None for a local one."""
    if _fstatfs is None or not os.path.isdir("/proc"):
        return None
    buffer = ctypes.create_string_buffer(256)
    if _fstatfs(fd, buffer) != 0:
        return None
    kind = ctypes.c_long.from_buffer(buffer).value & 0xFFFFFFFF
    return NETWORK.get(kind)


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when its parent ends (Linux)."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends (Linux), so that they can be ended."""
    if _prctl is not None:
        _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def go_first() -> None:
    """Where memory runs out, the kernel is to end this process before its parent (Linux)."""
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_RDWR)
    except OSError:
        return
    try:
        if int(os.read(fd, 16)) < OOM_SCORE:
            os.write(fd, b"%d" % OOM_SCORE)
    except (OSError, ValueError):
        pass
    finally:
        os.close(fd)
