"""What a power cut may leave of a recorded sequence of calls.

A file system is modelled as inodes, each with the data that is durable and the
data that was written, and as operations on names, each durable or pending.

- fsync of a file makes its data durable; fsync of a folder makes the pending
  operations on its names durable, and those they build on.
- An operation builds on the last one that touched the same name: nothing can be
  renamed that was not there. A rename is one operation that belongs to both
  folders, so it happened in both or in neither.
- Folders are inodes too: what is in a folder whose own name is lost, is lost.

Two models of what survives of the pending operations: `strict`, any subset that
is closed under "builds on"; and `ext4`, where metadata is written in order and
any fsync writes all of it: a prefix. In both, the data of a file that was not
synced may be what it was, half of what was appended, zeros in its place, or all.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.faults.shim import Record

Key = tuple[int, str]  # a folder's number, and a name in it
ROOT = 0
MODELS = ("strict", "ext4")
DATA = ("durable", "half", "zeros", "full")
NO_EFFECT = {"open", "close", "flock", "read", "opendir", "readdir", "fchmod", "fchown", "stdout"}
SHARED_MEMORY = {"marks"}  # the one file that is written through a mapping; never relied on


class HoleError(Exception):
    """The recorder saw a call that the model does not know: its silence would prove nothing."""


class Inode:
    """A file, folder or FIFO."""

    __slots__ = ("data", "durable", "kind", "number")

    def __init__(self, number: int, kind: str, data: bytes = b"") -> None:
        self.number, self.kind = number, kind
        self.data = bytearray(data)
        self.durable = bytes(data)

    def content(self, variant: str) -> bytes:
        """The file's bytes after the cut."""
        if variant == "full" or self.durable == self.data:
            return bytes(self.data)
        if variant == "half":
            return bytes(self.data[: (len(self.durable) + len(self.data)) // 2])
        if variant == "zeros":
            return self.durable + bytes(max(0, len(self.data) - len(self.durable)))
        return self.durable


class Operation(NamedTuple):
    """A change of names: what each key means afterwards (None: nothing), and what it builds on."""

    number: int
    names: tuple[tuple[Key, Inode | None], ...]
    needs: frozenset[int]
    folders: frozenset[int]


class State(NamedTuple):
    """One tree that a cut may leave."""

    names: Mapping[Key, Inode]
    variant: str

    def tree(self) -> Iterator[tuple[str, Inode]]:
        """Every path that can be reached, parents first."""
        inner: dict[int, list[tuple[str, Inode]]] = {}
        for (folder, name), inode in self.names.items():
            inner.setdefault(folder, []).append((name, inode))
        waiting = [("", ROOT)]
        while waiting:
            prefix, folder = waiting.pop()
            for name, inode in inner.get(folder, ()):
                yield prefix + name, inode
                if inode.kind == "dir":
                    waiting.append((prefix + name + "/", inode.number))

    def files(self) -> dict[str, bytes]:
        """The contents of the regular files."""
        return {
            path: inode.content(self.variant) for path, inode in self.tree() if inode.kind == "file"
        }

    def key(self) -> int:
        """Equal for equal trees."""
        return hash(
            frozenset(
                (path, inode.number, inode.content(self.variant)) for path, inode in self.tree()
            )
        )

    def write(self, spool: Path) -> None:
        """Lay the tree out on a real file system, with its hard links."""
        spool.mkdir(mode=0o700)
        made: dict[int, Path] = {}
        for path, inode in self.tree():
            target = spool / path
            if inode.kind == "dir":
                target.mkdir(mode=0o700)
            elif inode.kind == "fifo":
                os.mkfifo(target, 0o600)
            elif inode.number in made:
                os.link(made[inode.number], target)
            else:
                target.write_bytes(inode.content(self.variant))
                target.chmod(0o600)
                made[inode.number] = target


class Model:
    """The file system at one moment of the recording."""

    def __init__(self, spool: Path | None = None) -> None:
        """Begin with what is in `spool`, all of it durable; without one, with nothing."""
        self.root = Inode(ROOT, "dir")
        self._count = 0
        self._real: dict[int, Inode] = {}
        self.base: dict[Key, Inode] = {}
        self.pending: list[Operation] = []
        self._last: dict[Key, int] = {}
        self._operations = 0
        self.operations_seen = 0
        if spool:
            self._real[spool.stat().st_ino] = self.root
            self._load(spool, self.root)
        self.names: dict[Key, Inode] = dict(self.base)

    def _load(self, folder: Path, parent: Inode) -> None:
        for entry in os.scandir(folder):
            status = entry.stat(follow_symlinks=False)
            inode = self._real.get(status.st_ino)
            if inode is None:
                inode = self._new(status.st_mode, status.st_ino)
                if inode.kind == "file":
                    inode.data = bytearray(Path(entry.path).read_bytes())
                    inode.durable = bytes(inode.data)
            self.base[(parent.number, entry.name)] = inode
            if inode.kind == "dir":
                self._load(Path(entry.path), inode)

    def _new(self, mode: int, real: int) -> Inode:
        self._count += 1
        kinds = {stat.S_IFDIR: "dir", stat.S_IFIFO: "fifo"}
        inode = Inode(self._count, kinds.get(stat.S_IFMT(mode), "file"))
        self._real[real] = inode
        return inode

    # -- following the recording -------------------------------------------

    def find(self, path: str) -> tuple[Key, Inode | None]:
        """The key that `path` ends in, and what is there now."""
        folder, *rest = self.root, *path.split("/")
        for part in rest[:-1]:
            inner = self.names.get((folder.number, part))
            if inner is None or inner.kind != "dir":
                raise HoleError(f"{path}: its folder was never seen")
            folder = inner
        key = (folder.number, rest[-1])
        return key, self.names.get(key)

    def _change(self, *names: tuple[Key, Inode | None]) -> None:
        self._operations += 1
        needs = frozenset(self._last[key] for key, _ in names if key in self._last)
        folders = frozenset(key[0] for key, _ in names)
        self.pending.append(Operation(self._operations, names, needs, folders))
        for key, inode in names:
            self._last[key] = self._operations
            if inode is None:
                self.names.pop(key, None)
            else:
                self.names[key] = inode

    def apply(self, record: Record, model: str) -> None:
        """Let `record` happen. Raises HoleError for what is not understood."""
        if record.result < 0 or record.op in NO_EFFECT:
            return
        verb = getattr(self, "_" + record.op, None)
        if verb is None:
            raise HoleError(f"the model does not know {record.op} ({record.path})")
        self.operations_seen += 1
        verb(record, model)

    def _inode(self, record: Record) -> Inode:
        inode = self._real.get(record.inode)
        if inode is None:
            raise HoleError(f"{record.op} on a file that was never made: {record.path}")
        return inode

    def _create(self, record: Record, _model: str) -> None:
        if record.flags & os.O_TMPFILE == os.O_TMPFILE:
            raise HoleError("the model does not know O_TMPFILE")
        key, old = self.find(record.path)
        if old is None:
            self._change((key, self._new(stat.S_IFREG, record.inode)))
        elif record.flags & os.O_TRUNC:
            old.data.clear()

    def _mkdir(self, record: Record, _model: str) -> None:
        if not record.path:
            self._real[record.inode] = self.root
            return
        key, _ = self.find(record.path)
        self._change((key, self._new(stat.S_IFDIR, record.inode)))

    def _mkfifo(self, record: Record, _model: str) -> None:
        key, _ = self.find(record.path)
        self._change((key, self._new(stat.S_IFIFO, record.inode)))

    def _unlink(self, record: Record, _model: str) -> None:
        key, _ = self.find(record.path)
        self._change((key, None))

    _rmdir = _remove = _unlink

    def _link(self, record: Record, _model: str) -> None:
        _, inode = self.find(record.path)
        key, _ = self.find(record.other)
        if inode is None:
            raise HoleError(f"link of nothing: {record.path}")
        self._change((key, inode))

    def _rename(self, record: Record, _model: str) -> None:
        source, inode = self.find(record.path)
        target, _ = self.find(record.other)
        if inode is None or record.flags & ~1:
            raise HoleError(f"rename of nothing, or an exchange: {record.path}")
        self._change((source, None), (target, inode))

    def _write(self, record: Record, _model: str) -> None:
        inode = self._inode(record)
        if inode.kind != "file":
            return
        end = record.offset + len(record.data)
        if len(inode.data) < record.offset:
            inode.data.extend(bytes(record.offset - len(inode.data)))
        inode.data[record.offset : end] = record.data

    def _ftruncate(self, record: Record, _model: str) -> None:
        data = self._inode(record).data
        del data[record.offset :]
        data.extend(bytes(record.offset - len(data)))

    def _mmap(self, record: Record, _model: str) -> None:
        if record.path.rpartition("/")[2] not in SHARED_MEMORY:
            raise HoleError(f"{record.path} is written through a mapping")

    def _fsync(self, record: Record, model: str) -> None:
        if record.flags:  # a mutant: it returned success and did nothing
            return
        inode = self._inode(record)
        inode.durable = bytes(inode.data)
        if model == "ext4":
            self._settle({operation.number for operation in self.pending})
        elif inode.kind == "dir":
            self._settle({o.number for o in self.pending if inode.number in o.folders})

    _fdatasync = _fsync

    def _syncfs(self, record: Record, _model: str) -> None:
        if record.flags:
            return
        for inode in self._real.values():
            inode.durable = bytes(inode.data)
        self._settle({operation.number for operation in self.pending})

    def _settle(self, wanted: set[int]) -> None:
        wanted = self._closed(wanted)
        for operation in self.pending:
            if operation.number in wanted:
                _perform(operation, self.base)
        self.pending = [o for o in self.pending if o.number not in wanted]

    def _closed(self, wanted: set[int]) -> set[int]:
        """`wanted`, and what it builds on."""
        closed = set(wanted)
        for operation in reversed(self.pending):
            if operation.number in closed:
                closed |= operation.needs
        return closed

    # -- cutting the power ---------------------------------------------------

    def cuts(self, model: str, chance: random.Random) -> Iterator[State]:
        """The states that a cut may leave now."""
        numbers = [operation.number for operation in self.pending]
        for wanted in _prefixes(numbers) if model == "ext4" else self._subsets(numbers, chance):
            names = dict(self.base)
            for operation in self.pending:
                if operation.number in wanted:
                    _perform(operation, names)
            unsynced = any(i.durable != i.data for i in names.values() if i.kind == "file")
            for variant in DATA if unsynced else ("full",):
                yield State(names, variant)

    def _subsets(self, numbers: list[int], chance: random.Random) -> Iterator[set[int]]:
        if len(numbers) <= 8:
            masks: Iterable[set[int]] = (
                {n for bit, n in enumerate(numbers) if mask >> bit & 1}
                for mask in range(1 << len(numbers))
            )
        else:
            masks = [set(), set(numbers)]
            masks += [set(numbers) - {n} for n in numbers] + [{n} for n in numbers]
            masks += [{n for n in numbers if chance.random() < 0.5} for _ in range(128)]
        seen = set()
        for mask in masks:
            closed = frozenset(self._closed(mask)) & frozenset(numbers)
            if closed not in seen:
                seen.add(closed)
                yield set(closed)


def _perform(operation: Operation, names: dict[Key, Inode]) -> None:
    for key, inode in operation.names:
        if inode is None:
            names.pop(key, None)
        else:
            names[key] = inode


def _prefixes(numbers: list[int]) -> Iterator[set[int]]:
    for end in range(len(numbers) + 1):
        yield set(numbers[:end])
