"""Where settings are found, and what is refused."""

import os
import pwd
import tomllib
from pathlib import Path

import pytest

from ampt_cli import clock, configuration, instants, settings
from ampt_cli.errors import ConfigError
from tests.conftest import RunAmpt


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder in a folder in a folder."""
    folder = tmp_path / "outer" / "inner" / "here"
    folder.mkdir(parents=True)
    return folder


def spool_of(run_ampt: RunAmpt, here: Path, **env: str | None) -> str:
    """Which spool is used, and who says so."""
    shown = run_ampt("inspect", "--config", cwd=here, env={"AMPT_SPOOL": None, **env})
    assert shown.status == 0, shown.err
    return " ".join(shown.out.splitlines()[0].split("\t")[1:])


def say(path: Path, text: str) -> Path:
    """A configuration that nobody else may write."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_the_nearest_configuration_holds(run_ampt: RunAmpt, here: Path, tmp_path: Path) -> None:
    """Command line, environment, AMPT_CONFIG, then upward; ampt.toml before pyproject.toml."""
    assert spool_of(run_ampt, here) == f"{tmp_path}/home/.local/state/ampt the default"
    say(tmp_path / "outer" / "pyproject.toml", '[tool.ampt]\nspool = "a"\n')
    assert spool_of(run_ampt, here) == f"{tmp_path}/outer/a {tmp_path}/outer/pyproject.toml"
    say(here.parent / "pyproject.toml", '[tool.other]\nspool = "b"\n')
    assert spool_of(run_ampt, here) == f"{tmp_path}/outer/a {tmp_path}/outer/pyproject.toml"
    say(tmp_path / "outer" / "ampt.toml", 'spool = "c"\n')
    assert spool_of(run_ampt, here) == f"{tmp_path}/outer/c {tmp_path}/outer/ampt.toml"
    say(here.parent / "ampt.toml", 'spool = "../d"\n')
    assert spool_of(run_ampt, here) == f"{tmp_path}/outer/d {here.parent}/ampt.toml"
    elsewhere = say(tmp_path / "settings", 'spool = "~/e"\n')
    env = {"AMPT_CONFIG": str(elsewhere)}
    assert spool_of(run_ampt, here, **env) == f"{tmp_path}/home/e {elsewhere}"
    assert spool_of(run_ampt, here, **env, AMPT_SPOOL="f").endswith(" AMPT_SPOOL")
    shown = run_ampt("inspect", "--config", "--spool", "g", cwd=here)
    assert shown.out.splitlines()[0].endswith("\tthe command line")


