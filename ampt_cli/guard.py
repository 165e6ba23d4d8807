"""What stands around every command but `publish` and `run`: one place catches errors."""

import signal
import sys
from collections.abc import Callable

from ampt_cli.errors import AmptError, from_os
from ampt_cli.printing import complain


def guarded(command: str, work: Callable[[], int]) -> int:
    """Do the work of a command; its exit status, and one line on stderr where it failed.

    From here on Ctrl-C is KeyboardInterrupt, so that commands can finish what they are at.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return work()
    except AmptError as error:
        return complain(error)
    except BrokenPipeError:  # nobody reads stdout any more (`| head`): none at exit either
        sys.stdout = None
        return 0
    except OSError as error:
        return complain(from_os(error, f"run ampt {command}"))
    except KeyboardInterrupt:
        return 130
