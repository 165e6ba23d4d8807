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
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.owed: list[str] = []  # what it must know, and has no room for
        self.next_sign = self.next_status = 0.0
        self.status = ""

    def send(self, told: str) -> bool:
        """One datagram; False where there is no room for it.

        A manager that does not listen, or not now, is no reason to stop working.
        """
        try:
            self.socket.sendto(told.encode(), self.address)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def pay(self) -> bool:
        """Send what is owed; whether nothing is any more."""
        while self.owed and self.send(self.owed[0]):
            del self.owed[0]
        return not self.owed

    def state(self, word: str) -> None:
        """What the runner has come to: ready, reloading or stopping."""
        if word == "ready":
            self.owed.append("READY=1\nSTATUS=waiting for events")
        elif word == "reloading":
            now = f"MONOTONIC_USEC={monotonic_ns() // 1000}"
            self.owed.append(f"RELOADING=1\n{now}\nSTATUS=importing the handlers anew")
        elif word == "stopping":
            self.owed.append("STOPPING=1\nSTATUS=waiting for running handlers")
        self.pay()

    def alive(self, status: str) -> None:
        """Called as the loop turns: a sign of life when one is due, and a new status."""
        if not self.pay():
            return
        now = monotonic()
        if self.every and now >= self.next_sign and self.send("WATCHDOG=1"):
            self.next_sign = now + self.every
        if status != self.status and now >= self.next_status and self.send(f"STATUS={status}"):
            self.next_status = now + STATUS_EVERY
            self.status = status


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
