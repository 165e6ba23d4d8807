"""A batch is written as single events are."""

import os
from pathlib import Path

from ampt_cli import batch, place
from tests.conftest import RunAmpt


def test_a_batch_is_private_and_readable_whatever_the_umask(tmp_path: Path) -> None:
    """Its files are 0600, also where the umask would take the owner's own bits."""
    disk = place.open_disk(str(tmp_path / "spool"), create=True)
    before = os.umask(0o777)
    try:
        batch.publish_many(disk, [("n", None, None, None)] * 3, lambda: 1_800_000_000_000)
    finally:
        os.umask(before)

    modes = [path.stat().st_mode & 0o777 for path in tmp_path.glob("spool/pending/*/*/*.json")]
    assert modes == [0o600] * 3


def test_the_answers_of_a_long_batch_are_printed_whole(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """Wherever a piece of them is cut, no character is."""
    lines = tmp_path / "batch"
    lines.write_text('{"name":"ž€🙂ž€🙂ž€🙂ž€🙂ž€🙂ž€🙂ž"}\n' * 9_000, encoding="utf-8")
    done = run_ampt("publish", "--batch", str(lines), "--json")

    assert done.status == 0, done.err
    assert done.out.count('"name":"ž€🙂') == 9_000
