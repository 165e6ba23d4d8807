"""Completion in real shells, at a real line editor."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import SCRIPT

READY, DONE = "now ready", "=line="
ANNOUNCE = ". ./setup; printf '%s %s\\n' now ready\n"  # what is echoed is not what it prints

# What is typed before TAB, and what the line is then. ID is the one dead event's.
LINES = {
    "insp": "inspect",
    "inspect --sta": "inspect --state",
    "inspect --state de": "inspect --state dead",
    "inspect --sort sta": "inspect --sort state",
    "run --log-format js": "run --log-format json",
    "retry --state de": "retry --state dead",
    "retry --state qu": "retry --state quarantine",
    "inspect ID": "inspect ID",
    "retry ID": "retry ID",
    "inspect --name mai": "inspect --name mail.send",
    "publish mai": "publish mail.send",
    "run --name mai": "run --name mail.send",
    "publish order:pa": "publish order:paid",
    "publish --batch some.j": "publish --batch some.json",
    "help insp": "help inspect",
}
ELSEWHERE = {
    "inspect --spool OTHER oth": "inspect --spool OTHER other-1",
    "inspect --spool ~/../other oth": "inspect --spool ~/../other other-1",
    "inspect --spool $HOME/../other oth": "inspect --spool $HOME/../other other-1",
    'inspect --spool "OTHER" oth': 'inspect --spool "OTHER" other-1',
}


@pytest.fixture
def dead(run_ampt, write_handlers, tmp_path: Path) -> str:
    """A spool with a dead event and others; the dead one's id."""
    code = (
        "from ampt_cli import GiveUp\n\n@events.on('mail.send')\ndef f(event):\n    raise GiveUp\n"
    )
    handlers = write_handlers(code)
    id_ = run_ampt("publish", "mail.send").out.strip()
    run_ampt("run", "--handlers", handlers)
    run_ampt("publish", "order:paid", "--after", "1 day")
    run_ampt("publish", "x", "--id", "other-1", "--after", "1 day", "--spool", tmp_path / "other")
    (tmp_path / "some.json").touch()
    return str(id_)


def cases(dead: str, tmp_path: Path) -> dict[str, str]:
    """The lines above, with what ID and OTHER stand for."""
    made = {}
    for typed, line in (LINES | ELSEWHERE).items():
        other = str(tmp_path / "other")
        typed_id = typed.replace("ID", dead[:6]).replace("OTHER", other)
        made[typed_id] = line.replace("ID", dead).replace("OTHER", other)
    return made


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, argv: list[str], env: dict[str, str], folder: Path) -> None:
        self.master, slave = pty.openpty()
        self.shell = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            cwd=folder,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""

    def type(self, keys: str, until: str) -> str:
        """Type, wait for `until`; all that was shown meanwhile."""
        os.write(self.master, keys.encode())
        end = time.monotonic() + 10
        start = len(self.shown)
        while not re.search(until, self.shown[start:]):
            if time.monotonic() > end:
                pytest.fail(f"{until!r} was not shown: {self.shown[start:]!r}")
            if select.select([self.master], [], [], 0.1)[0]:
                self.shown += os.read(self.master, 65_536).decode("utf-8", "replace")
        return self.shown[start:]

    def line_after_tab(self, typed: str) -> str:
        """The line that TAB makes of `ampt typed`."""
        shown = self.type(f"ampt {typed}\t\x18\x10", f"{DONE}<(.*?)>")
        found = re.search(f"{DONE}<(.*?)>", shown)
        assert found is not None
        self.type("\x15", "")  # empty the line
        return found[1].removeprefix("ampt ").rstrip()

    def close(self) -> None:
        """Kill it."""
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        os.close(self.master)


# As docs/operating.md says to load them.
BASH = f"""\
eval "$(ampt --complete bash)"
show() {{ printf '%s\\n' "{DONE}<$READLINE_LINE>"; }}
bind -x '"\\C-x\\C-p": show'
bind 'set bell-style none'
"""
ZSH = f"""\
autoload -Uz compinit
compinit -u -D
eval "$(ampt --complete zsh)"
show() {{ print -r -- "{DONE}<$BUFFER>" }}
zle -N show
bindkey -e
bindkey '^X^P' show
setopt no_beep
"""


def environment(clean_env: dict[str, str]) -> dict[str, str]:
    """A user's, with the installed ampt in PATH."""
    path = f"{SCRIPT.parent}:{os.environ['PATH']}"
    return {**clean_env, "PATH": path, "TERM": "dumb", "PS1": "$ "}


