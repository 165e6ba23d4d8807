"""What a worker is given, what code may not do, and what a unit says: the rules on other users."""

import ast
import json
import os
from pathlib import Path

import pytest

from ampt_cli import units
from tests.ops.test_units import PLAIN

SOURCES = sorted((Path(__file__).parents[2] / "ampt_cli").rglob("*.py"))
NEVER_IMPORTED = {"pickle", "marshal", "shelve", "yaml", "dill", "cloudpickle", "multiprocessing"}
NEVER_CALLED = {"eval", "exec", "compile", "__import__"}
HARDENED = """
    User=www NoNewPrivileges=yes ProtectSystem=strict ReadWritePaths=/var/lib/ampt PrivateTmp=yes
    ProtectHome=read-only PrivateDevices=yes RestrictSUIDSGID=yes CapabilityBoundingSet= UMask=0077
    KillMode=mixed TimeoutStopSec=70 OOMPolicy=continue Restart=on-failure
"""


@pytest.mark.rule(6)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_data_is_never_code(source: Path) -> None:
    """No module that makes objects out of data, and no eval, anywhere."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not NEVER_IMPORTED & {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in NEVER_IMPORTED
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in NEVER_CALLED


@pytest.mark.rule(9)
def test_a_worker_has_nothing_that_it_does_not_need(
    run_ampt, write_handlers, spool_dir: Path, tmp_path: Path
) -> None:
    """Neither the runner's stdin, session, descriptors nor umask; its folder and environment."""
    handlers = write_handlers(
        """
import json, os, stat
@events.on("n")
def n(event):
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try: fds[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError: pass
    open("told.json", "w").write(json.dumps({
        "fds": fds, "pid": os.getpid(), "session": os.getsid(0), "group": os.getpgid(0),
        "parent": os.getsid(os.getppid()), "mode": stat.S_IMODE(os.stat("told.json").st_mode),
        "inherited": [fd for fd in fds if int(fd) > 2 and os.path.exists(f"/proc/self/fd/{fd}")
                      and os.get_inheritable(int(fd))],
        "given": os.environ.get("GIVEN"),
    }))
"""
    )
    run_ampt("publish", "n")
    before = os.umask(0)
    try:
        ran = run_ampt("run", "-m", handlers, env={"GIVEN": "x"}, stdin="for nobody")
    finally:
        os.umask(before)
    told = json.loads((tmp_path / "cwd" / "told.json").read_text(encoding="utf-8"))

    assert ran.status == 0
    assert told["fds"]["0"] == os.devnull
    assert told["session"] == told["group"] == told["pid"] != told["parent"]
    assert told["mode"] == 0o600
    assert told["given"] == "x"
    of_spool = [path.rpartition("/")[2] for path in told["fds"].values() if str(spool_dir) in path]
    claim, folder, lock = sorted(of_spool)
    assert claim.endswith(".a1.n.json"), "the event that it runs, and no other"
    assert "Z-" in folder, "the runner's folder"
    assert lock == "workers", "the worker's own"
    assert told["inherited"] == []


@pytest.mark.rule(12)
def test_a_unit_says_what_hardens_it() -> None:
    """And its limit for stopping is more than the longest timeout of a handler."""
    plain = PLAIN._replace(user="www", spool="/var/lib/ampt")
    for made in (units.watching(plain), units.oneshot(plain)):
        lines = made["ampt.service"].splitlines()
        wanted = HARDENED.split()
        if "Type=oneshot" in lines:
            wanted.remove("Restart=on-failure")  # its timer starts it again
        assert [line for line in wanted if line not in lines] == []
