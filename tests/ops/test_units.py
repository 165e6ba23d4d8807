"""Units and crontab lines: accepted by the real programs, whatever is in a path."""

import grp
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ampt_cli import overtime, runner, units
from ampt_cli.commands import unit
from ampt_cli.commands.unit import NO_SPOOL
from ampt_cli.errors import AmptError
from ampt_cli.size import MAX_TIMEOUT
from tests.conftest import SCRIPT, RunAmpt

ODD = units.Wanted(
    "/opt/a b/ampt", '/srv/100% "sp$ool"', "/srv/app/hand lers.py", 2, "daemon", "/c d/$%"
)
PLAIN = units.Wanted("/bin/true", "/srv/spool", "/srv/handlers.py", 1, "daemon")
ROOT = Path(__file__).parents[2]
ANALYZE = shutil.which("systemd-analyze")
systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def verify(made: dict[str, str], folder: Path, *how: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of units."""
    for name, content in made.items():
        (folder / name).write_text(content, encoding="utf-8")
    files = [str(folder / name) for name in made]
    return subprocess.run(
        [str(ANALYZE), *how, "--man=no", "verify", *files],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
    )


@systemd
@pytest.mark.parametrize("wanted", [PLAIN, ODD._replace(ampt="/bin/true")], ids=["plain", "odd"])
@pytest.mark.parametrize("make", [units.oneshot, units.watching])
@pytest.mark.parametrize("user", ["daemon", ""])
def test_systemd_accepts_the_units(
    make: object, wanted: units.Wanted, user: str, tmp_path: Path
) -> None:
    """Without a word."""
    made = make(wanted._replace(user=user))  # type: ignore[operator]
    done = verify(made, tmp_path, *(["--user"] if not user else []))

    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "ampt." in line]
    assert (done.returncode, said) == (0, [])


@systemd
def test_systemd_finds_a_program_by_an_odd_path(tmp_path: Path) -> None:
    """In the path of the program it replaces no variable, and takes `$$` as it stands."""
    program = tmp_path / "100% a$b $c" / "ampt"
    program.parent.mkdir()
    shutil.copy("/bin/true", program)
    done = verify(units.oneshot(PLAIN._replace(ampt=str(program))), tmp_path)

    assert "not executable" not in done.stderr
    assert done.returncode == 0, done.stderr


@systemd
def test_systemd_sees_what_is_wrong(tmp_path: Path) -> None:
    """The check above can fail."""
    made = units.watching(PLAIN._replace(ampt="/no/such/program"))

    assert verify(made, tmp_path).returncode != 0


@pytest.mark.rule(12)
@systemd
@pytest.mark.parametrize("make", [units.oneshot, units.watching])
@pytest.mark.parametrize(("user", "said"), [("daemon", "1.8"), ("", "6.4")])
def test_units_are_as_well_hardened_as_the_docs_say(
    make: Callable[[units.Wanted], dict[str, str]], user: str, said: str, tmp_path: Path
) -> None:
    """systemd's own exposure score: 10 is worst; below 2.5 it says OK."""
    made = make(PLAIN._replace(user=user))["ampt.service"]
    (tmp_path / "ampt.service").write_text(made, encoding="utf-8")
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=yes", "--no-pager", str(tmp_path / "ampt.service")],
        capture_output=True,
        text=True,
    )
    found = re.search(r"exposure level for ampt.service: ([\d.]+)", done.stdout)

    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= float(said) + 0.5  # each version of systemd weighs more things
    assert f" {said}" in (ROOT / "docs" / "systemd.md").read_text(encoding="utf-8")


def test_a_path_cannot_become_an_option_a_specifier_or_a_variable() -> None:
    """The four characters that systemd replaces are doubled or quoted."""
    service = units.oneshot(ODD)["ampt.service"]

    assert '"/opt/a b/ampt" run' in service
    assert r'--spool "/srv/100%% \"sp$$ool\""' in service
    assert r'ReadWritePaths="/srv/100%% \"sp$ool\""' in service
    assert 'Environment="AMPT_CONFIG=/c d/$%%"' in service
    named = units.oneshot(ODD._replace(user="a%b", group="c%d"))["ampt.service"]
    assert "\nUser=a%%b\nSupplementaryGroups=c%%d\n" in named


