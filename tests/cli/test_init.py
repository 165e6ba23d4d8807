"""`ampt init`: what it makes can be used as it is."""

import grp
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from ampt_cli import configuration, origins
from ampt_cli.commands.init import config
from tests.conftest import SCRIPT

GROUP = 65534  # Debian's nogroup


def test_a_new_folder_runs_its_first_event(run_ampt, spool_dir: Path, tmp_path: Path) -> None:
    """Two files and a spool; a second time nothing is overwritten."""
    here = tmp_path / "project"
    here.mkdir()
    assert run_ampt("init", cwd=here).status == 0
    (here / "handlers.py").write_text(
        (here / "handlers.py").read_text("utf-8") + "\n# mine\n", "utf-8"
    )
    run_ampt("publish", "user.joined", '{"user_id": 7}', cwd=here)

    assert run_ampt("run", cwd=here).status == 0
    assert "welcome" in run_ampt("inspect", "--state", "done", "--json", cwd=here).out
    assert "left as it is" in run_ampt("init", cwd=here).out
    assert (here / "handlers.py").read_text(encoding="utf-8").endswith("# mine\n")


def test_the_example_of_a_configuration_says_every_setting_and_its_default(tmp_path: Path) -> None:
    """With the comment signs taken away it can be read, and changes nothing."""
    lines = [line.removeprefix("# ") for line in config().splitlines() if " = " in line]
    path = tmp_path / "ampt.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o600)
    found = configuration.load(str(path), of_project=False)
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
    here, spool = tmp_path / "project", tmp_path / 'a "quoted" spool'
    here.mkdir()
    assert run_ampt("init", "--spool", spool, cwd=here, env={"AMPT_SPOOL": None}).status == 0
    assert run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None}).status == 0

    assert len(list(spool.glob("pending/*/*/*.n.json"))) == 1


@pytest.mark.rule(1)
@pytest.mark.root
def test_a_group_shares_a_spool(run_ampt, spool_dir: Path) -> None:
    """Modes 2770 and 0660, whatever the umask; every file of it is the group's."""
    if os.geteuid() != 0:
        pytest.skip("giving a spool to a group of others needs root")
    group = grp.getgrgid(GROUP)
    assert run_ampt("init", "--group", group.gr_name).status == 0
    for arguments in (["n"], ["n", "--id", "chosen"], ["n", "--after", "1 day"]):
        assert run_ampt("publish", *arguments).status == 0

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
