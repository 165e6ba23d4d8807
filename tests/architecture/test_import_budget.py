"""What the hot paths may load.

A publish is as fast as what it does not import. Times differ from machine to
machine; the set of loaded modules does not, so it is what is tested.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SCRIPT

THIRD_PARTY = {"typer", "click", "rich", "filelock", "dateutil", "pydantic"}

# Each costs a millisecond or more, or brings something that does.
SLOW = {
    "argparse",
    "ast",
    "asyncio",
    "concurrent",
    "contextlib",
    "dataclasses",
    "email",
    "enum",
    "functools",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "multiprocessing",
    "pathlib",
    "random",
    "re",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "tomllib",
    "traceback",
    "typing",
    "urllib",
    "uuid",
}

# Run the installed script as its #! line would, then write what got loaded. The
# report is written by an atexit hook or, where the script leaves by os._exit, by
# the patched os._exit.
SPY = """
import os, sys
before = set(sys.modules)
def report():
    with open({report!r}, "w") as file:
        file.write("\\n".join(sorted(set(sys.modules) - before)))
leave = os._exit
def reporting_exit(status):
    sys.stdout.flush(); sys.stderr.flush(); report(); leave(status)
os._exit = reporting_exit
fork = os.fork
def reporting_fork():
    with open({report!r} + ".forks", "a") as file:
        file.write("fork\\n")
    return fork()
os.fork = reporting_fork
sys.argv = {argv!r}
code = compile(open(sys.argv[0]).read(), sys.argv[0], "exec")
try:
    exec(code, {{"__name__": "__main__"}})
finally:
    report()
"""


def loaded_by(*args: str | Path, env: dict[str, str], folder: Path) -> tuple[set[str], int]:
    """The modules that `ampt args...` loads beyond a bare interpreter, and how often it forks.

    `-S` and `-I` are not used: what the user's installation makes of the start is
    part of it, but for coverage, which is the tester's.
    """
    report = folder / "loaded"
    argv = [str(SCRIPT), *map(str, args)]
    quiet = {name: value for name, value in env.items() if not name.startswith("COVERAGE_")}
    ended = subprocess.run(
        [sys.executable, "-c", SPY.format(report=str(report), argv=argv)],
        env=quiet,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    modules = set(report.read_text(encoding="utf-8").split())
    assert "ampt_cli.entry" in modules, "the spy saw nothing"
    forks = folder / "loaded.forks"
    return modules, len(forks.read_text(encoding="utf-8").split()) if forks.exists() else 0


def with_parents(modules: set[str]) -> set[str]:
    """`a.b.c` is also `a` and `a.b`."""
    return modules | {name[:i] for name in modules for i, sign in enumerate(name) if sign == "."}


@pytest.mark.parametrize(
    "args",
    [
        ["user.joined"],
        ["user.joined", '{"user_id": 7}', "--after", "1 day"],
        ["user.joined", "--after", "2 weeks", "--json"],
        ["user.joined", "-f", "user_id:=7", "-f", "name=Ada"],
        ["user.joined", "[1, 2.5, null]", "--id", "order-7"],
    ],
    ids=["bare", "after", "json", "fields", "id"],
)
def test_publish_loads_nothing_slow(
    args: list[str], clean_env: dict[str, str], tmp_path: Path, spool_dir: Path
) -> None:
    """Publishing starts as fast as a small Unix tool: no parser, no framework, no re."""
    loaded_by("publish", "first", env=clean_env, folder=tmp_path)  # makes the spool

    modules, _ = loaded_by("publish", *args, env=clean_env, folder=tmp_path)

    assert with_parents(modules) & (THIRD_PARTY | SLOW) == set()
    assert sum(len(names) for *_, names in os.walk(spool_dir / "pending")) >= 2


def test_a_plain_configuration_is_read_without_tomllib(
    clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Importing tomllib takes longer than all the rest of a publish."""
    (tmp_path / "ampt.toml").write_text('spool = "here"\njobs = 2\n', encoding="utf-8")
    (tmp_path / "ampt.toml").chmod(0o600)
    env = {name: value for name, value in clean_env.items() if name != "AMPT_SPOOL"}

    modules, _ = loaded_by("publish", "user.joined", env=env, folder=tmp_path)

    assert "ampt_cli.configuration" in modules
    assert with_parents(modules) & (THIRD_PARTY | SLOW) == set()
    assert (tmp_path / "here" / "FORMAT").exists()


