"""A throw-away place for the benchmarks: an environment, spools, and nothing of the user's."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.measure import Failed, Sample, run

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
PEERS = ("huey", "dirq", "litequeue", "persist-queue")
IN_MEMORY = ("tmpfs", "ramfs", "overlay")
MADE = 2_000  # files, to see what one costs
CALM = 100e-6  # s for one: some 20 us on a calm disk, several hundred on one that is not
FORGOTTEN = 330  # s
ROOM, FILES = 16 << 30, 4_000_000  # bytes and inodes: what is left for all that comes yet


class Place:
    """Where everything happens; removed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ampt-bench-", dir=folder))
        self.bin = self.folder / "env" / "bin"
        self.home = self.folder / "home"
        self.home.mkdir()
        self.missing: list[str] = []
        self._number = 0
        # As a login shell has it, and nothing of this process' own.
        self.env = {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
        }

    def build(self) -> None:
        """Make the environment: ampt from a wheel of this checkout, and the peers."""
        base = os.path.realpath(sys.executable)
        quietly(base, "-m", "venv", "--without-pip", str(self.bin.parent))
        pip = (sys.executable, "-m", "pip", "--no-cache-dir", "--disable-pip-version-check", "-q")
        wheels = self.folder / "wheels"
        quietly(*pip, "wheel", "--no-deps", "-w", str(wheels), str(ROOT))
        into = (*pip, "--python", str(self.bin / "python"), "install")
        quietly(*into, *map(str, wheels.glob("*.whl")))
        try:
            quietly(*into, *PEERS)
        except Failed:  # then as many as can be had
            self.missing = [peer for peer in PEERS if not _done(*into, peer)]
        for name in os.listdir(PROGRAMS):
            if name.endswith(".py"):
                shutil.copy(PROGRAMS / name, self.folder / name)
        quietly(str(self.bin / "python"), "-m", "compileall", "-q", str(self.folder), "-x", "env")

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def has(self, peer: str) -> bool:
        """Whether the peer could be installed."""
        return peer not in self.missing

    @property
    def python(self) -> str:
        """The interpreter of the environment."""
        return str(self.bin / "python")

    @property
    def ampt(self) -> str:
        """The installed command."""
        return str(self.bin / "ampt")

    @property
    def handlers(self) -> str:
        """The file with the handlers."""
        return self.program("handlers")

    def program(self, name: str) -> str:
        """A program's copy in this place."""
        return str(self.folder / f"{name}.py")

    def huey(self, file: Path, *words: str, **more: str) -> Sample:
        """Run the program that fills huey's queue."""
        env = {**self.env, "HUEY_FILE": str(file), "PYTHONPATH": str(self.folder), **more}
        return run([self.python, "-c", "import huey_app; huey_app.main()", *words], env)

    def fresh(self, name: str) -> Path:
        """A path that nothing is at."""
        self._number += 1
        return self.folder / f"{name}-{self._number}"

    def fresh_log(self) -> Path:
        """A folder for what handlers write down."""
        log = self.fresh("log")
        log.mkdir()
        return log

    def with_spool(self, spool: Path, **more: str) -> dict[str, str]:
        """The environment of a command that uses `spool`."""
        return {**self.env, "AMPT_SPOOL": str(spool), **more}

    def bare(self) -> Sample:
        """The measure of all start-ups: an interpreter that does nothing."""
        return run([self.python, "-I", "-c", "pass"], self.env)

    def slow_sync(self) -> dict[str, str]:
        """What makes a sync take 2 ms longer; empty where there is no compiler."""
        library = self.folder / "slow_sync.so"
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            return {}
        if not library.exists():
            source = str(PROGRAMS / "slow_sync.c")
            quietly(compiler, "-O2", "-shared", "-fPIC", "-o", str(library), source, "-ldl")
        return {"LD_PRELOAD": str(library), "SLOW_SYNC_US": "2000"}

    def processes(
        self, *commands: list[str], env: Mapping[str, str]
    ) -> list[subprocess.Popen[str]]:
        """Start all of them, at once."""
        return [
            subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for command in commands
        ]


def quietly(*argv: str) -> None:
    """Run a command that has nothing to do with what is measured. Raises Failed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}{done.stderr}")


def _done(*argv: str) -> bool:
    try:
        quietly(*argv)
    except Failed:
        return False
    return True


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Be in `folder` for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def at_rest() -> None:
    """Wait until the disk has all that preparing wrote: who comes next does not pay for it."""
    os.sync()


def discard(path: Path) -> None:
    """Remove what one round left, outside of what is timed: at the end, where there is room.

    For five minutes after a file is removed, ext4 would rather give its inode to nobody, and
    looks at all such inodes of a group for each file that is made: up to 20 times as slow.
    """
    disk = os.statvfs(path.parent)
    if disk.f_bavail * disk.f_frsize > ROOM and disk.f_favail > FILES:
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        for part in path.parent.glob(path.name + "*"):
            part.unlink()


def noted(log: Path) -> list[tuple[str, int]]:
    """What handlers wrote down: which event began, and when (ns since 1970)."""
    lines = (line for part in log.iterdir() for line in part.read_text("ascii").splitlines())
    return [(id_, int(when)) for id_, when in map(str.split, lines)]


def file_system(folder: Path) -> str:
    """The type of file system that `folder` is on."""
    best, kind = "", "unknown"
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return kind
    for line in lines:
        mounted, found = line.split(" ")[1:3]
        inside = str(folder).startswith(mounted.rstrip("/") + "/")
        if inside and len(mounted) >= len(best):
            best, kind = mounted, found
    return kind


def sync_cost(folder: Path) -> list[float]:
    """Seconds that writing and syncing a small file takes here."""
    taken = []
    for number in range(50):
        path = folder / f"sync-{number}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, b"x" * 200)
        begun = time.perf_counter()
        os.fsync(fd)
        taken.append(time.perf_counter() - begun)
        os.close(fd)
        path.unlink()
    return taken


def creation_cost(folder: Path) -> float:
    """Seconds that making an empty file takes here; the files stay, see `discard`."""
    made = Path(tempfile.mkdtemp(dir=folder))
    begun = time.perf_counter()
    for number in range(MADE):
        (made / str(number)).touch(exist_ok=False)
    return (time.perf_counter() - begun) / MADE


def wait_for_calm(folder: Path) -> float:
    """Until files that others have removed are forgotten, see `discard`; the cost of making one."""
    cost = creation_cost(folder)
    if cost <= CALM:
        return cost
    told = f"a file takes {cost * 1e6:.0f} us to make: waiting for {FORGOTTEN} s"
    print(told, file=sys.stderr, flush=True)
    time.sleep(FORGOTTEN)  # and no less: other places of the disk may be worse
    return creation_cost(folder)


def machine(place: Place) -> dict[str, str]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "--python", place.python, "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": file_system(place.folder),
        "python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "packages": ", ".join(name.replace("==", " ") for name in listed),
    }
