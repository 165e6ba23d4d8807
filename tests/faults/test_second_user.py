"""What another user of the machine can do to a spool: nothing; and what is tried is reported."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ampt_cli import place
from ampt_cli.errors import Denied
from tests.faults import tree
from tests.faults.program import Program

NOBODY = 65534
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def shared(folder: Path) -> Path:
    """A folder that everybody may enter: only the spool's own modes protect it."""
    folder.chmod(0o755)
    return folder


@pytest.fixture
def spool(shared: Path) -> Iterator[Program]:
    """A spool with one event, for the owner."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("SKIPPED HARNESS: becoming another user needs root and setpriv")
    before = os.umask(0o022)
    try:
        made = Program(shared / "work")
        made.folder.chmod(0o755)
        made.publish("works", '"secret"', "--id", "private")
        yield made
    finally:
        os.umask(before)


def as_nobody(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a line of shell as another user."""
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    command = ["setpriv", *ids, "sh", "-c", script, "sh", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd="/")


def entry(spool: Program) -> Path:
    """The one entry that waits."""
    [found] = spool.spool.glob("pending/*/*/*.json")
    return found


@pytest.mark.rule(1)
@pytest.mark.root
@pytest.mark.parametrize(
    "script",
    ['cat "$2"', 'ls "$1/pending"', 'echo >"$1/pending/planted"', 'rm -f "$2"', 'mv "$1/tmp" "$1/x"',
     'echo >"$1/wake"', 'ln -s /etc/passwd "$1/tmp/x"', ': >>"$1/ids/lock"', 'mkdir "$1/running/x"'],
)  # fmt: skip
def test_another_user_can_neither_read_nor_write_a_spool(spool, script):
    """Modes 0700 and 0600, whatever the umask."""
    assert as_nobody("id -u").stdout == f"{NOBODY}\n"
    before = tree.snapshot(spool.spool)

    assert as_nobody(script, spool.spool, entry(spool)).returncode != 0
    assert before == tree.snapshot(spool.spool)


@pytest.mark.rule(2)
@pytest.mark.rule(4)
@pytest.mark.root
@pytest.mark.parametrize(("owner", "mode"), [(NOBODY, 0o700), (0, 0o777), (0, 0o770), (0, 0o702)])
def test_a_spool_that_others_own_or_may_write_is_refused(spool, owner, mode):
    """Publish and run say 77, name the folder, and touch nothing."""
    os.chown(spool.spool, owner, -1)
    spool.spool.chmod(mode)
    for command in (("publish", "works"), ("run",)):
        result = spool.run(*command)

        assert result.status == 77, result
        assert str(spool.spool) in result.err
    assert spool.traces() == []


OWNER, MEMBER = 1001, 1002


@pytest.mark.rule(2)
@pytest.mark.rule(4)
@pytest.mark.root
@pytest.mark.parametrize(
    ("me", "owner", "mode", "group", "refused"),
    [
        (OWNER, OWNER, 0o700, False, ""),
        (OWNER, OWNER, 0o720, False, "others may write"),
        (OWNER, OWNER, 0o2772, True, "others may write"),
        (MEMBER, OWNER, 0o755, False, "belongs to uid"),
        (MEMBER, 0, 0o755, False, ""),
        (MEMBER, OWNER, 0o2770, True, ""),
        (0, OWNER, 0o2770, True, "belongs to uid"),
    ],
)
def test_whose_spool_is_used_by_whom(me, owner, mode, group, refused, shared, monkeypatch):
    """Its owner's, root's, or that of a group: but never another's by root."""
    if os.geteuid() != 0:
        pytest.skip("SKIPPED HARNESS: giving a folder to another user needs root")
    spool = shared / "theirs" / "spool"
    spool.mkdir(parents=True)
    for path in (spool.parent, spool):
        os.chown(path, owner, -1)
    spool.chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: me)
    fd = os.open(spool, os.O_RDONLY)
    try:
        with pytest.raises(Denied, match=refused) if refused else contextlib.nullcontext():
            place._check_owner(fd, str(spool), group)
    finally:
        os.close(fd)


