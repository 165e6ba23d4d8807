"""`ampt init`: what it makes can be used as it is."""

import grp
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from ampt_cli import configuration, origins, settings
from ampt_cli.commands.init import config
from tests.conftest import SCRIPT

GROUP = 65534  # Debian's nogroup


def test_a_new_folder_runs_its_first_event(run_ampt, spool_dir: Path, tmp_path: Path) -> None:
    """Two files and a spool; a second time nothing is overwritten."""
    here = tmp_path / "project"
    here.mkdir()
    assert run_ampt("init", cwd=here).status == 0
    assert tomllib.loads((here / "ampt.toml").read_text("utf-8")) == {"handlers": "handlers.py"}
    (here / "handlers.py").write_text(
        (here / "handlers.py").read_text("utf-8") + "\n# mine\n", "utf-8"
    )
    run_ampt("publish", "user.joined", '{"user_id": 7}', cwd=here)

    assert run_ampt("run", cwd=here).status == 0
    assert "welcome" in run_ampt("inspect", "--state", "done", "--json", cwd=here).out
    assert "left as it is" in run_ampt("init", cwd=here).out
    assert (here / "handlers.py").read_text(encoding="utf-8").endswith("# mine\n")


def test_the_example_of_a_configuration_says_every_setting_and_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the comment signs taken away it can be read, and changes nothing."""
    lines = [line.removeprefix("# ") for line in config().splitlines() if " = " in line]
    path = tmp_path / "ampt.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("AMPT_CONFIG", str(path))
    found, _ = settings.read()
    default = origins.defaults() | {
        "handlers": str(tmp_path / "handlers.py"),
        "memory": 2 << 30,
        "spool": found["spool"],
    }

    assert set(configuration.KEYS) == set(tomllib.loads("\n".join(lines)))
    assert default == found
    assert [key for key, *_ in origins.SETTINGS if f"\n{key} = " in config()] == ["handlers"]


def test_what_follows_uses_the_spool_that_was_named(run_ampt, tmp_path: Path) -> None:
    """With --spool alone, from then on no command of this folder needs it."""
    here, spool = tmp_path / "project", tmp_path / 'a "quoted" \x7f\u202e spool'
    here.mkdir()
    assert run_ampt("init", "--spool", spool, cwd=here, env={"AMPT_SPOOL": None}).status == 0
    assert run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None}).status == 0

    assert len(list(spool.glob("pending/*/*/*.n.json"))) == 1


def test_a_spool_that_no_file_can_name_is_refused(run_ampt, tmp_path: Path) -> None:
    """TOML is UTF-8. Nothing is left that would hold as settings."""
    made = run_ampt("init", "--spool", os.fsdecode(b"s\xff"), env={"AMPT_SPOOL": None})

    assert (made.status, made.out, made.err.count("\n")) == (2, "", 1)
    assert "what is not UTF-8 can stand in no ampt.toml" in made.err
    assert made.err.endswith("; set AMPT_SPOOL instead\n")
    assert list((tmp_path / "cwd").iterdir()) == []


def test_settings_in_a_project_are_not_hidden(run_ampt, tmp_path: Path) -> None:
    """An ampt.toml beside them would be. A project without any gets one."""
    here, other = tmp_path / "project", tmp_path / "other"
    here.mkdir()
    other.mkdir()
    (other / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    run_ampt("init", cwd=other)
    (here / "pyproject.toml").write_text('[tool.ampt]\nspool = "mine"\n', encoding="utf-8")
    made = run_ampt("init", cwd=here, env={"AMPT_SPOOL": None})

    assert made.status == 0
    assert "pyproject.toml has the settings, so no ampt.toml was made" in made.out
    assert sorted(path.name for path in here.iterdir()) == ["handlers.py", "mine", "pyproject.toml"]
    assert (other / "ampt.toml").exists()


def test_a_spool_that_later_commands_will_not_use_is_said_to_be_so(run_ampt, tmp_path) -> None:
    """Where an ampt.toml that names another was there before, or AMPT_SPOOL does."""
    here = tmp_path / "project"
    here.mkdir()
    (here / "ampt.toml").write_text('spool = "old"\n', encoding="utf-8")
    made = run_ampt("init", "--spool", "new", cwd=here, env={"AMPT_SPOOL": None})

    assert f"commands without --spool use another here: {here}/old" in made.out
    assert "use another" not in run_ampt("init", cwd=here).out


@pytest.mark.parametrize("group", ["no-such-group", "root"])
def test_a_group_that_shares_nothing_is_an_error(
    group: str, run_ampt, spool_dir: Path, tmp_path: Path
) -> None:
    """One that does not exist, or for a spool that is somebody's own already."""
    if group == "root":
        run_ampt("publish", "n")
    made = run_ampt("init", "--group", group)

    assert made.status == (1 if group == "root" else 2)
    assert made.err.count("\n") == 1
    assert group in made.err
    if group != "root":
        assert not spool_dir.exists()
        assert list((tmp_path / "cwd").iterdir()) == []


