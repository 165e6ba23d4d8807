"""What a publisher may be given, and under which clock and zone."""

import json
import os
import subprocess
import unicodedata
from pathlib import Path

import pytest

from ampt_cli import instants, publication
from ampt_cli.errors import TryAgain
from tests.conftest import SCRIPT

LEGAL = ["a/b", "..", ".", ".hidden", "%2F", "a b", "é", "😀" * 32, "%" * 128, "/" * 128, "é" * 64]
ILLEGAL = ["", "a\nb", "a\tb", "\x1b[2J", "\x7f", "a\x9fb", " a", "a ", "x" * 129, "é" * 65]


def files(spool_dir: Path) -> list[Path]:
    """Every entry, and whatever else a publish may have left."""
    kept = {"FORMAT", "wake", ".durable", "lock"}
    return [path for path in spool_dir.rglob("*") if not path.is_dir() and path.name not in kept]


@pytest.mark.row(22)
@pytest.mark.parametrize("name", LEGAL, ids=ascii)
def test_any_other_text_is_a_name_and_stays_in_its_folder(
    name: str, run_ampt, spool_dir: Path, tmp_path: Path
) -> None:
    """It is given back as it was."""
    id_ = run_ampt("publish", name).out.strip()
    outside = {path.name for path in tmp_path.iterdir()}

    [path] = files(spool_dir)
    assert path.parent.parent.parent == spool_dir / "pending"
    assert len(path.name) <= 255
    assert json.loads(run_ampt("inspect", id_, "--json").out)["name"] == name
    assert outside == {"spool", "home", "cwd"}


@pytest.mark.row(22)
@pytest.mark.row(23)
@pytest.mark.parametrize("name", ILLEGAL, ids=ascii)
def test_an_illegal_name_is_refused_and_shown_escaped(name: str, run_ampt, spool_dir: Path) -> None:
    """Exit 2, before any file is made."""
    refused = run_ampt("publish", name)

    assert (refused.status, refused.out) == (2, "")
    assert refused.err.rstrip("\n").isprintable()
    assert not spool_dir.exists()


@pytest.mark.row(24)
def test_two_forms_of_one_word_are_two_names(run_ampt, spool_dir: Path) -> None:
    """Bytes are compared."""
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    for name in names:
        run_ampt("publish", name)

    listed = run_ampt("inspect", "--state", "pending", "--json").out.splitlines()
    assert sorted(names) == sorted(json.loads(line)["name"] for line in listed)
    assert len(run_ampt("inspect", "--name", names[0], "--json").out.splitlines()) == 1


@pytest.mark.row(8)
@pytest.mark.row(10)
@pytest.mark.row(25)
@pytest.mark.parametrize(
    "body",
    ["{", "", "nul", "'a'", '"\\ud800"', '{"a":1,"a":2}', "NaN", "1e999", "@missing", "@/"]
    + ["1 2", "{}x", "[1]]", "null\u00a0", '{"a":1}{"b":2}'],
)
def test_a_body_that_is_no_json_is_refused(body: str, run_ampt, spool_dir: Path) -> None:
    """Exit 2, with what was wrong."""
    refused = run_ampt("publish", "n", body)

    assert (refused.status, refused.out) == (2, "")
    assert "cannot read" in refused.err or "JSON" in refused.err
    assert not spool_dir.exists()


