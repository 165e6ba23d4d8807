"""H3: real power cuts. A file system in a file is shut down in the middle of the work.

`FS_IOC_SHUTDOWN` without flushing the log is what a power cut is to ext4 and xfs:
what did not reach the journal or the disk is gone. Each round mounts the image
in a mount namespace of its own (this module is run again as `python -m
tests.faults.cut` inside `unshare --mount`), lets publishers and runners work on
it beside a process that keeps syncing, cuts, mounts again and counts. What was
acknowledged and what was executed is written outside the image.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults import tree
from tests.faults.program import Program, Result

SHUTDOWN = 0x8004587D
WITHOUT_FLUSH = struct.pack("I", 2)
SIZES = {"btrfs": 128, "ext4": 48, "xfs": 320}  # MiB; xfs has no smaller one
PUBLISHERS, RUNNERS = 3, 2


@dataclass
class Cuts:
    """What a series of cuts came to."""

    kind: str
    cuts: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    unexecuted: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    repeated: int = 0
    in_flight: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.cuts} cuts, {self.acknowledged} acknowledged, "
            f"{len(self.lost)} lost, {len(self.stuck)} stuck, {len(self.unexecuted)} never executed, "
            f"{self.repeated} executed again, {len(self.strange)} strange ends"
        )


def why_not(kind: str) -> str | None:
    """Why this machine cannot cut the power of this file system, if it cannot."""
    if os.geteuid() != 0:
        return "power cuts need root"
    for tool in ("unshare", "mount", f"mkfs.{kind}"):
        if shutil.which(tool) is None:
            return f"{tool} is missing"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    with open("/proc/filesystems", encoding="ascii") as known:
        return None if f"\t{kind}\n" in known.read() else f"the kernel does not know {kind}"


def eatmydata() -> str | None:
    """The library under which fsync does nothing, if it is installed."""
    found = sorted(Path("/usr/lib").glob("*/libeatmydata.so*"))
    return str(found[0]) if found else None


def series(kind: str, folder: Path, *, cuts: int, seed: int, preload: str | None = None) -> Cuts:
    """Cut the power that many times, in a mount namespace that ends with its processes."""
    told = folder / "result.json"
    command = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        sys.executable,
        "-m",
        __name__,
    ]
    arguments = [kind, str(folder), str(cuts), str(seed), preload or ""]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [*command, *arguments], cwd=root, capture_output=True, text=True, timeout=60 + cuts * 8
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Cuts(**json.loads(told.read_text()))


class Disk:
    """A file system in a file, mounted below `folder`."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.image, self.place = folder / "image", folder / "disk"
        self.place.mkdir()

    def make(self) -> None:
        """A fresh file system."""
        with open(self.image, "wb") as file:
            file.truncate(SIZES[self.kind] << 20)
        quiet = ["-q"] if self.kind == "ext4" else ["-q", "-f"]
        subprocess.run([f"mkfs.{self.kind}", *quiet, str(self.image)], check=True)

    def mount(self) -> None:
        """Mount it; nothing is ever written where it is not."""
        run = ["mount", "-o", "loop", "-t", self.kind, str(self.image), str(self.place)]
        subprocess.run(run, check=True)
        assert os.path.ismount(self.place)
        assert self.place.stat().st_dev != self.folder.stat().st_dev

    def cut(self) -> None:
        """The power is gone: what is in memory never reaches the disk."""
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, WITHOUT_FLUSH)
        finally:
            os.close(fd)

    def unmount(self) -> None:
        """Unmount, as soon as nobody is in it."""
        for _ in range(200):
            if (
                subprocess.run(["umount", str(self.place)], stderr=subprocess.DEVNULL).returncode
                == 0
            ):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self.place} is still in use")


PUBLISHER = r"""
import os, subprocess, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
command = sys.argv[2:]
while True:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode == 0:
        os.write(out, done.stdout.split()[0] + b"\n")
"""

SYNCER = r"""
import os, sys, time
while True:
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, b"x")
    os.fsync(fd)
    os.close(fd)
    time.sleep(0.003)
"""