@pytest.mark.rule(3)
@pytest.mark.row(20)
@pytest.mark.root
@pytest.mark.parametrize(("owner", "mode"), [(NOBODY, 0o600), (0, 0o666), (0, 0o620)])
def test_an_entry_that_another_user_could_have_written_is_not_run(spool, owner, mode):
    """It is reported, and the events beside it are handled."""
    spool.publish("works", "--id", "good")
    [planted] = spool.spool.glob("pending/*/*/*.private.*")
    os.chown(planted, owner, -1)
    planted.chmod(mode)
    result = spool.run("run")

    assert [trace.id for trace in spool.traces()] == ["good", "good"]
    assert "private" in result.err


@pytest.mark.rule(3)
@pytest.mark.root
@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder", "socket"])
def test_what_is_no_regular_file_is_never_opened_as_an_event(spool, kind):
    """A link is not followed and a FIFO does not hang; the events beside it are handled."""
    spool.publish("works", "--id", "good")
    [place] = spool.spool.glob("pending/*/*/*.private.*")
    target = spool.folder / "target"
    place.rename(target)
    made = {
        "symlink": lambda: place.symlink_to(target),
        "fifo": lambda: os.mkfifo(place, 0o600),
        "folder": lambda: place.mkdir(0o700),
        "socket": lambda: os.mknod(place, 0o140600),
    }
    made[kind]()  # type: ignore[no-untyped-call]
    before = target.read_bytes()
    began = time.monotonic()
    result = spool.run("run", timeout=20)

    assert time.monotonic() - began < 10
    assert [trace.id for trace in spool.traces()] == ["good", "good"]
    assert "private" in result.err
    assert before == target.read_bytes()


@pytest.mark.rule(2)
@pytest.mark.root
def test_a_spool_path_that_is_a_link_is_refused(spool):
    """Whoever may write beside the spool cannot lead publishers elsewhere."""
    elsewhere = spool.folder / "elsewhere"
    spool.spool.rename(elsewhere)
    spool.spool.symlink_to(elsewhere)
    before = tree.snapshot(elsewhere)
    for command in (("publish", "works"), ("run",)):
        result = spool.run(*command)

        assert result.status == 3, result
        assert f"{spool.spool} is a symbolic link, " in result.err
        assert result.err.endswith(f": {elsewhere}\n")
    assert before == tree.snapshot(elsewhere)


@pytest.mark.rule(2)
@pytest.mark.row(44)
@pytest.mark.root
def test_a_runner_keeps_to_the_spool_it_opened_when_the_path_is_swapped(spool):
    """Another spool put in its place meanwhile is not touched by it."""
    other = Program(spool.folder / "other")
    other.publish("works", "--id", "bait")
    process = spool.start("run", "--watch")
    try:
        limit = time.monotonic() + 20
        while not spool.traces() and time.monotonic() < limit:
            time.sleep(0.01)
        spool.spool.rename(spool.folder / "moved")
        other.spool.rename(spool.spool)
        process.wait(timeout=20)
    finally:
        process.kill()
        process.communicate()

    assert [trace.id for trace in spool.traces()] == ["private", "private"]
    assert tree.snapshot(spool.spool).states() == {"bait": ["pending"]}
    assert process.returncode == 3


@pytest.mark.rule(5)
@pytest.mark.root
def test_modules_in_the_working_folder_are_never_imported(spool):
    """Neither ours nor the standard library's, by publish nor by run."""
    trap = spool.folder / "trap"
    trap.mkdir()
    for name in ("json", "ampt_cli", "handlers", "works", "filelock", "random", "traceback"):
        (trap / f"{name}.py").write_text(f"open({str(spool.folder / 'sprung')!r}, 'w')\n")
    for command in (("publish", "works"), ("run",), ("run", "--watch", "--max", "1")):
        if "--watch" in command:
            spool.publish("works")
        done = subprocess.run(
            spool.argv(*command), cwd=trap, env=spool.env, capture_output=True, timeout=30
        )

        assert done.returncode == 0, done
    assert not (spool.folder / "sprung").exists()
    assert spool.traces()