@pytest.mark.parametrize("mode", [0o555, 0o777])
def test_a_folder_that_is_not_fit_for_it_is_left_as_it_is(
    mode: int, run_ampt, spool_dir: Path, tmp_path: Path
) -> None:
    """One that may not be written, or in which anybody could exchange the files."""
    here = tmp_path / "project"
    here.mkdir()
    here.chmod(mode)
    made = run_ampt("init", cwd=here, powerless=True)
    here.chmod(0o700)

    assert (made.status, made.out, made.err.count("\n")) == (77, "", 1)
    assert str(here) in made.err
    assert list(here.iterdir()) == []
    assert not spool_dir.exists()


def test_files_that_find_no_room_are_not_left_half_written(
    clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Or they would be left as they are by the next init. Whatever the umask nobody else writes."""
    here = tmp_path / "project"
    here.mkdir()

    def init(limit: str) -> subprocess.CompletedProcess[str]:
        argv = ["sh", "-c", f'{limit}; exec "$0" init', str(SCRIPT)]
        return subprocess.run(argv, env=clean_env, cwd=here, capture_output=True, text=True)

    full = init("ulimit -f 0")
    left = [*here.iterdir()]
    made = init("umask 0")

    assert (full.returncode, full.stdout, left) == (75, "", [])
    assert full.stderr.startswith(f"ampt: cannot write ampt.toml in {here}: File too large (EFBIG)")
    assert (made.returncode, made.stderr) == (0, "")
    assert {path.stat().st_mode & 0o777 for path in here.iterdir()} == {0o644}


@pytest.mark.row(41)
def test_no_spool_is_begun_where_anybody_could_replace_it(run_ampt, tmp_path: Path) -> None:
    """It is refused before, not after, it is made."""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    done = run_ampt("publish", "n", "--spool", open_to_all / "deep" / "spool")

    assert done.status == 77
    assert f"chmod o-w {open_to_all}" in done.err
    assert list(open_to_all.iterdir()) == []


@pytest.mark.rule(2)
@pytest.mark.root
def test_no_spool_is_begun_in_a_folder_of_another_user(run_ampt, tmp_path: Path) -> None:
    """What is there stays as it is."""
    if os.geteuid() != 0:
        pytest.skip("giving a folder to another user needs root")
    theirs = tmp_path / "theirs"
    theirs.mkdir(0o755)
    os.chown(theirs, 65534, 65534)
    done = run_ampt("publish", "n", "--spool", theirs)

    assert done.status == 77
    assert f"{theirs} belongs to " in done.err
    assert (list(theirs.iterdir()), theirs.stat().st_mode & 0o777) == ([], 0o755)


@pytest.mark.rule(1)
@pytest.mark.root
def test_a_group_shares_a_spool(run_ampt, spool_dir: Path) -> None:
    """Modes 2770 and 0660, whatever the umask; every file of it is the group's."""
    if os.geteuid() != 0:
        pytest.skip("giving a spool to a group of others needs root")
    group = grp.getgrgid(GROUP)
    assert run_ampt("init", "--group", group.gr_name).status == 0
    assert run_ampt("init", "--group", group.gr_name).status == 0
    other = run_ampt("init", "--group", "daemon")
    for arguments in (["n"], ["n", "--id", "chosen"], ["n", "--after", "1 day"]):
        assert run_ampt("publish", *arguments).status == 0

    assert (other.status, other.out) == (1, "")
    assert f"the spool {spool_dir} exists, and daemon does not share it" in other.err
    for path in [spool_dir, *spool_dir.rglob("*")]:
        status = path.lstat()
        assert status.st_gid == group.gr_gid, path
        assert status.st_mode & 0o7777 == (0o2770 if path.is_dir() else 0o660), path
    assert run_ampt("check").status == 0


@pytest.mark.root
def test_members_of_the_group_publish_run_look_and_retry(
    clean_env, spool_dir: Path, tmp_path: Path
) -> None:
    """Whoever of them made a file, the others may use it; everybody else is refused."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("becoming other users needs root and setpriv")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    base = shared / "spool"
    handlers = shared / "handlers.py"
    handlers.write_text(
        "from ampt_cli import events\n@events.on('n')\ndef n(event): pass\n", "utf-8"
    )

    def ampt(user: int, group: int, *arguments: object) -> subprocess.CompletedProcess[str]:
        # They may read everything, for Python may lie anywhere; writing is what is tried.
        reads = "-all,+dac_read_search"
        become = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        become += [f"--inh-caps={reads}", "--ambient-caps=+dac_read_search", "--"]
        # Coverage of theirs would go into a file that they may not write.
        env = {name: value for name, value in clean_env.items() if "COVERAGE" not in name}
        env |= {"AMPT_SPOOL": str(base), "AMPT_HANDLERS": str(handlers)}
        command: list[str] = [
            *become,
            "sh",
            "-c",
            'umask 077; exec "$0" "$@"',
            str(SCRIPT),
            *map(str, arguments),
        ]
        return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, timeout=60)

    made = subprocess.run(
        [SCRIPT, "init", "--group", grp.getgrgid(GROUP).gr_name],
        env=clean_env | {"AMPT_SPOOL": str(base)},
        cwd=shared,
        capture_output=True,
    )
    assert made.returncode == 0
    for user in (2001, 2002):
        for arguments in (
            ("publish", "n", "1"),
            ("publish", "n", "1", "--id", f"of-{user}"),
            ("publish", "n", "--after", "1 day"),
            ("run",),
            ("publish", "bad"),
            ("check",),
            ("cancel", "--name", "n", "--state", "pending"),
            ("inspect",),
            ("metrics",),
        ):
            done = ampt(user, GROUP, *arguments)
            assert done.returncode == 0, (user, arguments, done.stderr)
            assert done.stderr == "", (user, arguments)
    again = ampt(2002, GROUP, "publish", "n", "1", "--id", "of-2001")
    foreign = ampt(2003, 2003, "publish", "n")

    assert (again.returncode, "already" in again.stderr) == (0, True)
    assert (foreign.returncode, foreign.stdout) == (77, "")
    assert len(list(base.glob("done/*/*.a1.n.json"))) == 4


def test_where_no_spool_can_be_no_file_names_one(run_ampt, tmp_path: Path) -> None:
    """The folder has files of its own: 3, what to do, and nothing was made."""
    here, full = tmp_path / "project", tmp_path / "full"
    for folder in (here, full):
        folder.mkdir()
    (full / "mine").touch()
    ran = run_ampt("init", "--spool", full, cwd=here)

    assert (ran.status, ran.out) == (3, "")
    assert ran.err == (
        f"ampt: {full} is not a spool: it has no file FORMAT; "
        "give another --spool, or a new folder\n"
    )
    assert list(here.iterdir()) == []
    assert [path.name for path in full.iterdir()] == ["mine"]
