"""Tell the service manager: ready, alive, what is being done (sd_notify(3))."""

import os
from time import monotonic, monotonic_ns

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
STATUS_EVERY = 1.0  # s


class Manager:
    """A service manager that wants to be told."""

    def __init__(self, address: str, watchdog: float) -> None:
        # A leading @ is how an address in the abstract namespace is written.
        self.address = "\0" + address[1:] if address[:1] == "@" else address
        import socket  # noqa: PLC0415  gate: only where a manager wants to be told

        self.every = watchdog / 3  # s between signs of life; 0 where none are wanted
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.next_sign = self.next_status = 0.0
        self.status = ""

    def send(self, *lines: str) -> None:
        """One datagram. A manager that does not listen is no reason to stop working."""
        try:
            self.socket.sendto("\n".join(lines).encode(), self.address)
        except OSError:
            pass

    def state(self, word: str) -> None:
        """What the runner has come to: ready, reloading or stopping."""
        if word == "ready":
            self.send("READY=1", "STATUS=waiting for events")
        elif word == "reloading":
            now = f"MONOTONIC_USEC={monotonic_ns() // 1000}"
            self.send("RELOADING=1", now, "STATUS=importing the handlers anew")
        elif word == "stopping":
            self.send("STOPPING=1", "STATUS=waiting for running handlers")

    def alive(self, status: str) -> None:
        """Called as the loop turns: a sign of life when one is due, and a new status."""
        now = monotonic()
        if self.every and now >= self.next_sign:
            self.next_sign = now + self.every
            self.send("WATCHDOG=1")
        if status != self.status and now >= self.next_status:
            self.next_status = now + STATUS_EVERY
            self.status = status
            self.send(f"STATUS={status}")


def manager() -> Manager | None:
    """The manager that the environment names. Handlers do not inherit it: they must not answer."""
    found = {name: os.environ.pop(name, "") for name in VARIABLES}
    address = found["NOTIFY_SOCKET"]
    if address[:1] not in ("/", "@"):
        return None
    mine = found["WATCHDOG_PID"] in ("", str(os.getpid()))
    usec = found["WATCHDOG_USEC"]
    watchdog = int(usec) / 1_000_000 if mine and usec.isascii() and usec.isdigit() else 0.0
    return Manager(address, watchdog)
