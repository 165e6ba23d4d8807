"""What a failed system call comes to."""

import errno
import os

import pytest

from ampt_cli.errors import from_os, from_several

STATUS = {
    75: ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "EFBIG"],
    77: ["EACCES", "EPERM"],
    78: ["EXDEV"],
    74: ["EIO", "EROFS"],
}


@pytest.mark.parametrize(
    ("status", "name"), [(status, one) for status in STATUS for one in STATUS[status]]
)
def test_a_system_call_that_failed_has_the_status_of_its_reason(status: int, name: str) -> None:
    """A script that gets 75 may try the same again; the others need somebody."""
    number = getattr(errno, name)
    error = from_os(OSError(number, os.strerror(number), "tmp/x"), "publish 'n'")

    assert error.exit_status == status
    assert str(error) == f"cannot publish 'n': {os.strerror(number)} ({name} at tmp/x)"


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (75, ["EMFILE"]),
        (77, ["EACCES"]),
        (77, ["EACCES", "EMFILE"]),
        (74, ["ENOTDIR"]),
        (74, ["EMFILE", "EACCES", "EIO"]),
    ],
)
def test_several_calls_that_failed_have_the_status_of_the_worst(
    status: int, names: list[str]
) -> None:
    """Each is told; 75 only where all of them may succeed later."""
    failed = {name: OSError(getattr(errno, name), name.lower()) for name in names}
    error = from_several(failed, "read", "the others were")

    assert error.exit_status == status
    told = [f"cannot read {name}: {name.lower()} ({name})" for name in sorted(names)]
    assert str(error) == "; ".join(told)
    assert error.hint is not None
    assert error.hint.endswith("the others were")
    assert ("running as uid" in error.hint) == (status == 77)


@pytest.mark.parametrize(
    ("count", "told"), [(4, ""), (5, "; and 1 more"), (1004, "; and 1,000 more")]
)
def test_of_many_calls_that_failed_some_are_told(count: int, told: str) -> None:
    """One line that can be read; its status is that of all."""
    failed = {f"{number:04}": OSError(errno.ENOSPC, "full") for number in range(count - 1)}
    error = from_several(failed | {"9": OSError(errno.EIO, "broken")}, "read", "the others were")

    last = "9: broken (EIO)" if count == 4 else "0003: full (ENOSPC)"
    assert str(error).endswith(f"; cannot read {last}{told}")
    assert str(error).count("cannot read") == 4
    assert error.exit_status == 74