def needs(shell: str) -> None:
    """Skip where the shell is missing."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


@pytest.mark.parametrize(
    ("shell", "options", "setup"),
    [("bash", ["--norc", "--noprofile", "-i"], BASH), ("zsh", ["-f", "-i"], ZSH)],
    ids=["bash", "zsh"],
)
def test_tab_completes_at_the_line_editor(
    shell: str, options: list[str], setup: str, dead: str, clean_env, tmp_path: Path
) -> None:
    """Commands, options, states, ids, names, files: in a shell that somebody types into."""
    needs(shell)
    (tmp_path / "setup").write_text(setup, encoding="utf-8")
    terminal = Terminal([shell, *options], environment(clean_env), tmp_path)
    try:
        terminal.type(ANNOUNCE, READY)
        wanted = cases(dead, tmp_path)
        got = {typed: terminal.line_after_tab(typed) for typed in wanted}
    finally:
        terminal.close()

    assert {typed: unquoted(line) for typed, line in got.items()} == wanted


def unquoted(line: str) -> str:
    """A shell may quote what it need not."""
    return line.replace("\\", "")


def test_fish_offers_the_same(dead: str, clean_env, tmp_path: Path) -> None:
    """`complete -C` is what fish itself asks at TAB."""
    needs("fish")
    for typed, line in cases(dead, tmp_path).items():
        asked = f"ampt --complete fish | source; complete -C 'ampt {typed}'"
        ended = subprocess.run(
            ["fish", "--no-config", "-c", asked],
            env=environment(clean_env),
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        offered = [shown.split("\t")[0] for shown in ended.stdout.splitlines()]
        assert offered == [line.split()[-1]], (typed, ended.stderr)


# What finds a script by itself, below DATA, for the second name of the command.
FINDS = {
    "bash": """\
. /usr/share/bash-completion/bash_completion
COMP_WORDS=(ampt-cli insp) COMP_CWORD=1 COMP_LINE='ampt-cli insp' COMP_POINT=13
_completion_loader ampt-cli
set -- $(complete -p ampt-cli)
"$3" ampt-cli insp ampt-cli
echo "${COMPREPLY[@]}"
""",
    "zsh": """\
fpath=(DATA/zsh/site-functions $fpath)
autoload -Uz compinit
compinit -u -D
functions -u _ampt >/dev/null && [[ $_comps[ampt-cli] = _ampt ]] && echo inspect
""",
    "fish": "complete -C 'ampt-cli insp' | string split --fields 1 \\t",
}


@pytest.mark.parametrize("shell", FINDS)
def test_a_shell_finds_what_was_installed_for_either_name(
    shell: str, clean_env, tmp_path: Path
) -> None:
    """In share/ beside the bin/ of the command, if the shell looks there."""
    needs(shell)
    if shell == "bash" and not Path("/usr/share/bash-completion/bash_completion").exists():
        pytest.skip("bash-completion is not installed")
    share = SCRIPT.parents[1] / "share"
    env = {**environment(clean_env), "XDG_DATA_DIRS": f"{share}:/usr/share"}
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": []}[shell]
    ended = subprocess.run(
        [shell, *quiet, "-c", FINDS[shell].replace("DATA", str(share))],
        env=env,
        capture_output=True,
        text=True,
    )

    assert (ended.stdout, ended.stderr) == ("inspect\n", "")


def test_a_script_that_is_not_there_is_named(run_ampt, tmp_path: Path) -> None:
    """As after pip install --target, which leaves share/ out."""
    alone = tmp_path / "bin" / "ampt"
    alone.parent.mkdir()
    alone.write_text(f"#!{sys.executable}\n" + SCRIPT.read_text().split("\n", 1)[1])
    alone.chmod(0o755)
    ended = subprocess.run([alone, "--complete", "bash"], capture_output=True, text=True)
    wanted = tmp_path / "share" / "bash-completion" / "completions" / "ampt"

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"ampt: there is no {wanted}: ")


def test_bash_completes_after_an_equals_sign(dead: str, clean_env, tmp_path: Path) -> None:
    """`--state=de`: bash takes = for the end of a word."""
    needs("bash")
    (tmp_path / "setup").write_text(BASH, encoding="utf-8")
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], environment(clean_env), tmp_path)
    try:
        terminal.type(ANNOUNCE, READY)
        assert terminal.line_after_tab("inspect --state=de") == "inspect --state=dead"
    finally:
        terminal.close()


def test_ids_are_those_that_the_command_may_take(run_ampt, dead: str) -> None:
    """A dead event is offered to retry, and not to cancel."""
    assert run_ampt("--complete", "ids", "retry", "").out.startswith(f"{dead}\tdead mail.send\n")
    assert dead not in run_ampt("--complete", "ids", "cancel", "").out


def test_where_there_is_no_spool_nothing_is_said(run_ampt, tmp_path: Path) -> None:
    """A TAB is no place for an error line."""
    ended = run_ampt("--complete", "ids", "inspect", "", tmp_path / "none")

    assert (ended.out, ended.err) == ("", "")


@pytest.mark.parametrize("words", [["ksh"], ["names;x"], ["bash", "zsh"], [""], []])
def test_an_unknown_shell_is_told_nothing_to_evaluate(run_ampt, words: list[str]) -> None:
    """`eval "$(ampt --complete ksh)"` would take the names of events for commands."""
    run_ampt("publish", "touch stolen")
    ended = run_ampt("--complete", *words)

    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("ampt: there is no completion for ")
    assert ended.err.endswith("; one of bash, zsh, fish\n")
