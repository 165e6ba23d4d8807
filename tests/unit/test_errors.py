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
