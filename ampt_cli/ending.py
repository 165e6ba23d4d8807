"""How a worker ended, and whose fault that is. Pure."""

import signal

from ampt_cli.errors import ConfigError
from ampt_cli.typed import Any, Value

CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGABRT,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGTRAP,  # how some compilers abort
        signal.SIGSYS,  # a system call that a sandbox forbids
    }
)
KILLED_HINT = "somebody has killed it, or the kernel, for want of memory; see: dmesg"
TIMEOUT = "timeout"  # why its supervisor killed it, where a handler had been over its time


class Ending(Value):
    """The end of one worker."""

    status: int  # as subprocess has it: negative for a signal
    killed_for: str  # TIMEOUT; else, after "the worker", why its supervisor killed it; or ""

    def by_others(self) -> bool:
        """Whether a signal has ended it that is neither ours nor a crash of its own."""
        return self.status < 0 and -self.status not in CRASHES and not self.killed_for

    def by_itself(self) -> bool:
        """Whether nobody has killed it: it left, or crashed."""
        return not (self.killed_for or self.by_others())

    def why(self) -> str:
        """What is said of it, after "the worker"."""
        return self.manner() if self.killed_for in {"", TIMEOUT} else self.killed_for

    def refusal(self) -> dict[str, Any]:
        """Why no other worker is worth a try: the fault of the handlers (78), or not (75)."""
        told = {"error": f"the worker {self.why()}", "status": 78}
        if self.by_others():
            told["status"] = 75
            if self.status == -signal.SIGKILL:
                told["hint"] = KILLED_HINT
        return told

    def manner(self) -> str:
        """How it ended, for people."""
        if self.status >= 0:
            return f"exited with status {self.status} without a result"
        try:
            name = f" ({signal.Signals(-self.status).name})"
        except ValueError:
            name = ""
        return f"was killed by signal {-self.status}{name}"


class Unusable(ConfigError):
    """No worker can import the handlers, or stay to run them; `told` as in `Ending.refusal`."""

    def __init__(self, target: str, told: dict[str, Any], tried: str = "import") -> None:
        what = f"cannot {tried} the handlers {target}: {told['error']}"
        super().__init__(what, told.get("hint"))
        self.exit_status = told["status"]
        self.traceback = told.get("traceback", "")
