"""When a runner leaves the work to others, and when it comes back."""

from collections.abc import Callable
from typing import Any

import pytest

from ampt_cli import sharing
from ampt_cli.fsio import Disk
from ampt_cli.marks import Marks
from ampt_cli.sharing import SPAN, Share

OLD, OWN, NEW = "20261124T101500123Z-0", "20261124T101500123Z-1", "20261124T101500123Z-2"


class Marked:
    """A runner, by what it marks."""

    def __init__(self, disk: Disk, name: str) -> None:
        disk.make_folder(f"running/{name}")
        self.marks = Marks(disk, f"running/{name}", 1)
        self.begun = 0

    def begin(self, count: int) -> None:
        """Begin so many events, in eights: about as many is what is seen."""
        assert count % 8 == 0
        for seq in range(self.begun + 1, self.begun + count + 1):
            self.marks.begin(0, seq, 5, "20261124T101500123Z.abc.a1.n.json")
        self.begun += count


class Field:
    """A runner, the others, and a clock."""

    def __init__(self, disk: Disk, names: tuple[str, ...]) -> None:
        self.runners = {name: Marked(disk, name) for name in (*names, OWN)}
        self.share = Share(disk, f"running/{OWN}")
        self.now = 1000.0
        self.begun = self.lost = 0
        self.busy = 0.0
        self.span({}, ours=0)

    def span(
        self,
        theirs: dict[str, int],
        *,
        ours: int,
        lost: int = 0,
        long: float = SPAN,
        busy: float = 0.02,
    ) -> bool:
        """A span in which so much is done; whether the runner is aside after it."""
        for name, count in {**theirs, OWN: ours}.items():
            self.runners[name].begin(count)
        self.begun += ours
        self.lost += lost
        self.now += long
        self.busy += busy
        self.share.look(self.now, begun=self.begun, lost=self.lost, busy=self.busy)
        return self.share.aside


@pytest.fixture
def field(disk: Disk) -> Callable[..., Field]:
    """Makes a field of runners of these names."""
    return lambda *names: Field(disk, names)


def aside(field: Callable[..., Field]) -> Field:
    """A runner that has just stood aside: all did 160 in a span, half of it this one."""
    made = field(OLD)
    assert made.span({OLD: 80}, ours=80, lost=1)
    return made


def test_who_loses_claims_to_an_older_one_stands_aside_while_that_does_its_part(
    field: Callable[..., Field],
) -> None:
    """The others' part and half of its own are enough, span after span."""
    made = aside(field)

    assert [made.span({OLD: 120}, ours=0) for _ in range(20)] == [True] * 20


def test_one_thin_span_is_chance_and_two_are_a_reason_to_come_back(
    field: Callable[..., Field],
) -> None:
    """Then it was missed, and does not try again at once."""
    made = aside(field)

    assert made.span({OLD: 112}, ours=0)
    assert made.span({OLD: 120}, ours=0)
    assert made.span({OLD: 112}, ours=0)
    assert not made.span({OLD: 112}, ours=0)
    assert made.share.look_at == made.now + sharing.AGAIN


def test_others_that_have_stopped_are_replaced_at_once(field: Callable[..., Field]) -> None:
    """Whether they are done, dead, or held up by a slow handler."""
    made = aside(field)

    assert not made.span({}, ours=0)


@pytest.mark.parametrize(
    ("theirs", "done"),
    [
        pytest.param({NEW: 80}, {}, id="the oldest at work"),
        pytest.param({OLD: 80}, {"lost": 0}, id="names that nobody else takes"),
        pytest.param({OLD: 80}, {"busy": 0.03}, id="busy workers"),
        pytest.param({OLD: 24}, {"ours": 24}, id="slow handlers"),
        pytest.param({OLD: 80}, {"long": 3 * SPAN}, id="idle in between"),
    ],
)
def test_nobody_stands_aside_without_reason(
    field: Callable[..., Field], theirs: dict[str, int], done: dict[str, Any]
) -> None:
    """Not either for an older one that has nothing to do, or is dead."""
    made = field(OLD, NEW)
    spans = [made.span(theirs, **({"ours": 80, "lost": 1} | done)) for _ in range(3)]

    assert spans == [False] * 3


def test_what_a_runner_had_begun_before_it_was_seen_is_not_counted(
    field: Callable[..., Field], disk: Disk
) -> None:
    """A span says how fast others are, and of them only a second one can."""
    made = field()
    made.runners[OLD] = Marked(disk, OLD)

    assert not made.span({OLD: 800}, ours=80, lost=1)
    assert made.span({OLD: 80}, ours=80, lost=1)


def test_who_is_missed_tries_ever_more_rarely(field: Callable[..., Field]) -> None:
    """A trial costs what its workers would have done meanwhile; at most once a minute, at last."""
    made = field(OLD)
    pauses = []
    for _ in range(12):
        made.span({}, ours=0, long=10)  # the pause is over
        assert made.span({OLD: 80}, ours=80, lost=1)
        assert not made.span({}, ours=0)
        pauses.append(round(made.share.look_at - made.now, 3))

    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-2:] == [60, 60]


def test_nobody_is_aside_for_long(field: Callable[..., Field]) -> None:
    """What waits may be for this runner alone: it looks, and leaves again if it loses claims."""
    made = aside(field)
    assert not made.span({}, ours=0)
    made.span({}, ours=0, long=10)
    assert made.span({OLD: 80}, ours=80, lost=1)
    spans = 0
    while made.span({OLD: 160}, ours=0):
        spans += 1

    assert spans == pytest.approx(sharing.ASIDE / SPAN, abs=1)
    assert not made.span({OLD: 80}, ours=80)
    assert made.span({OLD: 80}, ours=80, lost=1)
    assert not made.span({}, ours=0)
    assert made.share.look_at == made.now + sharing.AGAIN


def test_others_that_cannot_be_seen_are_none(
    field: Callable[..., Field], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without descriptors, say: it works, and what it cannot do it says elsewhere."""
    made = aside(field)

    def refuse(*_: object) -> list[str]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Disk, "list", refuse)

    assert not made.span({OLD: 800}, ours=0)