@pytest.mark.root
def test_a_unit_lets_a_run_be_one_of_the_group_that_shares_its_spool(
    run_ampt: RunAmpt, write_handlers: Callable[[str], Path]
) -> None:
    """Its folders have the group's bit; without capabilities root is stopped by modes, too."""
    if os.geteuid() != 0:
        pytest.skip("giving a spool to a group of others needs root")
    group = grp.getgrgid(65534).gr_name
    module = write_handlers("")
    run_ampt("init", "--group", group)
    of_system, of_user = (
        run_ampt("unit", how, "--watch", "-m", module).out for how in ("--system", "--user")
    )

    assert f"\nUser=root\nSupplementaryGroups={group}\n" in of_system
    assert "SupplementaryGroups" not in of_user
    assert "RestrictSUIDSGID" not in of_system + of_user
    assert units.watching(PLAIN)["ampt.service"].count("\nRestrictSUIDSGID=yes\n") == 1
    assert "SupplementaryGroups" not in units.watching(PLAIN)["ampt.service"]


@pytest.mark.parametrize("what", ["ampt", "spool", "handlers", "config"])
@pytest.mark.parametrize("place", ["/tmp/x", "/var/tmp/x"])
def test_private_tmp_is_left_out_where_it_would_hide_what_is_needed(what: str, place: str) -> None:
    """A spool in /tmp is odd, and must work; so must a program, handlers and a configuration."""
    hidden = PLAIN._replace(**{what: place})  # type: ignore[arg-type]

    assert "PrivateTmp" in units.oneshot(PLAIN)["ampt.service"]
    assert "PrivateTmp" not in units.oneshot(hidden)["ampt.service"]


SEALED = {
    *("NoNewPrivileges=yes", "ProtectSystem=strict", "ReadWritePaths=/srv/spool"),
    *("ProtectHome=read-only", "PrivateDevices=yes", "CapabilityBoundingSet="),
}
ENDS = {"KillMode=mixed", "OOMPolicy=continue", "UMask=0077", "Documentation=man:ampt(1)"}
STAYS = {"Restart=on-failure", "RestartSec=5", "Type=notify", "WatchdogSec=30"}
TICKS = {"OnCalendar=minutely", "AccuracySec=1s", "WantedBy=timers.target"}


def test_what_each_unit_says_of_its_start_and_its_end() -> None:
    """One of the system waits for the spool's disk, writes there only, and starts with all others."""
    of_user = PLAIN._replace(user="")
    (stays,), (stays_of_user,) = (units.watching(one).values() for one in (PLAIN, of_user))
    (ends, timer), (ends_of_user, _) = (units.oneshot(one).values() for one in (PLAIN, of_user))
    lines = [set(one.splitlines()) for one in (stays, stays_of_user, ends, ends_of_user)]

    assert all(lines_of >= ENDS for lines_of in lines)
    assert all(lines_of >= SEALED for lines_of in (lines[0], lines[2]))
    assert lines[0] >= STAYS | {"WantedBy=multi-user.target", "RequiresMountsFor=/srv/spool"}
    assert lines[1] >= STAYS | {"WantedBy=default.target"}
    assert lines[2] >= {"Type=oneshot", "RequiresMountsFor=/srv/spool"}
    assert "RequiresMountsFor" not in stays_of_user + ends_of_user
    assert set(timer.splitlines()) >= TICKS


@pytest.mark.parametrize("name", ["it's", "a b", "a\tb", 'a"b', 'a\\"b', "a\\b"])
def test_a_word_is_one_word_as_systemd_reads_it(name: str) -> None:
    """Whichever character it is that needs quotes; and nobody's number of workers is given."""
    wanted = PLAIN._replace(handlers=f"/srv/{name}", jobs=0)
    made = units.watching(wanted)["ampt.service"]
    [line] = re.findall("^ExecStart=(.*)$", made, re.MULTILINE)

    assert shlex.split(line) == [
        *("/bin/true", "run", "--watch", "--handlers", f"/srv/{name}", "--spool", "/srv/spool")
    ]