def test_a_tab_loads_nothing_slow(clean_env: dict[str, str], tmp_path: Path) -> None:
    """Completing a word must be done before a finger leaves the key."""
    loaded_by("publish", "user.joined", env=clean_env, folder=tmp_path)

    modules, _ = loaded_by("--complete", "ids", "inspect", "", env=clean_env, folder=tmp_path)

    assert "ampt_cli.commands.complete" in modules
    assert with_parents(modules) & (THIRD_PARTY | SLOW) == set()


@pytest.mark.parametrize(
    "args", [[], ["--state", "pending"], ["--json"], ["--config"], ["order-7"]], ids=" ".join
)
def test_inspect_loads_no_framework(
    args: list[str], clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Scripts ask it about one event after another; typer would take three times all the rest."""
    loaded_by("publish", "user.joined", "--id", "order-7", env=clean_env, folder=tmp_path)

    modules, _ = loaded_by("inspect", *args, env=clean_env, folder=tmp_path)

    assert "ampt_cli.commands.inspect" in modules
    assert with_parents(modules) & THIRD_PARTY == set()


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_loads_nothing_slow(
    flag: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Scripts ask for it, too. No metadata is read, and no module of ours that is not needed."""
    modules, _ = loaded_by(flag, env=clean_env, folder=tmp_path)

    assert with_parents(modules) & (THIRD_PARTY | SLOW) == set()
    assert {name for name in modules if name.startswith("ampt_cli.")} == {
        "ampt_cli.entry",
        "ampt_cli._version",
    }


def test_publish_forks_nothing(clean_env: dict[str, str], tmp_path: Path) -> None:
    """One process, from start to end."""
    _, forks = loaded_by("publish", "user.joined", env=clean_env, folder=tmp_path)

    assert forks == 0


def test_an_idle_run_loads_no_framework_and_forks_nothing(
    clean_env: dict[str, str], tmp_path: Path
) -> None:
    """A crontab runs it every minute, mostly for nothing: it must cost next to nothing."""
    loaded_by("publish", "later", "--after", "1 day", env=clean_env, folder=tmp_path)
    handlers = tmp_path / "handlers.py"
    handlers.write_text("raise SystemExit('nobody may import this')\n", encoding="utf-8")

    modules, forks = loaded_by("run", "--handlers", handlers, env=clean_env, folder=tmp_path)

    assert with_parents(modules) & (THIRD_PARTY | SLOW) == set()
    assert "ampt_cli.due" not in modules  # nobody said when
    assert forks == 0


@pytest.mark.skipif(sys.platform != "linux", reason="filelock takes the lock elsewhere")
def test_a_run_with_something_to_do_loads_no_framework(
    clean_env: dict[str, str], tmp_path: Path
) -> None:
    """One event a minute is what most crontabs bring: it must not wait for what it does not use."""
    loaded_by("publish", "user.joined", env=clean_env, folder=tmp_path)
    handlers = tmp_path / "handlers.py"
    handlers.write_text(
        "from ampt_cli import events\nevents.on('user.joined', lambda event: None)\n", "utf-8"
    )

    modules, forks = loaded_by("run", "--handlers", handlers, env=clean_env, folder=tmp_path)

    needed = {"contextlib", "enum", "functools"}  # of `signal`, and of what imports the handlers
    if sys.version_info[:2] == (3, 14):
        needed.add("threading")  # of `ctypes`, by way of sysconfig
    assert with_parents(modules) & (THIRD_PARTY | SLOW) <= needed
    assert forks == 1


def test_the_spy_sees_imports_and_forks(clean_env: dict[str, str], tmp_path: Path) -> None:
    """A run with due work forks a worker: if this sees none, the tests above prove nothing."""
    loaded_by("publish", "user.joined", env=clean_env, folder=tmp_path)
    handlers = tmp_path / "handlers.py"
    code = "from ampt_cli import events\nevents.on('n', lambda event: 0)\n"
    handlers.write_text(code, encoding="utf-8")

    modules, forks = loaded_by("run", "--handlers", handlers, env=clean_env, folder=tmp_path)

    assert modules & {"ampt_cli.runner", "ampt_cli.supervisor"}
    assert forks >= 1


def test_the_loaded_modules_are_listed_with_their_parents() -> None:
    """`rich.console` counts as `rich`."""
    assert with_parents({"rich.console", "os"}) == {"rich", "rich.console", "os"}