@pytest.mark.parametrize(
    "text",
    [
        '[tool.ampt]\nspool = "x"\n',
        '[ tool . ampt ]\nspool = "x"\n',
        '[tool."ampt"]\nspool = "x"\n',
        "[\ttool.'ampt'\t]\nspool = \"x\"\n",
        '[tool]\nampt = {spool = "x"}\n',
        '[tool]\nampt.spool = "x"\n',
        'tool.ampt.spool = "x"\n',
    ],
)
def test_however_a_project_writes_its_table_it_is_found(
    text: str, run_ampt: RunAmpt, here: Path
) -> None:
    """A setting is never passed over for its spelling."""
    assert tomllib.loads(text)["tool"]["ampt"] == {"spool": "x"}
    say(here / "pyproject.toml", text)

    assert spool_of(run_ampt, here) == f"{here}/x {here}/pyproject.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('spol = "x"', "unknown setting 'spol' in {}; did you mean 'spool'?"),
        ("[tool.ampt]\njobs = 1", "unknown setting 'tool' in {}; a setting is one line"),
        ("quux = 1", "unknown setting 'quux' in {}; the settings are: spool, handlers, jobs"),
        ("jobs = 0", "the setting jobs in {} cannot be 0; a whole number from 1 to 1024"),
        ("jobs = true", "the setting jobs in {} cannot be True"),
        ('timeout = "2 minutes"', "in {} cannot be '2 minutes'; more than zero, up to 60 seconds"),
        ("timeout = 0", "the setting timeout in {} cannot be 0; more than zero"),
        ('retry_every = "0s"', "the setting retry_every in {} cannot be '0s'; more than zero"),
        ("retry_every = 99999999999999999", "in {}: the duration 99999999999999999 is longer than"),
        (
            'retry_for = "52143 weeks"',
            "in {}: the duration '52143 weeks' is longer than 1,000 years",
        ),
        ('retention_done = "1 month"', "in {}: cannot read the duration '1 month'"),
        ('spool = ""', "the setting spool in {} cannot be ''; a folder's path"),
        (
            'spool = "~nobody-here/x"',
            "the setting spool in {}: '~nobody-here/x' is in no user's home",
        ),
        ("jobs = 1025", "the setting jobs in {} cannot be 1025; a whole number from 1 to 1024"),
        ('jobs = "2"', "the setting jobs in {} cannot be '2'"),
        ("timeout = 60001", "the setting timeout in {} cannot be 60001; more than zero, up to 60"),
        ("retention_dead = -1", "the setting retention_dead in {} cannot be -1"),
        ("retry_for = true", "the setting retry_for in {}: cannot read the duration True"),
        (
            'rerun = "some"',
            "the setting rerun in {} cannot be 'some'; \"failed\" (only the handlers",
        ),
        ("network_file_system = 1", "network_file_system in {} cannot be 1; true or false"),
        ('memory = "1 elephant"', "the setting memory in {}: cannot use '1 elephant'"),
        ("handlers = 3", "the setting handlers in {} cannot be 3; a Python file's path, or an"),
        ("jobs", "cannot read the configuration {}: Expected '='"),
        ("# none\rjobs = 2", "cannot read the configuration {}: "),
        ("jobs = 1\njobs = 2", "cannot read the configuration {}: Cannot overwrite a value"),
    ],
)
def test_what_cannot_be_a_setting_is_refused(
    text: str, said: str, run_ampt: RunAmpt, here: Path
) -> None:
    """78, in one line that names the file; nothing is published elsewhere."""
    path = say(here / "ampt.toml", text + "\n")
    done = run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None})

    assert (done.status, done.out, done.err.count("\n")) == (78, "", 1)
    assert said.format(path) in done.err


def test_what_can_be_a_setting_is_taken_to_its_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lengths of time in ms; paths from the file's own folder, and a module's name as it is."""
    path = say(
        tmp_path / "ampt.toml",
        'jobs = 1024\ntimeout = "60 seconds"\nretry_every = 1\nretry_for = 0\n'
        'retention_done = 0\nretention_dead = "1 week"\nrerun = "failed"\n'
        'network_file_system = false\nspool = "a/../b"\nhandlers = "app.handlers"\n',
    )
    known = {"jobs": 1024, "timeout": 60_000, "retry_every": 1, "retry_for": 0}
    known |= {"retention_done": 0, "retention_dead": 604_800_000, "network_file_system": False}
    named = {"rerun": "failed", "spool": f"{tmp_path}/b", "handlers": "app.handlers"}

    monkeypatch.setenv("AMPT_CONFIG", str(path))
    assert settings.read() == (known | named, str(path))
    say(path, 'handlers = "sub/handlers"\n')
    assert settings.read()[0] == {"handlers": f"{tmp_path}/sub/handlers"}
    for handlers in ("handlers.py", "./handlers.py", "sub/../handlers.py"):
        say(path, f'handlers = "{handlers}"\n')
        assert settings.read()[0] == {"handlers": f"{tmp_path}/handlers.py"}


def test_a_project_whose_settings_are_no_table_is_refused(run_ampt: RunAmpt, here: Path) -> None:
    """They are meant for ampt, whatever they are."""
    path = say(here / "pyproject.toml", "[tool]\nampt = 3\n")
    done = run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None, "AMPT_CONFIG": str(path)})

    assert done == (78, "", f"ampt: [tool.ampt] in {path} is no table\n")


@pytest.mark.parametrize("home", ["", "relative"])
@pytest.mark.parametrize("key", ["spool", "handlers"])
def test_what_a_configuration_has_in_a_home_that_there_is_not_is_refused(
    key: str, home: str, run_ampt: RunAmpt, here: Path
) -> None:
    """As the command line's is: it would be in the root, or beside the configuration."""
    path = say(here / "ampt.toml", f'{key} = "~/x.py"\n')
    done = run_ampt("inspect", "--config", cwd=here, env={"HOME": home})

    assert done == (
        78,
        "",
        f"ampt: the setting {key} in {path}: '~/x.py' is in no user's home folder; "
        "for a folder here: ./~/x.py\n",
    )


