"""The pytest fixture that users get."""

from ampt_cli import events
from ampt_cli.event import Event
from ampt_cli.testing import Kit


def test_one_day_later(ampt: Kit) -> None:
    """The clock is moved, not waited for."""
    seen = []
    events.on("user.joined", lambda event: seen.append(event.body))
    id_ = ampt.publish("user.joined", 7, after="1 day")
    early = ampt.run()
    ampt.advance("1 day")

    assert (early, ampt.run(), seen, ampt.state(id_)) == (0, 1, [7], "done")


def test_the_whole_schedule_of_retries_until_dead(ampt: Kit) -> None:
    """Four hours of it, every six minutes, by the real moves on a real spool."""

    @events.on("bad", retry_for="4 hours")
    def handler(_event: Event) -> None:
        raise ValueError("no")

    id_ = ampt.publish("bad")
    while ampt.state(id_) != "dead":
        ampt.run()
        ampt.advance("6 minutes")

    attempts = ampt.attempts(id_)
    assert len(attempts) == 41
    assert attempts[-1]["verdict"] == "dead"