@pytest.mark.rule(4)
@pytest.mark.root
@pytest.mark.parametrize(("owner", "mode"), [(NOBODY, 0o644), (0, 0o666)])
def test_root_never_imports_handlers_that_others_may_write(spool, owner, mode):
    """Whoever can write them would be root."""
    os.chown(spool.handlers, owner, -1)
    spool.handlers.chmod(mode)
    result = spool.run("run")

    assert result.status in {77, 78}, result
    assert str(spool.handlers) in result.err
    assert tree.snapshot(spool.spool).states()["private"] == ["pending"]
    assert spool.traces() == []


@pytest.mark.rule(2)
@pytest.mark.root
@pytest.mark.parametrize(("owner", "mode"), [(NOBODY, 0o755), (0, 0o777)])
@pytest.mark.parametrize("way", ["above", "linked"])
def test_a_spool_in_whose_place_others_could_put_another_is_refused(spool, owner, mode, way):
    """Whoever owns a folder above it, or may write there: by its path, or where that leads."""
    above, inner, link = spool.folder, spool.folder / "inner", spool.folder.parent / "link"
    inner.mkdir()
    link.symlink_to(inner)
    spool.spool = spool.spool.rename(inner / "spool")
    os.chown(above, owner, -1)
    above.chmod(mode)
    told = spool.spool if way == "above" else link / "spool"
    for command in ("publish", "works"), ("run", "--dry-run"), ("inspect",):
        argv = [*spool.command, command[0], "--spool", str(told), *command[1:]]
        done = subprocess.run(argv, env=spool.env, capture_output=True, text=True)

        assert done.returncode == 77, done
        assert f"{above} " in done.stderr
    assert len(tree.snapshot(spool.spool).states()) == 1


@pytest.mark.rule(5)
@pytest.mark.root
@pytest.mark.parametrize(("owner", "mode"), [(NOBODY, 0o755), (0, 0o1777), (0, 0o775)])
@pytest.mark.parametrize("depth", [0, 1])
def test_root_never_imports_from_a_folder_that_others_may_write(spool, owner, mode, depth):
    """A module planted beside the handlers would be imported as well."""
    folder = spool.folder / "theirs" / "mine"
    folder.mkdir(parents=True)
    handlers = folder / "handlers.py"
    handlers.write_text("import planted\n")
    (folder / "planted.py").write_text(f"open({str(spool.folder / 'sprung')!r}, 'w')\n")
    where = (folder, folder.parent)[depth]
    os.chown(where, owner, -1)
    where.chmod(mode if depth == 0 else mode & ~0o1000 | 0o002)
    spool.handlers = handlers
    result = spool.run("run")

    assert result.status in {77, 78}, result
    assert str(where) in result.err
    assert not (spool.folder / "sprung").exists()
    assert tree.snapshot(spool.spool).states()["private"] == ["pending"]


@pytest.mark.rule(5)
@pytest.mark.root
def test_a_configuration_that_another_user_wrote_is_refused(spool):
    """A folder is never a trap: 77, and nothing of it is used."""
    trap = spool.folder / "trap"
    trap.mkdir()
    elsewhere = spool.folder / "elsewhere"
    (trap / "ampt.toml").write_text(f'spool = "{elsewhere}"\n')
    os.chown(trap / "ampt.toml", NOBODY, NOBODY)
    os.chown(trap, NOBODY, NOBODY)
    command = [*spool.command, "publish", "works"]
    done = subprocess.run(command, cwd=trap, env=spool.env, capture_output=True, text=True)

    assert done.returncode == 77, done
    assert not elsewhere.exists()


