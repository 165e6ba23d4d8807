"""Units for systemd and lines for crontab, with absolute paths filled in. Pure."""

import shlex
from typing import NamedTuple

CONFIG = "AMPT_CONFIG"
# What a queue needs nothing of. Handlers may need more: then a line is taken out.
HARDENED = """\
# Loosen what your handlers need; systemd.exec(5) explains each.
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome=read-only
{private_tmp}PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
LockPersonality=yes
RestrictRealtime=yes
{private}RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
CapabilityBoundingSet=
AmbientCapabilities=
"""
# A user's manager cannot make mount namespaces everywhere.
HARDENED_USER = """\
# Loosen what your handlers need; systemd.exec(5) explains each.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
{private}RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
# The 60 s that a handler may take must be over before systemd kills what is left.
ENDING = """\
KillMode=mixed
TimeoutStopSec=70
OOMPolicy=continue
UMask=0077
"""
SERVICE = """\
[Unit]
Description=ampt: handle the events in {spool} when they are due
Documentation=man:ampt(1)
{mounts}
[Service]
{kind}{environment}ExecStart={command}
{user}{ending}
{hardened}"""
WATCHING = """\
Type=notify
NotifyAccess=main
WatchdogSec=30
ExecReload=kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
"""
TIMER = """\
[Unit]
Description=ampt: look for due events in {spool} every minute

[Timer]
OnCalendar=minutely
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


class Wanted(NamedTuple):
    """What a unit is to run. All paths are absolute."""

    ampt: str
    spool: str
    handlers: str
    jobs: int = 0  # 0: as the configuration says
    user: str = ""  # of a system unit: who it runs as; empty for a unit of a user's manager
    config: str = ""  # the configuration: services are started where it would not be found
    group: str = ""  # that shares the spool

    def command(self, *more: str) -> list[str]:
        """The command and its arguments."""
        jobs = ["--jobs", str(self.jobs)] if self.jobs else []
        given = ["--handlers", self.handlers, "--spool", self.spool]
        return [self.ampt, "run", *more, *given, *jobs]


def oneshot(wanted: Wanted) -> dict[str, str]:
    """A service that handles what is due, and the timer that starts it: file name → content.

    The timer never starts a service that still runs, so runs cannot pile up.
    """
    service = _service(wanted, "Type=oneshot\n", wanted.command())
    return {"ampt.service": service, "ampt.timer": TIMER.format(spool=_literal(wanted.spool))}


def watching(wanted: Wanted) -> dict[str, str]:
    """A service that stays: file name → content."""
    target = "multi-user.target" if wanted.user else "default.target"
    service = _service(wanted, WATCHING, wanted.command("--watch"))
    return {"ampt.service": f"{service}\n[Install]\nWantedBy={target}\n"}


def crontab(wanted: Wanted) -> str:
    """A line that looks every minute, unless the run before it is still at work.

    Runs that overlap would share the work and do no harm, but slow handlers could
    let them pile up: so the line holds a lock of its own, on the spool's folder,
    which ampt itself never locks. The dot: flock makes a file where there is nothing,
    but not below it.
    """
    given = f"{CONFIG}={shlex.quote(wanted.config)} " if wanted.config else ""
    lock = ["flock", "-n", "-o", "-E", "0", f"{wanted.spool}/."]
    line = given + shlex.join([*lock, *wanted.command()])
    # An unescaped % is a newline there. Some crons take a backslash before that for the escaped
    # one, or two for one: so an empty '' stands after each, which is in quotes.
    return "* * * * * " + line.replace("\\", "\\''").replace("%", "\\%") + "\n"


def _service(wanted: Wanted, kind: str, command: list[str]) -> str:
    paths = (wanted.ampt, wanted.spool, wanted.handlers, wanted.config)
    shared = any(path.startswith(("/tmp/", "/var/tmp/")) for path in paths)  # noqa: S108
    hardened = (HARDENED if wanted.user else HARDENED_USER).format(
        writable=_quoted(wanted.spool),
        private_tmp="" if shared else "PrivateTmp=yes\n",
        # The folders of a group's spool have the bit that keeps what is in them the group's.
        private="" if wanted.group else "RestrictSUIDSGID=yes\n",
    )
    return SERVICE.format(
        spool=_literal(wanted.spool),
        mounts=f"RequiresMountsFor={_quoted(wanted.spool)}\n" if wanted.user else "",
        kind=kind,
        environment=f"Environment={_quoted(f'{CONFIG}={wanted.config}')}\n"
        if wanted.config
        else "",
        command=" ".join([_quoted(command[0]), *(_quoted(w, expanded=True) for w in command[1:])]),
        user=_identity(wanted) if wanted.user else "",
        ending=ENDING,
        hardened=hardened,
    )


def _identity(wanted: Wanted) -> str:
    """Who a system unit runs as. Even root reads the files of a group's members as one of them."""
    group = f"SupplementaryGroups={_literal(wanted.group)}\n" if wanted.group else ""
    return f"User={_literal(wanted.user)}\n{group}"


def _literal(text: str) -> str:
    """`text` in a unit: no specifier. It has no line break, see ampt unit.

    A path may end with a backslash, which would go on with the next line: a word stands behind it.
    """
    return text.replace("%", "%%")


def _quoted(word: str, *, expanded: bool = False) -> str:
    """One word of a unit's line (systemd.syntax(7)); `expanded` where $ is replaced, too."""
    word = _literal(word.replace("\\", "\\\\").replace('"', '\\"'))
    if expanded:
        word = word.replace("$", "$$")
    return f'"{word}"' if set(word) & set(" \t;'\"\\") else word