def test_a_path_is_one_word_and_the_same_one_as_systemd_reads_it() -> None:
    """Which takes quotes as a shell does; a specifier is doubled in what is for people, too."""
    odd = PLAIN._replace(spool="/srv/it's 100%\\", handlers='/srv/a\\b\t"c"/h.py', config="/c\\d")
    made = units.oneshot(odd)
    lines = dict(line.split("=", 1) for line in made["ampt.service"].splitlines() if "=" in line)

    assert shlex.split(lines["ExecStart"].replace("%%", "%")) == odd.command()
    assert shlex.split(lines["Environment"]) == ["AMPT_CONFIG=/c\\d"]
    shown = [one.split("\nDescription=ampt: ")[1].splitlines()[0] for one in made.values()]
    assert shown == [
        "handle the events in /srv/it's 100%%\\ when they are due",
        "look for due events in /srv/it's 100%%\\ every minute",
    ]
    assert "\\\n" not in "".join(made.values())


def test_the_line_for_cron_is_this_one() -> None:
    """A handler's own programs do not keep its lock."""
    run = "/bin/true run --handlers /srv/handlers.py --spool /srv/spool --jobs 1"

    assert units.crontab(PLAIN) == f"* * * * * flock -n -o -E 0 /srv/spool/. {run}\n"


@pytest.mark.parametrize("escape", [r"\\(%)", r"\\(%)|\\.", r"\\([%\\])|\\."])
@pytest.mark.parametrize("name", ["100%", r"a\%", r"a\\%", r"a\\b'\\"])
def test_a_path_is_the_same_one_as_any_cron_reads_it(name: str, escape: str) -> None:
    r"""Each makes % of \%. Some take what follows any backslash with it, or two for one."""
    odd = PLAIN._replace(spool=f"/srv/{name}", config=f"/etc/{name}")
    line = units.crontab(odd).removeprefix("* * * * * ")
    given, *words = shlex.split(re.sub(escape, lambda found: found[1] or found[0], line))

    assert "%" not in re.sub(escape, "", line)
    assert given == f"AMPT_CONFIG=/etc/{name}"
    assert words[words.index(odd.ampt) :] == odd.command()
    assert f"/srv/{name}/." in words


