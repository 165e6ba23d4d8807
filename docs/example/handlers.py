"""A shop's handlers: welcome new users, and remind those who have not paid."""

import sqlite3
from pathlib import Path

from ampt_cli import Event, GiveUp, events

DATABASE = Path(__file__).with_name("shop.db")


def database() -> sqlite3.Connection:
    """The shop's database; its tables are made when they are missing."""
    connection = sqlite3.connect(DATABASE)
    connection.execute("CREATE TABLE IF NOT EXISTS sent (event TEXT PRIMARY KEY, user INTEGER)")
    connection.execute("CREATE TABLE IF NOT EXISTS paid (invoice TEXT PRIMARY KEY)")
    return connection


@events.on("user.joined", timeout="10 seconds")
def welcome(event: Event) -> None:
    """Send a welcome once, however often this event is delivered."""
    with database() as shop:
        sent = shop.execute("SELECT 1 FROM sent WHERE event = ?", (event.id,)).fetchone()
        if sent is None:
            print("welcome, user", event.body["user_id"])
            shop.execute("INSERT INTO sent VALUES (?, ?)", (event.id, event.body["user_id"]))


@events.on("user.joined")
def ask_how_it_goes(event: Event) -> None:
    """A week later, by another event."""
    events.publish("user.asked", event.body, after="1 week", id=f"asked-{event.id}")


@events.on("invoice.due", retry_every="1 hour", retry_for="2 days")
def remind(event: Event) -> None:
    """Remind until it is paid, or give up on what is no invoice."""
    number = event.body.get("invoice")
    if number is None:
        raise GiveUp("the event names no invoice")
    with database() as shop:
        if shop.execute("SELECT 1 FROM paid WHERE invoice = ?", (number,)).fetchone() is None:
            raise RuntimeError(f"invoice {number} is not paid")
