"""What a service manager is told, and when: by a clock that is moved."""

import os
from collections.abc import Callable

import pytest

from ampt_cli import notify


class Socket:
    """A manager's socket: it has room, has none, or is gone."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.error: OSError | None = None

    def sendto(self, data: bytes, _: str) -> None:
        """Keep what was said."""
        if self.error is not None:
            raise self.error
        self.told.append(data.decode())

    def take(self) -> list[str]:
        """What was said since the last time."""
        told, self.told = self.told, []
        return told


Moved = Callable[[float], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Moved:
    """Set the clock."""

    def move(now: float) -> None:
        monkeypatch.setattr(notify, "monotonic", lambda: now)

    monkeypatch.setattr(notify, "monotonic_ns", lambda: 5_000)
    move(100.0)
    return move


def manager(watchdog: float = 3.0) -> tuple[notify.Manager, Socket]:
    """One that wants to be told, and what it hears."""
    made, heard = notify.Manager("/run/x", watchdog), Socket()
    made.socket.close()
    made.socket = heard  # type: ignore[assignment]
    return made, heard


@pytest.mark.usefixtures("at")
def test_each_state_has_its_words() -> None:
    """What sd_notify(3) asks for, and what `systemctl status` shows; told at once."""
    made, heard = manager()
    said = []
    for word in ("ready", "reloading", "stopping"):
        made.state(word)
        said += heard.take()

    assert said == [
        "READY=1\nSTATUS=waiting for events",
        "RELOADING=1\nMONOTONIC_USEC=5\nSTATUS=importing the handlers anew",
        "STOPPING=1\nSTATUS=waiting for running handlers",
    ]


def test_what_there_was_no_room_for_comes_first_and_once(at: Moved) -> None:
    """In its order; before it neither a sign of life nor a status."""
    made, heard = manager()
    heard.error = BlockingIOError()
    made.state("ready")
    made.state("stopping")
    made.alive("1 attempts")
    heard.error = None
    made.alive("1 attempts")
    first = heard.take()
    at(100.1)
    made.alive("1 attempts")

    assert [told.partition("\n")[0] for told in first] == [
        "READY=1",
        "STOPPING=1",
        "WATCHDOG=1",
        "STATUS=1 attempts",
    ]
    assert heard.take() == []


@pytest.mark.usefixtures("at")
def test_while_anything_is_owed_nothing_less_is_said() -> None:
    """Room for one word is room for one that must be heard."""
    made, heard = manager()
    heard.error = BlockingIOError()
    made.state("ready")
    made.state("stopping")
    heard.error = None

    room = iter((True, False, True))  # it reads one, just after another was refused

    def sendto(data: bytes, _: str) -> None:
        if not next(room, True):
            raise BlockingIOError
        heard.told.append(data.decode())

    heard.sendto = sendto  # type: ignore[method-assign]
    made.alive("1 attempts")
    first = heard.take()
    made.alive("1 attempts")

    assert (len(first), first[0][:7]) == (1, "READY=1")
    assert heard.take()[0][:10] == "STOPPING=1"


@pytest.mark.usefixtures("at")
def test_to_a_manager_that_is_gone_nothing_is_owed() -> None:
    """One that comes in its place has not asked for it."""
    made, heard = manager()
    heard.error = ConnectionRefusedError()
    made.state("ready")
    made.alive("1 attempts")

    assert made.owed == []


def test_a_sign_of_life_is_given_three_times_as_often_as_is_asked(at: Moved) -> None:
    """And none where none is; one for which there is no room is tried again at once."""
    made, heard = manager(watchdog=3.0)
    signs = []
    for now in (100.0, 100.9, 101.0, 101.9, 102.0):
        at(now)
        made.alive("")
        signs.append((now, heard.take().count("WATCHDOG=1")))
    at(103.0)
    heard.error = BlockingIOError()
    made.alive("")
    heard.error = None
    at(103.1)
    made.alive("")
    silent, unheard = manager(watchdog=0.0)
    silent.alive("")

    assert signs == [(100.0, 1), (100.9, 0), (101.0, 1), (101.9, 0), (102.0, 1)]
    assert heard.take() == ["WATCHDOG=1"]
    assert unheard.take() == []


def test_a_status_is_told_once_and_at_most_each_second(at: Moved) -> None:
    """The last one is never left out."""
    made, heard = manager(watchdog=0.0)
    said = []
    for now, status in ((100.0, "1"), (100.1, "2"), (100.9, "3"), (101.0, "3"), (105.0, "3")):
        at(now)
        made.alive(status)
        said.append(heard.take())

    assert said == [["STATUS=1"], [], [], ["STATUS=3"], []]


@pytest.mark.parametrize(
    ("address", "usec", "pid", "every"),
    [
        ("/run/x", "3000000", "", 1.0),
        ("@x", "3000000", "{me}", 1.0),
        ("/run/x", "3000000", "1", 0.0),
        ("/run/x", "", "", 0.0),
        ("/run/x", "soon", "", 0.0),
        ("/run/x", "٣", "", 0.0),
        ("", "3000000", "", None),
        ("vsock:2:1234", "", "", None),
        ("run/x", "", "", None),
    ],
)
def test_who_wants_to_be_told_is_in_the_environment(
    address: str, usec: str, pid: str, every: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no longer once it was looked at; other kinds of address are nobody's."""
    named = dict(zip(notify.VARIABLES, (address, usec, pid.format(me=os.getpid())), strict=True))
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    found = notify.manager()

    assert not os.environ.keys() & named.keys()
    assert (found and found.every) == every
    if found is not None:
        found.socket.close()
        assert found.address == address.replace("@", "\0")