@pytest.mark.parametrize(
    ("name", "shown"), [("staff", "staff"), ("domain users", "{gid}"), ("", "{gid}")]
)
def test_a_group_that_a_unit_cannot_name_is_given_by_its_number(
    name: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with a blank, as a directory service has them, or one without a name."""

    def named(_: int) -> SimpleNamespace:
        if not name:
            raise KeyError
        return SimpleNamespace(gr_name=name)

    monkeypatch.setattr(grp, "getgrgid", named)
    tmp_path.chmod(0o2770)
    gid = tmp_path.stat().st_gid

    assert unit._group(str(tmp_path)) == shown.format(gid=gid)
    tmp_path.chmod(0o700)
    assert unit._group(str(tmp_path)) == unit._group(str(tmp_path / "none")) == ""


def test_the_program_is_the_one_that_runs(
    run_ampt: RunAmpt, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Not another one that comes first in PATH; of `python -m ampt_cli` that of this Python."""
    other = tmp_path / "bin" / "ampt"
    other.parent.mkdir()
    other.symlink_to("/bin/true")
    env = clean_env | {"PATH": f"{other.parent}:{clean_env['PATH']}"}
    argv = ("unit", "--cron", "-m", "module")
    by_python = subprocess.run(
        [sys.executable, "-m", "ampt_cli", *argv], env=env, capture_output=True, text=True
    )

    assert f" {SCRIPT} run " in run_ampt(*argv, env=env).out
    assert f" {SCRIPT} run " in by_python.stdout


def test_a_program_that_is_not_beside_its_python_is_that_of_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its whole path; where there is none, that is said."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ampt").symlink_to("/bin/true")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["__main__.py"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", "bin")
    found = unit._program()
    monkeypatch.setenv("PATH", "none")

    assert found == str(tmp_path / "bin" / "ampt")
    with pytest.raises(AmptError, match="cannot find the program ampt"):
        unit._program()


def test_root_is_given_units_of_the_system_and_others_their_own(
    run_ampt: RunAmpt, write_handlers: Callable[[str], Path]
) -> None:
    """Unless it is said."""
    printed = run_ampt("unit", "-m", write_handlers(""), "--jobs", "3").out

    assert ("\nUser=" in printed) == (os.geteuid() == 0)
    assert printed.startswith("# ampt.service\n")
    assert "\n# ampt.timer\n" in printed
    assert " --jobs 3\n" in printed


def test_the_line_for_cron_runs_as_the_shell_reads_it(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """Also with spaces and percent signs; a second one at the same time does nothing."""
    spool, module = tmp_path / "100% sp ool", tmp_path / "hand lers.py"
    code = "from ampt_cli import events\nevents.on('n', lambda event: 0)\n"
    module.write_text(code, encoding="utf-8")
    module.chmod(0o600)
    run_ampt("publish", "n", "--spool", spool)
    line = run_ampt("unit", "--cron", "--spool", spool, "-m", module).out
    assert line.startswith("* * * * * ")
    command = re.split(r"(?<!\\)%", line.removeprefix("* * * * * ").rstrip("\n"))[0]
    command = command.replace("\\%", "%")  # as cron(8) does: what follows another % is input
    held = subprocess.run(
        ["flock", "-n", spool, "sh", "-c", command], capture_output=True, text=True
    )
    while_held = len(list(spool.glob("done/*/*.json")))
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True)

    assert (held.returncode, held.stderr, while_held) == (0, "", 0)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(list(spool.glob("done/*/*.json"))) == 1


def test_the_line_for_cron_never_makes_what_is_missing(
    run_ampt: RunAmpt, tmp_path: Path, write_handlers: Callable[[str], Path]
) -> None:
    """flock(1) makes a file to lock where there is none; a spool could then not be made there."""
    spool = tmp_path / "spool"
    printed = run_ampt("unit", "--cron", "-m", write_handlers(""))
    ran = subprocess.run(["sh", "-c", printed.out.split(" ", 5)[5]], capture_output=True, text=True)

    assert printed.err == f"ampt: there is no spool at {spool} yet; {NO_SPOOL}\n"
    assert ran.returncode != 0
    assert str(spool) in ran.stderr
    assert not spool.exists()
    assert run_ampt("publish", "n").status == 0
    assert run_ampt("unit", "--cron", "-m", write_handlers("")).err == ""


@pytest.mark.parametrize("how", ["--cron", "--watch"])
def test_what_starts_a_run_keeps_the_settings_of_the_configuration(
    how: str, run_ampt: RunAmpt, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """A service is started in another folder, where ampt.toml would not be found."""
    folder = tmp_path / "100% an $app"
    folder.mkdir()
    (folder / "handlers.py").write_text("", encoding="utf-8")
    config = folder / "ampt.toml"
    config.write_text('handlers = "handlers.py"\nmemory = "nonsense"\n', encoding="utf-8")
    config.chmod(0o600)
    refused = run_ampt("run", cwd=folder)
    config.write_text('handlers = "handlers.py"\njobs = 3\n', encoding="utf-8")
    run_ampt("publish", "n")
    printed = run_ampt("unit", "--user", how, cwd=folder).out
    config.write_text('handlers = "handlers.py"\nmemory = "nonsense"\n', encoding="utf-8")
    ran = subprocess.run(
        ["sh", "-c", as_sh(printed)], capture_output=True, text=True, env=clean_env, cwd="/"
    )

    assert "nonsense" in refused.err
    assert (ran.returncode, ran.stderr) == (refused.status, refused.err)


def as_sh(printed: str) -> str:
    """What cron or systemd makes of what `ampt unit` printed, for a shell."""
    if printed.startswith("* * * * * "):
        return printed.removeprefix("* * * * * ").replace("\\%", "%")
    lines = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    given = shlex.split(lines["Environment"].replace("%%", "%"))
    command = shlex.split(lines["ExecStart"].replace("%%", "%"))
    return shlex.join(["env", *given, *(word.replace("$$", "$") for word in command)])


def test_a_service_is_given_the_time_that_a_stopping_run_takes() -> None:
    """systemd kills what is left after it; a run waits for handlers, then ends its workers."""
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", units.watching(PLAIN)["ampt.service"], re.M)

    assert MAX_TIMEOUT / 1000 < runner.STOP_AFTER
    assert float(seconds) > runner.STOP_AFTER + 2 * overtime.GRACE


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--cron", "--system", "--as", "daemon"), "--cron goes with none of --watch, --output, "),
        (("--cron", "--watch"), "--cron goes with none of --watch, --output, "),
        (("--cron", "--output", "units"), "--cron goes with none of --watch, --output, "),
        (("--system", "--user"), "--system does not go with --user"),
        (("--user", "--as", "daemon"), "--as is for system units"),
        (("--cron", "--spool", "/srv/a\n* * * * * true"), "a line break can stand in no unit and "),
        (
            ("--spool", b"/srv/\xff"),
            "what is not UTF-8 can stand in no unit and no crontab: '/srv/",
        ),
        (("--cron", "--spool", b"/srv/\xff"), "what is not UTF-8 can stand in no unit"),
        (("--spool", "/srv/a\nUser=root"), "a line break can stand in no unit and "),
        (("--spool", "/srv/a\rUser=root"), "a line break can stand in no unit and "),
        (("--system", "--as", "daemon\rUser=root"), "a line break can stand in no unit and "),
    ],
)
def test_what_cannot_be_written_down_is_refused(
    args: tuple[str, ...], said: str, run_ampt: RunAmpt, write_handlers: Callable[[str], Path]
) -> None:
    """Rather than left out, or made a line of its own."""
    done = run_ampt("unit", "-m", write_handlers(""), *args)

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"ampt: {said}")


