"""`python -m scripts.pictures`: docs/pictures, from what real commands send to a real terminal.

A shop's events are published, run and looked at in /tmp/shop, which must not exist:
its path is in the pictures. Nothing is drawn by hand but the prompt and the command.
"""

import io
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
SHOP = Path("/tmp/shop")  # noqa: S108  made here, and refused if it is there
BIN = Path(sys.executable).parent
LINES = 60  # of the terminal
# No font and nothing else is loaded from anywhere.
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" \
xml:space="preserve">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, Menlo, "DejaVu Sans Mono", monospace; \
line-height: {line_height}px; }}
{styles}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#292929"/>
<g transform="translate({terminal_x}, 24)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
HANDLERS = """
import time
from ampt_cli import GiveUp, events


@events.on("mail.send", timeout="10 seconds")
def send_mail(event):
    print("connecting to mail.example.org:587")
    if "@" not in event.body["to"]:
        raise GiveUp("no address: " + event.body["to"])
    if event.body["to"].endswith("example.com"):
        connect("mail.example.org", 587)


def connect(host, port):
    raise ConnectionError(f"{host}:{port} refused the connection")


@events.on("order.paid")
def ship(event):
    if event.body["number"] % 10 == 7:
        raise GiveUp("no product A-7 in the warehouse")


@events.on("report.build", timeout="60 seconds")
def build_report(event):
    time.sleep(50)
"""
MAILS = ("ada@example.org", "bob@example.com", "eve@example.com", "carol", "dan")
NAMES = ("mail.send", "order.paid", "cart.forgotten")
BATCH = [
    *({"name": "mail.send", "body": {"to": to, "template": "welcome"}} for to in MAILS * 3),
    *({"name": "order.paid", "body": {"number": number}} for number in range(30)),
]
LATER = [
    {"name": NAMES[number % 3], "after": f"{7 + number * number // 3} minutes"}
    for number in range(400)
]
BOB = ("mail.send", '{"to":"bob@example.com"}', "--id", "welcome-bob")
SCENES = {
    "event": (88, ["ampt inspect welcome-bob"]),
    "overview": (88, ["ampt inspect"]),
    "dead_letters": (
        100,
        [
            "ampt inspect --state dead --group-by error",
            "ampt retry --state dead --error 'no product' --dry-run",
            "ampt retry --state dead --error 'no product'",
        ],
    ),
}


def terminal(command: str, columns: int, env: dict[str, str]) -> str:
    """What a command sends to a terminal that is so wide."""
    main, side = pty.openpty()
    termios.tcsetwinsize(side, (LINES, columns))
    words = shlex.split(command)
    with subprocess.Popen(words, cwd=SHOP, env=env, stdin=side, stdout=side, stderr=side):
        os.close(side)
        said = b""
        try:
            while chunk := os.read(main, 65_536):
                said += chunk
        except OSError:
            pass  # Linux says EIO when the other end is closed
    os.close(main)
    return said.decode().replace("\r\n", "\n")


def svg(said: str, columns: int, name: str) -> str:
    """A picture of what was sent to a terminal."""
    console = Console(record=True, width=columns, file=io.StringIO())
    console.print(Text.from_ansi(said.rstrip()), soft_wrap=True)
    drawn = console.export_svg(code_format=SVG, unique_id=name)
    drawn = re.sub(r' clip-path="[^"]*"', "", drawn).replace("&#160;", " ")
    return re.sub(r' textLength="[^"]*"(?=[^>]*>\s*<)', "", drawn)


@contextmanager
def shop(env: dict[str, str]) -> Iterator[None]:
    """A spool with events in every state, and a runner that is at work."""
    SHOP.mkdir(mode=0o700)
    try:
        (SHOP / "handlers.py").write_text(HANDLERS, encoding="utf-8")
        for args, given in (
            (("publish", *BOB), []),
            (("publish", "--batch", "-"), BATCH),
            (("run", "-m", "handlers.py"), []),
            (("publish", "--batch", "-"), LATER),
            (("publish", "report.build"), []),
        ):
            lines = "".join(json.dumps(one) + "\n" for one in given)
            subprocess.run(
                [BIN / "ampt", *args],
                cwd=SHOP,
                env=env,
                input=lines,
                text=True,
                capture_output=True,
                check=True,
            )
        watch = ["run", "--watch", "-m", "handlers.py"]
        runner = subprocess.Popen(
            [BIN / "ampt", *watch], cwd=SHOP, env=env, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            while runner.poll() is None:  # the second time it does not wait for its handler
                runner.terminate()
                time.sleep(0.2)
    finally:
        shutil.rmtree(SHOP)


def main() -> None:
    """Play the scenes, and write a picture of each."""
    env = {
        "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
        "HOME": str(SHOP),
        "AMPT_SPOOL": str(SHOP / "spool"),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }
    PICTURES.mkdir(exist_ok=True)
    with shop(env):
        terminal("sleep 2", 80, env)  # until the runner is at work
        for name, (columns, commands) in SCENES.items():
            said = "\n".join(
                f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m\n{terminal(command, columns, env)}"
                for command in commands
            )
            path = PICTURES / f"{name}.svg"
            path.write_text(svg(said, columns, name), encoding="utf-8")
            print(f"{path.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
