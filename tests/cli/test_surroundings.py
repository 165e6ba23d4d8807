"""The command where things are missing that are taken for granted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ampt_cli._version import __version__
from tests.conftest import SCRIPT, RunAmpt

NOBODY = 54_321  # a uid of which the system knows no home


def shell(script: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """What `script` comes to, in which `$0` is ampt."""
    return subprocess.run(
        ["sh", "-c", script, SCRIPT], env=env, cwd=cwd, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_no_spool_is_made_anywhere(
    home: str, run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """Least of all in the current folder, or in the root."""
    done = run_ampt("publish", "n", env={"HOME": home, "AMPT_SPOOL": None})

    assert (done.status, done.out) == (78, "")
    assert done.err == (
        "ampt: there is no home folder to keep a spool in (HOME); give --spool or AMPT_SPOOL\n"
    )
    assert list((tmp_path / "cwd").iterdir()) == []
    assert not os.path.exists("/.local/state/ampt")


@pytest.mark.root
def test_a_user_without_a_home_is_told_so(clean_env: dict[str, str]) -> None:
    """No folder `~` is made, as a container's user would find one."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    env = {key: value for key, value in clean_env.items() if key not in ("HOME", "AMPT_SPOOL")}
    done = subprocess.run(
        [
            *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
            *(
                "--inh-caps=-all,+dac_read_search,+dac_override",
                "--ambient-caps=+dac_read_search,+dac_override",
            ),
            *("--", SCRIPT, "publish", "n"),
        ],
        env={key: value for key, value in env.items() if not key.startswith("COVERAGE")},
        cwd="/",
        capture_output=True,
        text=True,
    )

    assert done.returncode == 78
    assert "there is no home folder" in done.stderr


def test_without_a_home_a_spool_that_is_named_is_used(run_ampt: RunAmpt) -> None:
    """And the settings can be shown."""
    env = {"HOME": ""}
    done = run_ampt("publish", "n", env=env)

    assert (done.status, done.err) == (0, "")
    assert run_ampt("inspect", "--config", env=env).status == 0


@pytest.mark.parametrize("said", ["option", "variable"])
def test_a_home_that_no_shell_has_expanded_is_that_home(
    said: str, run_ampt: RunAmpt, tmp_path: Path
) -> None:
    """A folder called ~ would have the events, and no runner look there."""
    option, variable = (["--spool=~/mine"], "other") if said == "option" else ([], "~/mine")
    done = run_ampt("publish", "n", *option, env={"AMPT_SPOOL": variable})

    assert done.status == 0
    assert len(list(tmp_path.glob("home/mine/pending/*/*/*.n.json"))) == 1
    assert list((tmp_path / "cwd").iterdir()) == []