def test_units_are_written_where_they_are_wanted(
    run_ampt: RunAmpt, tmp_path: Path, write_handlers: object
) -> None:
    """With absolute paths, for a user's manager."""
    module = write_handlers("")  # type: ignore[operator]
    done = run_ampt("unit", "--user", "-m", module, "--output", tmp_path / "units")
    service = (tmp_path / "units" / "ampt.service").read_text(encoding="utf-8")

    assert done.status == 0
    assert done.out.split() == [str(tmp_path / "units" / f"ampt.{k}") for k in ("service", "timer")]
    assert f"run --handlers {module} --spool /" in service
    assert "User=" not in service


def test_units_that_cannot_be_written_are_told_with_their_path(
    run_ampt: RunAmpt, tmp_path: Path, write_handlers: Callable[[str], Path]
) -> None:
    """One line, and no unit that is not there."""
    (tmp_path / "file").touch()
    done = run_ampt("unit", "-m", write_handlers(""), "--output", tmp_path / "file")

    assert (done.status, done.out) == (74, "")
    assert f"cannot write {tmp_path}/file/ampt.service: " in done.err.splitlines()[-1]


@pytest.mark.parametrize(("user", "told"), [("ampt-nobody", True), ("root", False), ("0", False)])
def test_a_user_that_is_not_there_is_said(
    user: str, told: bool, run_ampt: RunAmpt, write_handlers: Callable[[str], Path]
) -> None:
    """The unit is made all the same: it may be for another machine."""
    printed = run_ampt("unit", "--system", "--as", user, "-m", write_handlers(""))

    assert ("there is no user ampt-nobody on this machine" in printed.err) == told
    assert f"\nUser={user}\n" in printed.out


@pytest.mark.root
@pytest.mark.parametrize(("uid", "named"), [(65534, "nobody"), (4_000_000, "4000000")])
def test_a_unit_of_the_system_runs_as_whom_the_spool_belongs_to(
    uid: int, named: str, tmp_path: Path, run_ampt: RunAmpt, write_handlers: Callable[[str], Path]
) -> None:
    """By number where that has no name; --as says otherwise."""
    if os.geteuid() != 0:
        pytest.skip("giving a spool to another user needs root")
    (tmp_path / "spool").mkdir(mode=0o700)
    os.chown(tmp_path / "spool", uid, -1)
    module = write_handlers("")
    printed = run_ampt("unit", "--system", "-m", module).out

    assert f"\nUser={named}\n" in printed
    assert "\nUser=daemon\n" in run_ampt("unit", "--as", "daemon", "-m", module).out


def test_where_there_is_no_spool_yet_it_is_for_whoever_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for one that is there it is for its owner, whoever asks."""
    mine = unit._owner(str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)

    assert unit._owner(str(tmp_path / "none")) == "4000000"
    assert unit._owner(str(tmp_path)) == mine