def test_without_the_variable_the_home_is_that_of_the_user(run_ampt: RunAmpt, here: Path) -> None:
    """A service of the system has no HOME; it is only shown here, where the spool would be."""
    home = pwd.getpwuid(os.geteuid()).pw_dir

    assert spool_of(run_ampt, here, HOME=None) == f"{home}/.local/state/ampt the default"
    path = say(here / "ampt.toml", 'spool = "~/x"\n')
    assert spool_of(run_ampt, here, HOME=None) == f"{home}/x {path}"


def test_a_named_configuration_may_be_in_a_home_that_no_shell_has_expanded(
    run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """As the spool's path may, of a crontab; relative ones in it are from its own folder."""
    path = say(tmp_path / "home" / "settings", 'spool = "a"\n')

    assert spool_of(run_ampt, tmp_path, AMPT_CONFIG="~/settings") == f"{path.parent}/a {path}"
    assert spool_of(run_ampt, path.parent, AMPT_CONFIG="settings") == f"{path.parent}/a {path}"


@pytest.mark.parametrize(
    ("state", "spool"),
    [("/{}/state", "/{}/state/ampt"), ("state", "home/.local/state/ampt")]
    + [("", "home/.local/state/ampt"), (None, "home/.local/state/ampt")],
    ids=["absolute", "relative", "empty", "none"],
)
def test_the_default_spool_is_where_state_is_kept(
    state: str | None, spool: str, run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """$XDG_STATE_HOME, where it is an absolute path, as its specification says."""
    base = str(tmp_path)
    env = {"AMPT_SPOOL": None, "XDG_STATE_HOME": state and state.format(base[1:])}
    published = run_ampt("publish", "n", env=env)

    assert published.status == 0, published.err
    assert (tmp_path / spool.format(base[1:]) / "FORMAT").exists()


def test_a_project_whose_tools_are_no_table_is_no_traceback(run_ampt: RunAmpt, here: Path) -> None:
    """It says nothing of ampt, whatever its comments do."""
    say(here / "pyproject.toml", "tool = 3\n# [tool.ampt]\n")

    assert spool_of(run_ampt, here).endswith("the default")


def test_a_project_that_is_no_file_is_not_waited_for(run_ampt: RunAmpt, here: Path) -> None:
    """It says nothing of ampt."""
    os.mkfifo(here / "pyproject.toml")

    assert spool_of(run_ampt, here).endswith("the default")
    assert run_ampt("init", cwd=here, timeout=10).status == 0


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
def test_what_stands_in_place_of_a_configuration_is_not_passed_over(
    kind: str, run_ampt: RunAmpt, here: Path
) -> None:
    """Or its events would be published into another spool. A FIFO is not waited for."""
    path = here / "ampt.toml"
    if kind == "link":
        path.symlink_to("gone")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    done = run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None}, timeout=10)

    assert (done.status, done.out) == (78, "")
    assert done.err == f"ampt: the configuration {path} is no file, or a link to none; remove it\n"


def test_a_configuration_that_may_not_be_read_is_a_lost_permission(
    run_ampt: RunAmpt, here: Path
) -> None:
    """77, in one line that names it."""
    path = say(here / "ampt.toml", "jobs = 1\n")
    path.chmod(0)
    done = run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None}, powerless=True)

    assert (done.status, done.out, done.err.count("\n")) == (77, "", 1)
    assert done.err.startswith("ampt: cannot read the configuration")
    assert str(path) in done.err


@pytest.mark.parametrize("mode", [0o602, 0o622, 0o666])
@pytest.mark.parametrize("name", ["ampt.toml", "pyproject.toml"])
def test_a_configuration_that_others_may_write_is_refused(
    name: str, mode: int, run_ampt: RunAmpt, here: Path
) -> None:
    """77, by every command that would read it, and by none that needs it not."""
    path = say(here / name, ("[tool.ampt]\n" if name != "ampt.toml" else "") + 'spool = "x"\n')
    path.chmod(mode)
    for command in (["publish", "n"], ["run"], ["inspect"], ["inspect", "--config"], ["init"]):
        done = run_ampt(*command, cwd=here, env={"AMPT_SPOOL": None})
        assert done.status == 77, command
        assert f"chmod go-w {path}" in done.err

    assert not (here / "x").exists()
    assert run_ampt("publish", "n", cwd=here).status == 0  # AMPT_SPOOL says all that it needs