@pytest.mark.row(25)
@pytest.mark.parametrize("form", ["closed", "empty", "torn"])
def test_a_body_from_a_broken_pipe_is_refused(form: str, clean_env, spool_dir: Path) -> None:
    """Whatever came before its writer died is no event."""
    script = {
        "closed": '"$0" publish n - <&-',
        "empty": 'true | "$0" publish n -',
        "torn": 'printf \'{"half":\' | "$0" publish n -',
    }[form]
    ended = subprocess.run(
        ["sh", "-c", script, SCRIPT], env=clean_env, capture_output=True, text=True
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("ampt: ")
    assert not spool_dir.exists()


@pytest.mark.row(26)
def test_a_chosen_id_again_changes_nothing_and_with_another_body_is_an_error(
    run_ampt, spool_dir: Path
) -> None:
    """Under another name too, and after it has run."""
    run_ampt("publish", "n", '{"a": 1, "b": 2}', "--id", "order-7")
    before = {path: path.read_bytes() for path in files(spool_dir)}
    again = run_ampt("publish", "n", '{"b":2,"a":1}', "--id", "order-7")
    body = run_ampt("publish", "n", '{"a": 1}', "--id", "order-7")
    name = run_ampt("publish", "m", '{"a": 1, "b": 2}', "--id", "order-7")

    assert (again.status, again.out) == (0, "order-7\n")
    assert "already" in again.err
    assert (body.status, name.status) == (2, 2)
    assert body.err == name.err
    assert "with another name or body; see: ampt inspect order-7\n" in body.err
    assert before == {path: path.read_bytes() for path in files(spool_dir)}


@pytest.mark.parametrize("id_", ["7", "-7", "--help", "_"])
def test_the_command_that_a_refused_id_is_answered_with_works(id_: str, run_ampt) -> None:
    """Also where the id would be taken for an option."""
    run_ampt("publish", "n", "1", f"--id={id_}")
    refused = run_ampt("publish", "n", "2", f"--id={id_}")
    _, _, command = refused.err.partition("; see: ampt ")
    shown = run_ampt(*command.split())

    assert (refused.status, shown.status) == (2, 0)
    assert f"  id         {id_}\n" in shown.out


def test_a_chosen_id_whose_event_is_damaged_says_so(run_ampt, spool_dir: Path) -> None:
    """With the id and the file, in a batch with its line; the id is free once that is deleted."""
    run_ampt("publish", "n", "1", "--id", "order-7")
    [second] = spool_dir.glob("ids/*/order-7")
    os.truncate(second, 20)
    again = run_ampt("publish", "n", "1", "--id", "order-7")
    batch = run_ampt("publish", "--batch", "-", stdin='{"name": "n", "id": "order-7"}\n')
    second.unlink()
    anew = run_ampt("publish", "n", "1", "--id", "order-7")

    assert (again.status, again.out) == (74, "")
    assert f"'order-7' was published before, and cannot be compared: {second} is damag" in again.err
    assert again.err.endswith("inspect order-7; to publish the id again, delete that file\n")
    assert (batch.status, batch.out) == (74, "")
    assert "line 1: the id 'order-7'" in batch.err
    assert anew.status == 0


def test_a_chosen_id_whose_event_is_of_a_newer_format_says_so(run_ampt, spool_dir: Path) -> None:
    """With the id, and what is to be done; nothing is changed."""
    run_ampt("publish", "n", "1", "--id", "order-7")
    [second] = spool_dir.glob("ids/*/order-7")
    second.write_bytes(newer := second.read_bytes().replace(b'"ampt":1', b'"ampt":2'))
    again = run_ampt("publish", "n", "1", "--id", "order-7")

    assert (again.status, again.out) == (78, "")
    assert "'order-7' was published before, and cannot be compared: its format is 2" in again.err
    assert "upgrade; see: ampt inspect order-7" in again.err
    assert [file.read_bytes() for file in files(spool_dir)] == [newer] * 2


@pytest.mark.row(29)
@pytest.mark.parametrize("now", [-1, instants.LAST, instants.LAST - instants.DAY])
def test_a_clock_outside_its_years_is_wrong(now: int) -> None:
    """Before 1970, and where a year ahead is after 9999."""
    with pytest.raises(TryAgain, match="clock is wrong"):
        publication.draft("n", None, None, now)


@pytest.mark.row(30)
@pytest.mark.parametrize(
    "zone", ["Pacific/Apia", "America/New_York", "Not/AZone", ":/dev/null", None]
)
def test_no_zone_changes_a_due_time(zone: str | None, run_ampt) -> None:
    """A time without a zone is UTC, and a day has 24 hours, also where Samoa had none."""
    env = {"TZ": zone}
    year = int(subprocess.run(["date", "-u", "+%Y"], capture_output=True, text=True).stdout) + 1
    told = [
        json.loads(run_ampt("publish", "n", "--after", after, "--json", env=env).out)
        for after in (f"{year}-01-01T00:00", "1 day", "1 month")
    ]
    shown = run_ampt("inspect", told[0]["id"], env=env).out

    new_year = int(
        subprocess.run(
            ["date", "-u", "-d", f"{year}-01-01", "+%s"], capture_output=True, text=True
        ).stdout
    )
    assert told[0]["due"] == new_year * 1000
    assert told[1]["delay"] == 86_400_000
    assert told[2]["delay"] % 86_400_000 == 0
    assert f"{year}-01-01T00:00:00Z" in shown or f"{year}-01-01 00:00" in shown


@pytest.mark.row(48)
def test_a_publish_whose_output_is_closed_still_tells_the_truth(clean_env, spool_dir: Path) -> None:
    """It is published, the status says so, and the id goes to stderr."""
    ended = subprocess.run(
        ["sh", "-c", '"$0" publish n >&-', SCRIPT], env=clean_env, capture_output=True, text=True
    )
    [path] = files(spool_dir)

    assert ended.returncode == 0
    assert path.name.split(".")[1] in ended.stderr

    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [SCRIPT, "publish", "n"], env=clean_env, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ended.returncode == 0
    assert "published" in ended.stderr


@pytest.mark.rule(7)
def test_a_body_in_a_file_never_stands_in_the_arguments(
    run_ampt, tmp_path: Path, spool_dir: Path
) -> None:
    """Others can read the arguments of a process: a file and stdin are for what they must not."""
    secret = tmp_path / "secret.json"
    secret.write_text('{"token": "s3cret"}', encoding="utf-8")
    secret.chmod(0o600)

    by_file = run_ampt("publish", "n", f"@{secret}")
    by_stdin = run_ampt("publish", "n", "-", stdin=secret.read_bytes())

    assert (by_file.status, by_stdin.status) == (0, 0)
    assert "read the arguments" in " ".join(run_ampt("publish", "--help").out.split())
    for path in files(spool_dir):
        assert b"s3cret" in path.read_bytes()
        assert os.stat(path).st_mode & 0o777 == 0o600