@pytest.mark.rule(5)
@pytest.mark.root
@pytest.mark.parametrize("first", ["ampt.toml", "handlers.py"])
def test_links_of_another_user_lead_to_no_code_of_theirs(spool, first):
    """To a configuration and handlers that may be believed; beside the links is a module of theirs."""
    trap, mine = spool.folder / "trap", spool.folder / "mine"
    for folder in (trap, mine):
        folder.mkdir()
    (mine / "ampt.toml").write_text('handlers = "handlers.py"\n')
    (mine / "handlers.py").write_text("import planted\n")
    (trap / "planted.py").write_text(f"open({str(spool.folder / 'sprung')!r}, 'w')\n")
    for name in {first, "handlers.py"}:
        (trap / name).symlink_to(mine / name)
        os.chown(trap / name, NOBODY, NOBODY, follow_symlinks=False)
    os.chown(trap, NOBODY, NOBODY)
    named = ["-m", "handlers.py"] if first == "handlers.py" else []
    env = {name: value for name, value in spool.env.items() if name != "AMPT_HANDLERS"}
    command = [*spool.command, "run", "--spool", str(spool.spool), *named]
    done = subprocess.run(command, cwd=trap, env=env, capture_output=True, text=True)

    assert done.returncode == 77, done
    assert f"{trap / first} is refused" in done.stderr
    assert not (spool.folder / "sprung").exists()


@pytest.mark.rule(5)
@pytest.mark.root
def test_a_link_of_our_own_leads_to_no_code_beside_it(spool):
    """What handlers import is looked for beside the link, in a folder of another user."""
    theirs = spool.folder / "theirs"
    theirs.mkdir()
    (theirs / "planted.py").write_text(f"open({str(spool.folder / 'sprung')!r}, 'w')\n")
    spool.handlers.write_text("import planted\n")
    (theirs / "handlers.py").symlink_to(spool.handlers)
    os.chown(theirs, NOBODY, NOBODY)
    spool.handlers = theirs / "handlers.py"
    result = spool.run("run")

    assert result.status == 77, result
    assert f"the folder of the handlers file {theirs} is refused" in result.err
    assert not (spool.folder / "sprung").exists()


@pytest.mark.rule(11)
def test_a_wake_up_pipe_that_is_full_holds_nobody_up(program):
    """Whoever keeps it open and fills it delays no publisher, and no runner for long."""
    program.publish("works")
    fd = os.open(program.spool / "wake", os.O_RDWR | os.O_NONBLOCK)
    try:
        with pytest.raises(BlockingIOError):
            while True:
                os.write(fd, bytes(4096))
        began = time.monotonic()
        program.publish("works")
        assert program.run("run").status == 0

        assert time.monotonic() - began < 10
    finally:
        os.close(fd)


EVIL = "\x1b]0;title\x07 \x1b[2J \r over \u202e evil \u2066 \u2028 \x9b31m"
NOISY = f"""
from ampt_cli import events

@events.on("\\u202eevil \\u2066name")
def noisy(event):
    print({EVIL!r})
    raise ValueError({EVIL!r})
"""


@pytest.mark.rule(8)
def test_control_and_bidi_characters_never_reach_a_terminal_raw(program):
    """From names, bodies, exceptions and output, by the commands that show them."""
    program.handlers.write_text(NOISY)
    name = "\u202eevil \u2066name"
    assert program.run("publish", name, "--text", EVIL, "--id", "evil").status == 0
    shown = [program.run("publish", "\x1b[2J"), program.run("publish", name, "{\x1b[2J")]
    shown += [program.run("run", "--dry-run"), program.run("run"), program.run("inspect")]
    shown += [
        program.run("inspect", "evil"),
        program.run("check"),
        program.run("publish", "\u202e" * 99),
    ]
    assert "ValueError" in shown[3].err
    for result in shown:
        assert not RAW.search(result.out + result.err), result
