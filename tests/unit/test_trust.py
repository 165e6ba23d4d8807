"""Whose files may be believed: by their owner, group and mode."""

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from ampt_cli import trust
from ampt_cli.errors import Denied

ME, MINE, OTHERS = 1000, 1000, 50  # a user, its primary group, and another group


def system(monkeypatch: pytest.MonkeyPatch, me: int, there: dict[str, SimpleNamespace]) -> None:
    """A system with these files, as `trust` sees it."""

    def status(path: str) -> SimpleNamespace:
        if path not in there:
            raise FileNotFoundError(path)
        return there[path]

    group = MINE if me else 0
    ids = {"geteuid": lambda: me, "getegid": lambda: group}
    seen = SimpleNamespace(path=os.path, stat=status, lstat=status, **ids)
    monkeypatch.setattr(trust, "os", seen)


@pytest.mark.rule(4)
@pytest.mark.parametrize(
    ("me", "owner", "group", "mode", "wrong"),
    [
        (ME, ME, MINE, 0o600, ""),
        (ME, 0, OTHERS, 0o644, ""),
        (ME, ME, MINE, 0o664, ""),  # as a umask of 002 leaves it
        (ME, 0, MINE, 0o664, ""),
        (ME, ME, OTHERS, 0o664, r"others may write it \(mode 0664\)"),
        (ME, ME, MINE, 0o602, r"others may write it \(mode 0602\)"),
        (ME, 1001, MINE, 0o600, "it belongs to uid 1001, and this is uid 1000"),
        (0, 0, 0, 0o644, ""),
        (0, 0, 0, 0o664, r"others may write it \(mode 0664\)"),
        (0, 0, OTHERS, 0o620, r"others may write it \(mode 0620\)"),
        (0, ME, MINE, 0o600, "it belongs to uid 1000, and this is uid 0"),
    ],
)
def test_a_file_is_believed_that_no_other_user_could_have_written(
    me: int, owner: int, group: int, mode: int, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One's own or root's; a user's own group may write it too, but none of root's."""
    there = SimpleNamespace(st_uid=owner, st_gid=group, st_mode=stat.S_IFREG | mode)
    folder = SimpleNamespace(st_uid=0, st_gid=0, st_mode=stat.S_IFDIR | 0o755)
    system(monkeypatch, me, {"/etc/x": there, "/etc": folder})

    if wrong:
        with pytest.raises(Denied, match=f"the file /etc/x is refused: {wrong}"):
            trust.check("/etc/x", "the file")
    else:
        trust.check("/etc/x", "the file")


@pytest.mark.parametrize(("mode", "refused"), [(0o777, True), (0o1777, False), (0o775, False)])
def test_a_file_is_not_believed_where_anybody_could_put_another(
    mode: int, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that all may write; with the sticky bit nobody can."""
    there = SimpleNamespace(st_uid=ME, st_gid=MINE, st_mode=stat.S_IFREG | 0o600)
    folder = SimpleNamespace(st_uid=ME, st_gid=MINE, st_mode=stat.S_IFDIR | mode)
    system(monkeypatch, ME, {"/srv/x": there, "/srv": folder})

    if refused:
        with pytest.raises(Denied, match="the file /srv/x is refused: anybody may write in /srv"):
            trust.check("/srv/x", "the file")
    else:
        trust.check("/srv/x", "the file")


@pytest.mark.rule(2)
@pytest.mark.parametrize(
    ("owner", "mode", "kept_by", "wrong"),
    [
        (0, 0o755, None, ""),
        (ME, 0o777 & ~0o002, None, ""),  # a group's: whoever is in it was let in
        (0, 0o1777, None, ""),
        (0, 0o777, None, "anybody may replace the spool: /srv is writable by all"),
        (1001, 0o755, None, "uid 1001 may replace the spool: /srv belongs to it"),
        (1001, 0o755, 1001, ""),
        (1002, 0o755, 1001, "uid 1002 may replace the spool"),
        (1001, 0o1777, None, "uid 1001 may replace the spool"),
    ],
)
def test_a_way_is_believed_on_which_nobody_else_could_put_something_else(
    owner: int, mode: int, kept_by: int | None, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each folder above is ours, root's, or of whoever owns what is at its end."""
    there = SimpleNamespace(st_uid=owner, st_gid=0, st_mode=stat.S_IFDIR | mode)
    root = SimpleNamespace(st_uid=0, st_gid=0, st_mode=stat.S_IFDIR | 0o755)

    system(monkeypatch, ME, {"/srv": there, "/": root})

    if wrong:
        with pytest.raises(Denied, match=wrong):
            trust.check_above("/srv/missing/spool", "the spool", kept_by)
    else:
        trust.check_above("/srv/missing/spool", "the spool", kept_by)


@pytest.mark.timeout(20)
def test_a_way_that_begins_with_two_slashes_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `$PREFIX/var/spool` has them where PREFIX is /; POSIX keeps two, and nothing is above."""
    there = SimpleNamespace(st_uid=0, st_gid=0, st_mode=stat.S_IFDIR | 0o755)
    system(monkeypatch, ME, {"//srv": there, "//": there})

    trust.check_above("//srv/spool", "the spool")


def test_where_a_link_leads_to_and_where_we_are_is_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can exchange the file behind a link of ours need not touch the link."""
    there, mine = tmp_path / "open", tmp_path / "mine"
    there.mkdir(mode=0o700)
    mine.mkdir(mode=0o700)
    (there / "h.py").touch(mode=0o600)
    (mine / "h.py").symlink_to(there / "h.py")
    trust.check_module(str(mine / "h.py"), "the file")
    there.chmod(0o1777)  # in which nobody exchanges our file, but whence others are imported

    with pytest.raises(Denied, match=f"the folder of the file {there} is refused"):
        trust.check_module(str(mine / "h.py"), "the file")
    there.chmod(0o777)
    monkeypatch.chdir(there)
    with pytest.raises(Denied, match=f"anybody may write in {there}"):
        trust.check_folder("new", "the file")