def test_what_is_written_into_a_home_is_in_that_home(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """`--output=~/x`, which no shell expands, says where that is; no folder is called ~."""
    home = tmp_path / "home"
    (tmp_path / "cwd" / "handlers.py").touch()
    run_ampt("publish", "n")
    made = run_ampt("unit", "--user", "--watch", "-m", "handlers.py", "--output=~/units")
    page = run_ampt("metrics", "--output=~/ampt.prom")

    assert (made.status, made.out) == (0, f"{home}/units/ampt.service\n")
    assert (page.status, page.err) == (0, "")
    assert (home / "units" / "ampt.service").exists()
    assert (home / "ampt.prom").exists()
    assert [path.name for path in (tmp_path / "cwd").iterdir()] == ["handlers.py"]


def test_a_home_that_there_is_not_is_refused(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """And no folder is made in its place; one that is called so can be given."""
    nobody = run_ampt("publish", "n", "--spool", "~nobody-here/x")
    none = run_ampt("publish", "n", "--spool", "~/x", env={"HOME": ""})

    assert (nobody.status, none.status) == (78, 78)
    assert nobody.err == (
        "ampt: '~nobody-here/x' is in no user's home folder; for a folder here: ./~nobody-here/x\n"
    )
    assert list((tmp_path / "cwd").iterdir()) == []
    assert run_ampt("publish", "n", "--spool", "./~").status == 0


@pytest.mark.parametrize(
    "command",
    ["publish n --spool here", "run --handlers ./h.py", "inspect --spool here", "init"],
)
def test_in_a_folder_that_was_removed(command: str, clean_env: dict[str, str], tmp_path) -> None:
    """What a relative path means there cannot be said: one line, no traceback."""
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(f'rmdir "$PWD"; "$0" {command}', clean_env, gone)

    assert done.returncode == 78
    assert done.stderr.startswith("ampt: ")
    assert "; cd to another" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_whole_path_is_used_in_a_folder_that_was_removed(clean_env, tmp_path: Path) -> None:
    """AMPT_SPOOL names it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell('rmdir "$PWD"; "$0" publish n', clean_env, gone)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "command", ["inspect", "inspect --json", "handlers -m h.py", "retry x", "run --dry-run"]
)
def test_a_closed_stdout_is_one_line(command: str, clean_env: dict[str, str], tmp_path) -> None:
    """Before anything is done."""
    done = shell(f'"$0" publish n > /dev/null; "$0" {command} >&-', clean_env, tmp_path)

    assert done.returncode == 74
    assert done.stderr == "ampt: stdout is closed: nothing was done; there is always >/dev/null\n"


HANDLER = "import sys\nfrom ampt_cli import events\nevents.on('n', lambda event: print('here'))\n"
FULL = "cannot write to stdout: No space left on device (ENOSPC)"


@pytest.mark.parametrize(
    "command",
    [
        *("inspect", "inspect --json", "inspect $id", "inspect $id --json", "inspect --config"),
        *("inspect --name n", "inspect --name n --json", "inspect --name n --group-by name"),
        *("metrics", "check", "check --monitor", "handlers -m ./h.py", "unit -m ./h.py"),
        *(
            "prune",
            "prune --json",
            "retry $id",
            "retry $id --json",
            "cancel $id",
            "call n -m ./h.py",
        ),
        *(
            "move $id --after 1h",
            "move $id --after 1h --json",
            "init",
            "run --dry-run",
            "--version",
        ),
        *("--help", "help", "inspect --help", "run --help", "publish --help", "check --help"),
        "--complete bash",
    ],
)
def test_output_that_finds_no_room_is_no_success(command: str, clean_env, tmp_path: Path) -> None:
    """Who asked does not get it: exit 75, and one line."""
    (tmp_path / "h.py").write_text(HANDLER)
    (tmp_path / "spool" / "tmp").mkdir(parents=True)
    (tmp_path / "spool" / "tmp" / "odd").touch()  # something for check to find
    done = shell(f'id=$("$0" publish n); "$0" {command} > /dev/full', clean_env, tmp_path)

    assert done.returncode == 75, done
    assert done.stderr.startswith("ampt: "), done
    assert "No space left on device (ENOSPC)" in done.stderr, done
    assert done.stderr.count("\n") == 1, done


@pytest.mark.parametrize("command", ["inspect --name n", "check --help", "inspect --json"])
def test_output_that_nobody_reads_any_more_is_no_error(command, clean_env, tmp_path) -> None:
    """As after `| head`."""
    line = f'"$0" publish n > /dev/null; mkfifo p; (: < p) & exec 3> p; wait; "$0" {command} >&3'
    done = shell(line, clean_env, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "status", "left"),
    [
        ("cancel --name n --json", 0, 0),
        ("check", 1, 3),
        ("check --json", 1, 3),
        ("check --monitor --late 1,2", 2, 3),
    ],
)
def test_a_deed_goes_on_though_nobody_reads_what_it_says(
    command: str, status: int, left: int, clean_env, tmp_path: Path, spool_dir: Path
) -> None:
    """And its status is what it is: `| head` would have left the rest, and called it well."""
    batch = '{"name": "n"}\\n' * 3
    line = f"""printf '{batch}' | "$0" publish --batch - > /dev/null
        touch spool/pending/odd spool/dead/odd
        mkfifo p; (: < p) & exec 3> p; wait; "$0" {command} >&3"""
    done = shell(line, clean_env, tmp_path)

    assert (done.returncode, done.stderr) == (status, "")
    assert len(list(spool_dir.glob("pending/*/*/*.json"))) == left


@pytest.mark.parametrize(("event", "status"), [("good", 0), ("bad", 1)])
def test_a_call_has_its_status_though_nobody_reads_what_it_says(
    event: str, status: int, clean_env, tmp_path: Path
) -> None:
    """Nor what its handlers print. What is for stderr is read there."""
    handlers = "events.on('good', print)\nevents.on('bad', lambda event: print('bad') or 1 / 0)\n"
    (tmp_path / "h.py").write_text(f"from ampt_cli import events\n{handlers}")
    line = f'mkfifo p; (: < p) & exec 3> p; wait; "$0" call {event} -m ./h.py >&3'
    done = shell(line, clean_env, tmp_path)

    assert done.returncode == status
    assert done.stderr.splitlines()[-1:] == ["ZeroDivisionError: division by zero"][:status]


def test_a_repair_goes_on_though_nobody_reads_of_it(clean_env, tmp_path: Path) -> None:
    """Nothing that it can mend is left."""
    line = """for n in 1 2 3; do "$0" publish n; done > /dev/null
        for event in spool/pending/*/*/*.json; do : > "$event"; done
        mkfifo p; (: < p) & exec 3> p; wait; "$0" check --repair >&3; "$0" check"""
    done = shell(line, clean_env, tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("command", ["publish n", "publish --batch -"])
def test_a_publish_whose_id_finds_no_room_says_so(command: str, clean_env, tmp_path: Path) -> None:
    """The event is safe, which is what the status is for."""
    done = shell(f'echo \'{{"name": "n"}}\' | "$0" {command} > /dev/full', clean_env, tmp_path)

    assert done.returncode == 0
    assert "published" in done.stderr
    assert done.stderr.endswith(f"could not be printed: {FULL}\n")


@pytest.mark.parametrize("command", ["publish n", "publish --batch -"])
def test_a_publish_whose_id_nobody_reads_says_so(command: str, clean_env, tmp_path: Path) -> None:
    """Who does not read ids might publish them again."""
    line = f"""mkfifo p; (: < p) & exec 3> p; wait; echo '{{"name": "n"}}' | "$0" {command} >&3"""
    done = shell(line, clean_env, tmp_path)

    assert done.returncode == 0
    assert "published" in done.stderr
    assert done.stderr.endswith("could not be printed: nobody reads stdout\n")


STRUCK = """
import os, signal, sys
class Struck:
    def find_spec(self, name, *_):
        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Struck())
sys.argv = ["ampt", *{argv!r}]
from ampt_cli.entry import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("module", "argv"),
    [
        ("ampt_cli.publication", ["publish", "n"]),
        ("ampt_cli.idle", ["run"]),
        ("ampt_cli.catalog", ["inspect"]),
        ("typer", ["check"]),
    ],
)
def test_ctrl_c_while_it_starts_is_no_traceback(
    module: str, argv: list[str], clean_env: dict[str, str], tmp_path: Path
) -> None:
    """It ends by the signal, as a program in C does: shells say 130."""
    program = [sys.executable, "-c", STRUCK.format(module=module, argv=argv)]
    done = subprocess.run(
        program, env=clean_env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_the_version_on_a_closed_stdout_is_no_traceback(
    clean_env: dict[str, str], tmp_path
) -> None:
    """The status says that nobody read it."""
    done = shell('"$0" --version >&-', clean_env, tmp_path)

    assert done.returncode == 74
    assert done.stderr == "ampt: stdout is closed; there is always >/dev/null\n"
    assert shell('"$0" --version', clean_env, tmp_path).stdout == f"ampt {__version__}\n"


def test_no_file_of_the_spool_gets_the_number_of_a_closed_stream(clean_env, tmp_path: Path) -> None:
    """Or what is meant for stderr would be written into an event."""
    done = shell(
        '"$0" publish n --id a <&- >&- 2>&-; echo $?; "$0" publish n --id a <&- >&- 2>&-; echo $?;'
        ' yes \'{"name":"n"}\' | head -n 5000 > lines;'
        ' "$0" publish --batch lines <&- >&- 2>&-; echo $?; "$0" check; echo $?',
        clean_env,
        tmp_path,
    )
    (tmp_path / "started.py").write_text(
        "import os; os.write(9, ' '.join(os.readlink(f'/proc/self/fd/{n}') for n in range(3)).encode())"
    )
    filled = shell(
        f'{sys.executable} -c "import os, sys; from ampt_cli import entry; entry._fill_streams();'
        " os.execv(sys.executable, [sys.executable, 'started.py'])\" 9>&1 <&- >&- 2>&-",
        clean_env,
        tmp_path,
    )

    assert done.stdout.split() == ["0", "0", "0", "0"]
    assert filled.stdout == "/dev/null /dev/null /dev/null"


@pytest.mark.parametrize("options", [[], ["-I"], ["-I", "-W", "error", "-X", "dev"]])
def test_the_package_can_be_run_by_its_name(options: list[str], clean_env, tmp_path: Path) -> None:
    """`python -m ampt_cli`, for whoever has several Pythons."""
    done = subprocess.run(
        [sys.executable, *options, "-m", "ampt_cli", "publish", "n", "--after", "1 month"],
        env=clean_env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("path", "by_name", "found"),
    [
        ("", False, False),
        ("", True, False),
        (":/opt/lib", False, False),
        (":/opt/lib", True, False),
        ("/opt/lib::/usr", False, False),
        (".", False, True),
        (".", True, True),
        (":.", False, True),
    ],
)
def test_handlers_come_from_the_current_folder_only_if_it_is_named(
    path: str, by_name: bool, found: bool, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Neither for `python -m` nor for an empty name in PYTHONPATH, which Python takes for it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    code = "from ampt_cli import events\nevents.on('n', print)\n"
    (folder / "planted.py").write_text(code, encoding="utf-8")
    program = '"$PYTHON" -m ampt_cli' if by_name else '"$0"'
    env = clean_env | {"PYTHONPATH": path, "PYTHON": sys.executable}
    done = shell(f'"$0" publish n; {program} run -m planted', env, folder)

    assert done.returncode == (0 if found else 78), done.stderr
    assert ("there is no installed module 'planted'" in done.stderr) != found


@pytest.mark.parametrize(
    "command", ["inspect --spool ''", "prune -s ''", "check --spool=", "retry x --spool ''"]
)
def test_an_empty_spool_is_not_another_one(
    command: str, clean_env: dict[str, str], tmp_path
) -> None:
    """As of a variable that is not set."""
    done = shell(f'"$0" {command}', clean_env, tmp_path)

    assert done.returncode == 2
    assert "DIR is empty; is a variable not set?" in done.stderr
