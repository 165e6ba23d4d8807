"""Time is moved, not waited for: two days of retries take milliseconds."""

from pathlib import Path

import handlers
import pytest

from ampt_cli import Event, events
from ampt_cli.testing import Kit


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of this test's own."""
    monkeypatch.setattr(handlers, "DATABASE", tmp_path / "shop.db")


def test_a_new_user_is_welcomed_and_asked_a_week_later(ampt: Kit) -> None:
    joined = ampt.publish("user.joined", {"user_id": 7})
    assert ampt.run() == 1
    assert ampt.state(joined) == "done"
    assert ampt.state(f"asked-{joined}") == "pending"

    ampt.advance("6 days")
    assert ampt.run() == 0
    ampt.advance("1 day")
    assert ampt.run() == 1


def test_a_user_is_welcomed_once_even_if_delivered_twice(
    ampt: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    delivered: list[Event] = []
    events.on("user.joined", delivered.append)
    ampt.publish("user.joined", {"user_id": 7})
    ampt.run()
    handlers.welcome(delivered[0])  # as after a crash of the runner

    assert capsys.readouterr().out == "welcome, user 7\n"


def test_an_unpaid_invoice_is_dead_after_two_days_of_reminders(ampt: Kit) -> None:
    reminder = ampt.publish("invoice.due", {"invoice": "2026-117"}, after="1 week")
    ampt.advance("1 week")
    while ampt.state(reminder) != "dead":
        ampt.run()
        ampt.advance("1 hour")

    attempts = ampt.attempts(reminder)
    assert len(attempts) == 49
    assert attempts[-1]["error"] == "RuntimeError: invoice 2026-117 is not paid"


def test_once_it_is_paid_the_reminders_end(ampt: Kit) -> None:
    reminder = ampt.publish("invoice.due", {"invoice": "2026-117"})
    ampt.run()
    assert ampt.state(reminder) == "retry"

    with handlers.database() as shop:
        shop.execute("INSERT INTO paid VALUES ('2026-117')")
    ampt.advance("1 hour")
    ampt.run()

    assert ampt.state(reminder) == "done"


def test_what_is_no_invoice_is_not_retried(ampt: Kit) -> None:
    wrong = ampt.publish("invoice.due", {})
    ampt.run()

    assert ampt.state(wrong) == "dead"