def test_a_configuration_in_a_folder_that_all_may_write_is_refused(
    run_ampt: RunAmpt, here: Path
) -> None:
    """Anybody could put another in its place; with the sticky bit nobody can."""
    say(here / "ampt.toml", 'spool = "../x"\n')
    here.chmod(0o777)
    refused = run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None})
    here.chmod(0o1777)
    taken = run_ampt("publish", "n", cwd=here, env={"AMPT_SPOOL": None})

    assert (refused.status, taken.status) == (77, 0)
    assert f"chmod o-w {here}" in refused.err


def test_every_setting_is_shown_with_its_source(run_ampt: RunAmpt, here: Path) -> None:
    """One line each; in JSON under its name."""
    text = 'jobs = 3\nretry_every = "1 hour"\nnetwork_file_system = true\n'
    path = say(here / "ampt.toml", text)
    shown = run_ampt("inspect", "--config", cwd=here, env={"AMPT_HANDLERS": "app"}).out
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in shown.splitlines()}

    assert set(lines) == set(configuration.KEYS)
    assert lines["handlers"] == ["app", "AMPT_HANDLERS"]
    assert lines["jobs"] == ["3", str(path)]
    assert lines["retry_every"] == ["1 h", str(path)]
    assert lines["network_file_system"] == ["true", str(path)]
    assert lines["timeout"] == ["5 s", "the default"]


def test_a_rescue_by_check_retries_as_it_is_set(
    run_ampt: RunAmpt, here: Path, spool_dir: Path
) -> None:
    """The third interruption in a row is a failure, and waits as one."""
    say(here / "ampt.toml", 'retry_every = "1 hour"\n')
    run_ampt("publish", "n")
    [entry] = spool_dir.glob("pending/*/*/*.json")
    with entry.open("a", encoding="utf-8") as file:
        file.write('{"attempt":2,"outcome":"interrupted","first":1,"interruptions":2}\n')
    runner = spool_dir / "running" / "20261128T093000000Z-00000001"
    runner.mkdir(0o700)
    (runner / "lock").touch(0o600)
    entry.rename(runner / entry.name.replace(".a0.", ".a3."))
    begun = clock.now()
    repaired = run_ampt("check", "--repair", cwd=here)
    [waits] = spool_dir.glob("retry/*/*/*.a3.n.json")
    due = instants.unstamp(waits.name.partition(".")[0]) or 0

    assert (repaired.status, repaired.out.count("(mended)")) == (0, 1)
    assert 0 <= due - instants.HOUR - begun < 60_000


@pytest.mark.parametrize("command", ["run", "unit"])
def test_workers_have_the_same_bound_everywhere(run_ampt, write_handlers, command: str) -> None:
    """What ampt.toml may say, the command line may: 1024, and not one more."""
    path = write_handlers("events.on('n', print)\n")
    run_ampt("publish", "n", "--after", "1 day")
    most = run_ampt(command, "-m", path, "--jobs", "1024")
    more = run_ampt(command, "-m", path, "-j", "1025")

    assert (most.status, more.status, more.out) == (0, 2, "")
    assert "1024" in more.err


def test_the_handlers_are_those_of_who_said_it_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line, then the environment, then a file; otherwise what can be said is."""
    monkeypatch.setenv("AMPT_HANDLERS", "of.the.environment")
    config = {"handlers": "of.a.file"}

    assert settings.handlers_target("given", config) == "given"
    assert settings.handlers_target(None, config) == "of.the.environment"
    monkeypatch.delenv("AMPT_HANDLERS")
    assert settings.handlers_target(None, config) == "of.a.file"
    for given, said in ((None, "no handlers were given"), (f"{tmp_path}/none", "do not exist")):
        with pytest.raises(ConfigError, match=said) as refused:
            settings.handlers_target(given, {})
        assert "--handlers FILE" in str(refused.value.hint)


@pytest.mark.parametrize(("name", "wrong"), [(".", "is no file"), ("none", "does not exist")])
def test_a_configuration_that_is_named_and_is_no_file(run_ampt, tmp_path, name, wrong) -> None:
    """78, with what is wrong."""
    path = tmp_path / name
    ran = run_ampt("inspect", "--config", env={"AMPT_CONFIG": str(path)})

    assert ran == (78, "", f"ampt: the configuration file {path} (AMPT_CONFIG) {wrong}\n")
