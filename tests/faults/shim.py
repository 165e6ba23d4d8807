"""The fault library `shim.c`: built, armed and read.

One `Shim` is one shared state: arm it, run a program with `env()`, and read
what happened. The offsets repeat `struct state` and `struct record` of shim.c;
`prepare` fails when the two disagree.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("shim.c")
FOREVER = 2**63

KILL_BEFORE, KILL_AFTER, ERROR, SIGNAL, SHORT = 1, 2, 3, 4, 5
CHANGES, HANDLES, READS = 1, 2, 4

NO_FILE_SYNC, NO_FOLDER_SYNC, NO_BUCKET_SYNC, NO_CLAIM_SYNC = 1, 2, 4, 8
EARLY_ACK, LOCKS_FREE, LOCKS_TAKEN, NO_FINISH, EARLY_DELETE = 16, 32, 64, 128, 256
NO_RECORD_SYNC = 512

_LOG_START = 4096
_RECORD = struct.Struct("<IIQqqQii16sIIII")


class Record(NamedTuple):
    """One call that touched the spool, as it happened."""

    call: int
    pid: int
    op: str
    path: str
    other: str
    result: int
    error: int
    inode: int
    offset: int
    flags: int
    data: bytes


class Fault(NamedTuple):
    """What happens at call N, and for how many calls from there."""

    name: str
    kind: int
    error: int = 0
    signal: int = 0
    count: int = 1  # type: ignore[assignment]  # it hides tuple.count


def failing(name: str, *, count: int = 1) -> Fault:
    """The fault that reports `name`, such as ENOSPC."""
    return Fault(
        name if count == 1 else name + " from here on", ERROR, getattr(errno, name), 0, count
    )


def compiler() -> str | None:
    """The C compiler, if the machine has one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path) -> Path:
    """The library, compiled into `folder`."""
    library = folder / "shim.so"
    found = compiler()
    assert found is not None
    flags = [
        "-O2",
        "-Wall",
        "-shared",
        "-fPIC",
        "-o",
        str(library),
        str(SOURCE),
        "-ldl",
        "-lpthread",
    ]
    subprocess.run([found, *flags], check=True)
    return library


class Shim:
    """The shared state of the processes that are run under the library."""

    def __init__(self, library: Path, state: Path, spool: Path, *, log_bytes: int = 0) -> None:
        self.library, self.path, self.spool = library, state, spool
        with open(state, "wb") as file:
            file.truncate(_LOG_START + log_bytes)
        prepare = ctypes.CDLL(str(library)).shim_prepare
        if prepare(os.fsencode(state)) != _RECORD.size:
            raise RuntimeError("shim.c and shim.py disagree about a record")
        with open(state, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._set(72, "Q", log_bytes)
        self.classes(CHANGES | HANDLES)
        self.record(log_bytes > 0)

    def close(self) -> None:
        """Give the memory back."""
        self._map.close()
        self.path.unlink(missing_ok=True)

    def _set(self, offset: int, kind: str, *values: int) -> None:
        struct.pack_into("<" + kind, self._map, offset, *values)

    def _get(self, offset: int, kind: str) -> int:
        value: int = struct.unpack_from("<" + kind, self._map, offset)[0]
        return value

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment in which a program runs under the library."""
        env = dict(os.environ if base is None else base)
        old = env.get("LD_PRELOAD")
        env["LD_PRELOAD"] = f"{self.library}:{old}" if old else str(self.library)
        env["SHIM_STATE"], env["SHIM_SPOOL"] = str(self.path), str(self.spool)
        return env

    def arm(self, fault: Fault | None, at: int = 0) -> None:
        """Forget what was counted; let `fault` happen at call `at`."""
        self._set(0, "QQ", 0, 0)
        self._map[80:592] = bytes(512)
        if fault is None:
            self._set(16, "QQiii", 0, 0, 0, 0, 0)
        else:
            self._set(16, "QQiii", at, fault.count, fault.kind, fault.error, fault.signal)

    def mutate(self, mutant: int) -> None:
        """Turn the calls of `mutant` into nothing."""
        self._set(44, "I", mutant)

    def classes(self, classes: int) -> None:
        """Which calls count."""
        self._set(48, "I", classes)

    def record(self, on: bool) -> None:
        """Write down each call from now on, or stop."""
        self._set(52, "I", int(on))

    def move_clock(self, seconds: float) -> None:
        """The programs' wall clock is `seconds` ahead of the machine's from now on."""
        self._set(56, "q", int(seconds * 1e9))

    @property
    def calls(self) -> int:
        """Calls counted since the last `arm`."""
        return self._get(0, "Q")

    @property
    def hits(self) -> int:
        """Faults that happened since the last `arm`."""
        return self._get(8, "Q")

    @property
    def hit(self) -> str:
        """The first of them: number, call, path below the spool."""
        return bytes(self._map[80:592]).split(b"\0", 1)[0].decode(errors="replace")

    def forget(self) -> None:
        """Empty the log."""
        end = self._get(64, "Q")
        self._map[_LOG_START : _LOG_START + end] = bytes(min(end, len(self._map) - _LOG_START))
        self._set(64, "Q", 0)

    def records(self) -> Iterator[Record]:
        """The log, in the order in which the calls happened."""
        end = self._get(64, "Q")
        if end > self._get(72, "Q"):
            raise RuntimeError(f"the log is too small: {end} bytes are needed")
        at = _LOG_START
        while at < _LOG_START + end:
            (length, pid, call, result, offset, inode, error, flags, op, path, other, size, _) = (
                _RECORD.unpack_from(self._map, at)
            )
            if length == 0:
                raise RuntimeError("a record was begun and never written")
            text = at + _RECORD.size
            middle, last = text + path, text + path + other
            yield Record(
                call,
                pid,
                op.split(b"\0", 1)[0].decode(),
                self._map[text:middle].decode(errors="surrogateescape"),
                self._map[middle:last].decode(errors="surrogateescape"),
                result,
                error,
                inode,
                offset,
                flags,
                self._map[last : last + size],
            )
            at += length
