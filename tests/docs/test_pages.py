"""What the pages say works: Python blocks are run, shell blocks tried, links followed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from ampt_cli import events
from ampt_cli.handlers import REGISTRY
from tests.conftest import SCRIPT

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REFERENCE, DEFINITION = re.compile(r"\]\[([\w-]+)\]"), re.compile(r"^\[([\w-]+)\]: ", re.M)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")
TRIED = ["operating.md"]  # pages whose sh blocks stand on their own


def blocks(page: Path, language: str) -> list[str]:
    """The code in a page."""
    return [code for found, code in BLOCK.findall(page.read_text("utf-8")) if found == language]


@pytest.fixture
def registry():
    """Handlers that an example registers are forgotten."""
    yield REGISTRY
    REGISTRY.clear()


PYTHON = [(page.name, code) for page in PAGES for code in blocks(page, "python")]


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=[page for page, _ in PYTHON])
def test_python_in_a_page_can_be_run(page: str, code: str, registry, tmp_path, monkeypatch) -> None:
    """Names are right, handlers are accepted, and what is published is in the spool."""
    spool = tmp_path / "spool"
    monkeypatch.setattr(events, "spool", str(spool))
    exec(compile(code, page, "exec"), {"__name__": "example"})  # noqa: S102

    assert registry.handlers or list(spool.glob("pending/*/*/*.json"))


def test_python_is_found() -> None:
    """A page without a block would pass above without a word."""
    assert len([page for page, _ in PYTHON if page == "handlers.md"]) >= 6


@pytest.mark.parametrize("page", TRIED)
def test_shell_in_a_page_works(page: str, run_ampt, clean_env, write_handlers) -> None:
    """On a spool with an event in every state."""
    code = "@events.on('mail.send')\ndef f(event):\n    raise ConnectionError\n"
    code += "from ampt_cli import GiveUp\n@events.on('x')\ndef g(event):\n    raise GiveUp('no')\n"
    handlers = write_handlers(code)
    for name in ("mail.send", "x", "ignored"):
        run_ampt("publish", name)
    run_ampt("run", "--handlers", handlers)
    run_ampt("publish", "mail.send", "--after", "1 day")

    env = {**clean_env, "PATH": f"{SCRIPT.parent}:{os.environ['PATH']}"}
    for block in blocks(ROOT / "docs" / page, "sh"):
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], env=env, capture_output=True, text=True
        )
        assert (ended.returncode, ended.stderr) == (0, ""), block
        if "jq -c" in block:
            assert '["x",null]' in ended.stdout
            assert "1 GiveUp: no" in ended.stdout


def test_what_is_done_or_dead_may_be_deleted(
    run_ampt, clean_env, write_handlers, spool_dir: Path
) -> None:
    """As the page says it: by error and by name; what is left is whole, and an id is free again."""
    code = "from ampt_cli import GiveUp\n@events.on('mail.send')\ndef f(event):\n"
    handlers = write_handlers(code + "    if event.body: raise GiveUp(event.body)\n")
    for body in ('"no such user"', '"refused"', "null"):
        run_ampt("publish", "mail.send", body, "--id", f"id-{len(body)}")
    run_ampt("publish", "other")
    run_ampt("run", "--handlers", handlers)
    page = blocks(ROOT / "docs" / "operating.md", "sh")
    [block] = [code for code in page if "rm --" in code]
    env = {**clean_env, "PATH": f"{SCRIPT.parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=env, check=True)
    left = sorted(path.name.split(".")[1] for path in spool_dir.glob("d*/*/*.json"))
    kept = [path.name for path in spool_dir.glob("ids/*/[!.]*")]
    again = run_ampt("publish", "mail.send", '"no such user"', "--id", "id-14")

    assert "id-9" in left
    assert len(left) == 2
    assert kept == ["id-9"]
    assert (again.status, again.err) == (0, "")
    assert run_ampt("check").status == 0


def test_the_first_minute_of_the_readme_works_as_it_stands(tmp_path: Path, clean_env) -> None:
    """In a fresh home and an empty folder; what its comments promise is what comes out."""
    code = next(code for code in blocks(ROOT / "README.md", "sh") if "ampt init" in code)
    env = {name: value for name, value in clean_env.items() if not name.startswith("AMPT_")}
    env |= {"PATH": f"{SCRIPT.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    folder = tmp_path / "shop"
    folder.mkdir()

    ended = subprocess.run(
        ["sh", "-euc", code], cwd=folder, env=env, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stderr
    assert "| welcome {'user_id': 7}" in ended.stderr
    assert re.search(r"pending +1\b", ended.stdout)
    assert re.search(r"done +1\b", ended.stdout)
    listed = [line.split("\t") for line in ended.stdout.splitlines() if "\tuser.joined" in line]
    assert sorted(line[1] for line in listed) == ["done", "pending"]
    assert {path.name for path in folder.iterdir()} == {"ampt.toml", "handlers.py"}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of this project, and to a heading of it."""
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        file = (page.parent / target) if target else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor[1:] in map(_anchor, headings), (target, anchor)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_source_of_a_page_is_named_and_used(page: Path) -> None:
    """`[text][name]` has its `[name]: address`, in order, and no address is left over."""
    text = page.read_text("utf-8")

    assert sorted(set(REFERENCE.findall(text))) == DEFINITION.findall(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    """A promise that is "shown by" a test that is gone is shown by nothing."""
    for name in re.findall(r"`(tests/[\w/.]+|test_\w+\.py)`", page.read_text("utf-8")):
        assert list(ROOT.glob(name if "/" in name else f"tests/*/{name}")), name
