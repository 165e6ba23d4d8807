"""The recipes of docs/handlers.md do what they are there for; docs/python.md names everything."""

import email.message
import io
import re
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import pytest

import ampt_cli
from ampt_cli import Context, Event
from ampt_cli.api import Events
from ampt_cli.testing import Kit

DOCS = Path(__file__).parents[2] / "docs"


def recipe(heading: str) -> dict[str, Any]:
    """The Python under a heading of the cookbook, run."""
    section = (DOCS / "handlers.md").read_text("utf-8").split(f"\n## {heading}\n")[1]
    found = re.search(r"^```python\n(.*?)^```$", section.split("\n## ")[0], re.M | re.S)
    assert found is not None
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(found[1], heading, "exec"), names)  # noqa: S102
    return names


def test_points_are_booked_once_however_often_they_are_delivered(
    ampt: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What must not happen twice is in the same transaction as its note."""
    shop = sqlite3.connect(tmp_path / "shop.db")
    shop.executescript(
        "CREATE TABLE seen (event TEXT PRIMARY KEY);"
        "CREATE TABLE users (id INTEGER, points INTEGER); INSERT INTO users VALUES (7, 0);"
    )
    book = recipe("It may run twice")["book"]
    monkeypatch.setattr(sqlite3, "connect", lambda _: shop)

    event = Event("abc", "points.earned", {"points": 5, "user": 7}, 0, 0, 1)
    book(event)
    book(event)

    points = shop.execute("SELECT points FROM users").fetchall()
    shop.close()
    assert points == [(5,)]


def test_a_report_is_given_up_or_waits_as_it_says(ampt: Kit) -> None:
    """Dead at once without a customer; tried again in 12 hours while the month is open."""
    recipe("Failing: again, later, or never")
    wrong = ampt.publish("report.wanted", {"month": "2026-01"})
    early = ampt.publish("report.wanted", {"customer": 1, "month": "2026-12"})
    ampt.run()

    assert (ampt.state(wrong), ampt.state(early)) == ("dead", "retry")
    assert ampt.attempts(early)[-1]["next"] == ampt.now + 12 * 3_600_000


def test_mail_that_is_sent_twice_has_one_message_id(
    ampt: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail readers may know it by that."""
    sent: list[email.message.EmailMessage] = []

    class Server:
        def __init__(self, *_: object, timeout: int) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def send_message(self, message: email.message.EmailMessage) -> None:
            sent.append(message)

    send = recipe("E-mail")["send"]
    monkeypatch.setattr("smtplib.SMTP", Server)
    event = Event("abc", "mail.send", {"to": "a@b.example", "subject": "s", "text": "t"}, 0, 0, 1)
    send(event)
    send(event)

    assert [message["Message-ID"] for message in sent] == ["<abc@example.org>"] * 2


@pytest.mark.parametrize(
    ("code", "headers", "state", "wait"),
    [
        (429, {"Retry-After": "120"}, "retry", 120_000),
        (429, {"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"}, "retry", 600_000),
        (429, {}, "retry", 600_000),
        (429, {"Retry-After": "0"}, "retry", 360_000),
        (404, {}, "dead", None),
        (503, {}, "retry", 360_000),
    ],
)
def test_what_a_partner_answers_decides(
    code: int,
    headers: dict[str, str],
    state: str,
    wait: int | None,
    ampt: Kit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too many requests: when it says; a refusal: never; trouble: in six minutes."""
    recipe("Webhooks")
    told = email.message.Message()
    for name, value in headers.items():
        told[name] = value

    def answer(*_: object, **__: object) -> None:
        raise urllib.error.HTTPError("https://x.example", code, "no", told, io.BytesIO())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    paid = ampt.publish("order.paid", {"order": 1})
    ampt.run()

    assert ampt.state(paid) == state
    assert wait is None or ampt.attempts(paid)[-1]["next"] == ampt.now + wait


def test_an_export_goes_through_all_its_pages_and_so_does_the_next(ampt: Kit) -> None:
    """The next export of the same table is not taken for the first."""
    names = recipe("Long work")
    written: list[int] = []

    def write_page(table: str, page: int) -> int:
        written.append(page)
        return names["PAGE"] if page < 2 else 10

    names["write_page"] = write_page
    for _ in range(2):
        ampt.publish("export.wanted", {"table": "orders"})
        while ampt.run():
            pass
        ampt.advance("1 day")

    assert written == [0, 1, 2, 0, 1, 2]


def _of(owner: object) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def test_the_page_on_python_names_all_that_is_public() -> None:
    """And nothing that does not exist."""
    text = (DOCS / "python.md").read_text("utf-8")
    for name in ampt_cli.__all__:
        assert f"`{name}`" in text, name

    events = (_of(Events) | {"spool", "clock"}) - {"clock"}  # the clock is the testing kit's
    assert set(re.findall(r"`events\.(\w+)", text)) == events
    assert set(re.findall(r"`event\.(\w+)`", text)) == _of(Event)
    assert set(re.findall(r"`context\.(\w+)", text)) == _of(Context)


def test_the_page_on_testing_names_the_whole_kit(ampt: Kit) -> None:
    """But its own workings."""
    text = (DOCS / "testing.md").read_text("utf-8")
    workings = {"clock", "disk", "entries", "find", "path"}

    assert set(re.findall(r"`ampt\.(?!toml)(\w+)", text)) == _of(ampt) - workings