class Round:
    """One life of a machine: work, cut, repair, count."""

    def __init__(self, disk: Disk, folder: Path, preload: str | None) -> None:
        self.disk = disk
        self.program = Program(folder, disk.place / "spool")
        self.acknowledgements = folder / "acknowledged"
        self.program.env["TICKS"] = "1"
        self.acknowledged: list[str] = []
        self.crowd: list[subprocess.Popen[bytes]] = []
        self.preload = preload

    def _start(self, command: list[str]) -> None:
        env = self.program.env | ({"LD_PRELOAD": self.preload} if self.preload else {})
        self.crowd.append(
            subprocess.Popen(
                command,
                env=env,
                cwd=self.program.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def work(self, seconds: float) -> None:
        """Publish and run for so long, then cut the power."""
        python = [sys.executable, "-c"]
        publish = self.program.argv("publish", "takes.a.while", "7")
        for _ in range(PUBLISHERS):
            self._start([*python, PUBLISHER, str(self.acknowledgements), *publish])
        for _ in range(RUNNERS):
            self._start(self.program.argv("run", "--watch", "--jobs", "1"))
        syncer = [*python, SYNCER, str(self.disk.place / "synced")]
        self.crowd.append(
            subprocess.Popen(syncer, stderr=subprocess.DEVNULL, start_new_session=True)
        )
        time.sleep(seconds)
        # What is acknowledged later proves nothing: xfs reports success for the fsync of a
        # folder after its shutdown, and a machine without power acknowledges nothing.
        told = self.acknowledgements
        self.acknowledged = told.read_bytes().decode().split("\n")[:-1] if told.exists() else []
        self.disk.cut()
        for process in self.crowd:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self.crowd:
            process.wait()
        self._end_strays()

    def _end_strays(self) -> None:
        """Commands and workers in groups of their own; in this pid namespace nobody else lives."""
        for entry in os.listdir("/proc"):
            if entry.isdigit() and entry != "1":
                try:
                    os.kill(int(entry), signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue

    def count(self, result: Cuts) -> None:
        """After the cut: everything acknowledged is there, and runs to its end."""
        acknowledged = dict.fromkeys(self.acknowledged)
        result.acknowledged += len(acknowledged)
        if not self.program.spool.exists():
            result.lost += [f"{id_}: there is no spool" for id_ in acknowledged]
            return
        before = tree.snapshot(self.program.spool)
        wrong = tree.misplaced(before.files, acknowledged, known=before.entries())
        result.lost += wrong
        result.in_flight += len(
            [path for path in before.left_in("running") if path.endswith(".json")]
        )
        if wrong and self.preload:
            return
        last = self._finish()
        if last.status != 0 or "Traceback" in last.err:
            result.strange.append(f"{last.status}: {last.err[-500:]}")
        states = tree.snapshot(self.program.spool).states()
        result.stuck += [f"{i}: {states.get(i)}" for i in acknowledged if states.get(i) != ["done"]]
        runs: dict[str, int] = {}
        for trace in self.program.traces():
            if trace.word == "start":
                runs[trace.id] = runs.get(trace.id, 0) + 1
        result.unexecuted += [id_ for id_ in acknowledged if id_ not in runs]
        result.repeated += sum(number - 1 for number in runs.values())

    def _finish(self) -> Result:
        for _ in range(3):
            last = self.program.run("run", "--jobs", "1", timeout=120)
        return last


def main(kind: str, folder: str, cuts: str, seed: str, preload: str) -> None:
    """Run a series; inside the mount namespace."""
    assert os.getpid() == 1, "a pid namespace of its own: all that lives in it is killed"
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    base, chance = Path(folder), random.Random(int(seed))
    result = Cuts(kind)
    disk = Disk(kind, base)
    for number in range(int(cuts)):
        disk.make()
        disk.mount()
        one = Round(disk, base / f"round-{number}", preload or None)
        one.work(chance.uniform(0.3, 1.2))
        disk.unmount()
        disk.mount()
        try:
            one.count(result)
        finally:
            disk.unmount()
        result.cuts += 1
        shutil.rmtree(one.program.folder)
    (base / "result.json").write_text(json.dumps(asdict(result)))


if __name__ == "__main__":
    main(*sys.argv[1:])
