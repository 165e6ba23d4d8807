"""What a failed system call comes to."""

import errno
import os

import pytest

from ampt_cli.errors import from_os

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
