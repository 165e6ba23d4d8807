"""Handlers that misbehave: each costs its own attempt and nothing else."""

import json
import re
import shutil
import subprocess
import textwrap
from binascii import crc32
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TIMEOUT = 300  # ms, of those that are to time out
HEAD = """
import asyncio, atexit, ctypes, faulthandler, io, locale, os, resource, signal, subprocess, sys
import threading, time

@events.on("normal")
def normal(event):
    assert os.getcwd() == HERE, os.getcwd()
    assert os.umask(0o077) == 0o077
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == BLOCKED
    assert "SPOILT" not in os.environ and os.environ["PATH"] == PATH
    assert b"SPOILT" not in subprocess.run(["env"], stdout=subprocess.PIPE, check=True).stdout
    assert sys.getrecursionlimit() == LIMIT
    assert limits() == LIMITS
    assert heard() == HEARD
    assert subprocess.run(["false"]).returncode == 1
    assert [signal.getitimer(timer) for timer in range(3)] == [(0, 0)] * 3
    assert (os.nice(0), os.sched_getaffinity(0), who()) == (NICE, CPUS, WHO)
    assert turns() == TURNS
    assert time.tzname == ("UTC", "UTC")
    assert threading.active_count() == 1
    assert sys.stdin.read() == ""
    assert subprocess.run(["cat"], stdout=subprocess.PIPE, check=True).stdout == b""
    assert os.path.samestat(os.stat("/"), TOP)
    ERR.write("")
    assert (OUT.line_buffering, ERR.write_through) == (True, True)
    print("." * 1_000_000)
    print("all is", end=" ", file=OUT)
    print("normal \u20ac\\udc80")

def limits():
    names = [name for name in vars(resource) if name.startswith("RLIMIT_")]
    return [resource.getrlimit(getattr(resource, name)) for name in names]

def who():
    return os.geteuid(), os.getegid(), os.getgroups()

def turns():
    try:
        return os.sched_getscheduler(0)
    except OSError:
        return None  # a C library that knows no schedulers: musl

def heard():
    return [signal.getsignal(one) for one in range(1, 32) if one != signal.SIGXCPU]

HERE, LIMIT, FILES = os.getcwd(), sys.getrecursionlimit(), resource.getrlimit(resource.RLIMIT_NOFILE)
faulthandler.register(signal.SIGUSR2, open(os.devnull, "w"))
LIMITS, HEARD = limits(), heard()
BLOCKED = signal.pthread_sigmask(signal.SIG_BLOCK, ())
NICE, CPUS, WHO, ROOT = os.nice(0), os.sched_getaffinity(0), who(), os.geteuid() == 0
TURNS, PATH = turns(), os.environ["PATH"]
OUT, ERR, TOP = sys.stdout, sys.stderr, os.stat("/")
"""


class Unruly(NamedTuple):
    """A handler's body, and how its attempt must end."""

    row: int
    name: str
    body: str
    outcome: str
    error: str = ""  # a regular expression


ZOO = [
    Unruly(54, "sleeps", "time.sleep(60)", "timed_out", "timed out after 0.3 s"),
    Unruly(54, "loops", "while True: pass", "timed_out", "timed out after 0.3 s"),
    Unruly(54, "loops in C", "sum(range(10**12))", "timed_out", "timed out after 0.3 s"),
    Unruly(54, "loops in C with the GIL", "spin()", "timed_out", "timed out after 0.3 s"),
    Unruly(54, "awaits", "asyncio.run(asyncio.sleep(60))", "timed_out", "timed out after 0.3 s"),
    Unruly(
        55,
        "catches Exception",
        """
        while True:
            try: time.sleep(60)
            except Exception: pass
        """,
        "timed_out",
        "timed out after 0.3 s",
    ),
    Unruly(
        55,
        "catches all",
        """
        while True:
            try: time.sleep(60)
            except BaseException: pass
        """,
        "timed_out",
        "timed out after 0.3 s",
    ),
    Unruly(
        55,
        "blocks signals",
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        time.sleep(60)
        """,
        "timed_out",
        "timed out after 0.3 s",
    ),
    Unruly(
        55,
        "ignores signals",
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(60)
        """,
        "timed_out",
        "timed out after 0.3 s",
    ),
    Unruly(
        56,
        "has children that sleep",
        """
        subprocess.Popen(["sleep", NAP])
        time.sleep(60)
        """,
        "timed_out",
        "timed out after 0.3 s",
    ),
    Unruly(
        56,
        "has a child in a session of its own",
        """
        subprocess.Popen(["sleep", NAP], start_new_session=True)
        time.sleep(60)
        """,
        "timed_out",
        "timed out after 0.3 s",
    ),
    Unruly(
        54,
        "becomes another program",
        """
        subprocess.Popen(["sleep", NAP], start_new_session=True)
        os.execlp("sleep", "sleep", NAP)
        """,
        "timed_out",
        "timed out after 0.3 s",
    ),
    Unruly(56, "leaves a child", 'subprocess.Popen(["sleep", "2"])', "succeeded"),
    Unruly(57, "closes descriptors", "os.closerange(0, 200)", "succeeded"),
    Unruly(57, "closes every descriptor", "os.closerange(0, 256)", "failed", "without a result"),
    Unruly(57, "writes into all pipes", "forge(b'[]')", "failed", "a handler wrote into its pipe"),
    Unruly(57, "says it is unusable", "forge(SAID)", "failed", "a handler wrote into its pipe"),
    Unruly(57, "closes stdout", "sys.stdout.close(); sys.stderr.close()", "succeeded"),
    Unruly(58, "prints much", "print('x' * 50_000_000)", "succeeded"),
    Unruly(58, "prints many lines", "print('x\\n' * 5_000_000)", "succeeded"),
    Unruly(58, "prints without newline", "os.write(1, b'half a line')", "succeeded"),
    Unruly(58, "prints no UTF-8", "os.write(1, bytes(range(256)))", "succeeded"),
    Unruly(58, "prints a lone surrogate", "print('\\udc80')", "succeeded"),
    Unruly(59, "os._exit(0)", "os._exit(0)", "failed", "exited with status 0 without a result"),
    Unruly(59, "os._exit(3)", "os._exit(3)", "failed", "exited with status 3 without a result"),
    Unruly(59, "sys.exit()", "sys.exit()", "failed", "SystemExit"),
    Unruly(59, "sys.exit(1)", "sys.exit(1)", "failed", "SystemExit: 1"),
    Unruly(59, "sys.exit('x')", "sys.exit('x')", "failed", "SystemExit: x"),
    Unruly(60, "segfaults", "ctypes.string_at(0)", "failed", r"signal 11 \(SIGSEGV\)"),
    Unruly(60, "aborts", "os.abort()", "failed", r"signal 6 \(SIGABRT\)"),
    Unruly(60, "bus error", "os.kill(os.getpid(), signal.SIGBUS)", "failed", "SIGBUS"),
    Unruly(51, "is killed", "os.kill(os.getpid(), signal.SIGKILL)", "failed", r"signal 9"),
    Unruly(61, "out of memory", "raise MemoryError", "failed", "MemoryError"),
    Unruly(62, "BaseException", "raise BaseException('b')", "failed", "BaseException: b"),
    Unruly(62, "KeyboardInterrupt", "raise KeyboardInterrupt", "failed", "KeyboardInterrupt"),
    Unruly(62, "GeneratorExit", "raise GeneratorExit", "failed", "GeneratorExit"),
    Unruly(62, "failing __str__", "raise Silent", "failed", "Silent"),
    Unruly(62, "unpicklable", "raise ValueError(lambda: 0)", "failed", "ValueError: <function"),
    Unruly(62, "huge message", "raise ValueError('x' * 10_000_000)", "failed", "ValueError: xxx"),
    Unruly(62, "control characters", "raise ValueError('\\x1b[2J\\n')", "failed", "ValueError"),
    Unruly(62, "lone surrogate", "raise ValueError('\\udc80')", "failed", "ValueError"),
    Unruly(
        62, "group", "raise ExceptionGroup('g', [ValueError(1)])", "failed", "ExceptionGroup: g"
    ),
    Unruly(62, "too deep", "exec('f=lambda: f()\\nf()', {})", "failed", "RecursionError"),
    Unruly(
        63,
        "leaves a thread",
        "threading.Thread(target=time.sleep, args=(60,)).start()",
        "succeeded",
    ),
    Unruly(63, "atexit hangs", "atexit.register(time.sleep, 60)", "succeeded"),
    Unruly(64, "changes folder", "os.chdir('/')", "succeeded"),
    Unruly(64, "changes umask", "os.umask(0)", "succeeded"),
    Unruly(64, "handles SIGTERM", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "succeeded"),
    Unruly(64, "changes the environment", "os.environ['SPOILT'] = '1'", "succeeded"),
    Unruly(64, "changes it in bytes", "os.environb.update({b'SPOILT': b'1'})", "succeeded"),
    Unruly(64, "deletes from it", "del os.environ['PATH']", "succeeded"),
    Unruly(64, "clears it", "os.environ.clear()", "succeeded"),
    Unruly(64, "replaces it", "os.environ = {'SPOILT': '1', **os.environ}", "succeeded"),
    Unruly(64, "recursion limit", "sys.setrecursionlimit(LIMIT + 1)", "succeeded"),
    Unruly(64, "limits", "resource.setrlimit(resource.RLIMIT_NOFILE, (64, FILES[1]))", "succeeded"),
    Unruly(
        64,
        "limits in C",
        "ctypes.CDLL(None).setrlimit(resource.RLIMIT_NOFILE, (ctypes.c_long * 2)(64, FILES[1]))",
        "succeeded",
    ),
    Unruly(64, "moves stdout", "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)", "succeeded"),
    Unruly(64, "moves stdout to a pipe", "os.dup2(os.pipe()[1], 1)", "succeeded"),
    Unruly(64, "ignores SIGCHLD", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)", "succeeded"),
    Unruly(64, "handles SIGUSR1", "signal.signal(signal.SIGUSR1, lambda *_: None)", "succeeded"),
    Unruly(64, "handles one in C", "signal.signal(signal.SIGUSR2, signal.SIG_IGN)", "succeeded"),
    Unruly(
        64,
        "blocks SIGTERM",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
        "succeeded",
    ),
    Unruly(64, "sets an alarm", "signal.alarm(60)", "succeeded"),
    Unruly(64, "becomes another user", "ROOT and os.seteuid(54321)", "succeeded"),
    Unruly(64, "becomes another group", "ROOT and os.setegid(54321)", "succeeded"),
    Unruly(64, "joins a group", "ROOT and os.setgroups([54321])", "succeeded"),
    Unruly(64, "dies of SIGPIPE", "signal.signal(signal.SIGPIPE, signal.SIG_DFL)", "succeeded"),
    Unruly(64, "profiles", "signal.setitimer(signal.ITIMER_PROF, 60, 60)", "succeeded"),
    Unruly(64, "winds a timer", "signal.setitimer(signal.ITIMER_VIRTUAL, 60)", "succeeded"),
    Unruly(64, "is nice", "assert os.nice(1) == NICE + 1", "succeeded"),
    Unruly(64, "limit of cores", "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))", "succeeded"),
    Unruly(
        64, "limit by pid", "resource.prlimit(0, resource.RLIMIT_NPROC, (9999, 9999))", "succeeded"
    ),
    Unruly(64, "takes one CPU", "os.sched_setaffinity(0, {min(CPUS)})", "succeeded"),
    Unruly(64, "moves", "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", "succeeded"),
    Unruly(
        64,
        "takes turns like a batch",
        "turns() is None or os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
        "succeeded",
    ),
    Unruly(
        64,
        "moves secretly",
        "os.environ['TZ'] = 'JST-9'; time.tzset(); os.environ['TZ'] = 'UTC'",
        "succeeded",
    ),
    Unruly(64, "replaces stdout", "sys.stdout = sys.stderr = io.StringIO()", "succeeded"),
    Unruly(
        64,
        "closes and replaces stdout",
        "sys.stdout.close(); sys.stdout = io.StringIO()",
        "succeeded",
    ),
    Unruly(64, "removes stdout", "sys.stdout = None", "succeeded"),
    Unruly(64, "wraps stdout", "sys.stdout = io.TextIOWrapper(sys.stdout.buffer)", "succeeded"),
    Unruly(64, "detaches stdout", "sys.stdout.detach()", "succeeded"),
    Unruly(64, "wraps stderr", "sys.stderr = io.TextIOWrapper(sys.stderr.buffer)", "succeeded"),
    Unruly(
        64,
        "prints ASCII",
        "sys.stdout.reconfigure(encoding='ascii', errors=OUT.errors)",
        "succeeded",
    ),
    Unruly(64, "prints strictly", "sys.stdout.reconfigure(errors='strict')", "succeeded"),
    Unruly(64, "keeps lines", "sys.stdout.reconfigure(line_buffering=False)", "succeeded"),
    Unruly(64, "keeps errors", "sys.stderr.reconfigure(write_through=False)", "succeeded"),
    Unruly(64, "closes stdin", "sys.stdin.close()", "succeeded"),
    Unruly(64, "closes what stdin is", "os.close(0)", "succeeded"),
    Unruly(64, "moves stdin", "os.dup2(os.open(__file__, os.O_RDONLY), 0)", "succeeded"),
    Unruly(64, "replaces stdin", "sys.stdin = io.StringIO('yes')", "succeeded"),
    Unruly(64, "changes the root", "ROOT and os.chroot(HERE)", "succeeded"),
    Unruly(64, "waits for no room", "os.set_blocking(1, False)", "succeeded"),
    Unruly(64, "waits for none, and prints", "fill()", "succeeded"),
    Unruly(64, "waits for none, and has more", "fill(); print('more', end='')", "succeeded"),
    Unruly(69, "publishes", "[events.publish('more', i) for i in range(20)]", "succeeded"),
]
EXTRA = """
class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no words")
    __repr__ = __str__

def fill():
    subprocess.Popen(f"sleep 0.5; kill -CONT {os.getppid()}", shell=True)
    os.kill(os.getppid(), signal.SIGSTOP)
    os.set_blocking(1, False)
    for piece in (b"x" * 4096, b"x"):
        try:
            while True: os.write(1, piece)
        except BlockingIOError: pass

SAID = b'{"error": "none can be imported", "status": 78}'

def forge(told):
    for fd in range(3, 256):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"):
                os.write(fd, b"X" + len(told).to_bytes(4, "big") + told)
        except OSError: pass
    time.sleep(0.2)

def spin():
    ctypes.PyDLL(SPIN).spin()
"""


@pytest.fixture(scope="module")
def spin(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A C function that holds the GIL for ever."""
    if shutil.which("cc") is None:
        pytest.skip("a C compiler is needed")
    source = tmp_path_factory.mktemp("c") / "spin.c"
    source.write_text("void spin(void) { for (volatile int i = 1; i; ) ; }\n", encoding="utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", source.with_suffix(".so"), source], check=True)
    return str(source.with_suffix(".so"))


def sleepers(nap: str) -> list[str]:
    """Children of handlers that are still there."""
    if shutil.which("pgrep") is None:
        pytest.skip("all but this was fine: pgrep is needed, to find what is left")
    found = subprocess.run(["pgrep", "-f", f"sleep {nap}"], capture_output=True, text=True)
    return found.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    "unruly",
    [pytest.param(one, id=one.name, marks=pytest.mark.row(one.row)) for one in ZOO],
)
def test_an_unruly_handler_costs_its_own_attempt_and_nothing_else(
    unruly: Unruly, request: pytest.FixtureRequest, run_ampt, write_handlers, spool_dir: Path
) -> None:
    """Its attempt ends as it must, in time; the normal event behind it succeeds, in a clean place."""
    library = request.getfixturevalue("spin") if "spin()" in unruly.body else ""
    nap = f"5{crc32(bytes(spool_dir))}"  # found again among all processes
    body = textwrap.indent(textwrap.dedent(unruly.body).strip(), "    ")
    code = f"{HEAD}{EXTRA}SPIN = {library!r}\nNAP = {nap!r}\n"
    timeout = TIMEOUT if unruly.outcome == "timed_out" else 30_000
    code += f'@events.on("unruly", timeout={timeout})\ndef unruly(event):\n{body}\n'
    handlers = write_handlers(code)
    wild = run_ampt("publish", "unruly").out.strip()
    tame = run_ampt("publish", "normal").out.strip()

    ended = run_ampt("run", "--handlers", handlers, timeout=30)

    assert ended.status == 0, ended.err
    assert "Traceback" not in ended.err
    seen = look(run_ampt, wild)
    assert seen["state"] == ("done" if unruly.outcome == "succeeded" else "retry")
    attempt = seen["records"][-1]
    assert attempt["outcome"] == unruly.outcome, attempt
    assert re.search(unruly.error, attempt.get("error", "")), attempt["error"]
    assert len(json.dumps(attempt)) < 200_000
    after = look(run_ampt, tame)
    assert (after["state"], after["attempt"]) == ("done", 1), ended.err
    assert "all is normal \u20ac\\udc80" in after["records"][-1]["output"]
    assert "more" not in after["records"][-1]["output"]
    assert sleepers(nap) == []
    assert run_ampt("check").status == 0


def look(run_ampt: Any, id_: str) -> dict[str, Any]:
    """An event, as JSON."""
    found: dict[str, Any] = json.loads(run_ampt("inspect", id_, "--json").out)
    return found


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        pytest.param(65, None, "do not exist", marks=pytest.mark.row(65)),
        pytest.param(65, "def f(:\n", "SyntaxError", marks=pytest.mark.row(65)),
        pytest.param(65, "raise ValueError('at import')", "at import", marks=pytest.mark.row(65)),
        pytest.param(65, "import sys; sys.exit(0)", "SystemExit", marks=pytest.mark.row(65)),
        pytest.param(65, "import os; os._exit(0)", "without a result", marks=pytest.mark.row(65)),
    ],
)
def test_handlers_that_cannot_be_imported_touch_no_event(
    row: int, code: str | None, said: str, run_ampt, write_handlers, tmp_path: Path
) -> None:
    """Exit 78 before anything is claimed."""
    handlers = tmp_path / "none.py" if code is None else write_handlers(code)
    id_ = run_ampt("publish", "n").out.strip()

    ended = run_ampt("run", "--handlers", handlers)

    assert (ended.status, said in ended.err) == (78, True), ended.err
    seen = look(run_ampt, id_)
    assert (seen["state"], seen["attempt"]) == ("pending", 0)


@pytest.mark.row(66)
def test_an_import_that_prints_spoils_nothing(run_ampt, write_handlers) -> None:
    """It happens in the worker; what it says is passed on."""
    handlers = write_handlers("print('importing')\n@events.on('n')\ndef f(event): pass\n")
    run_ampt("publish", "n")

    ended = run_ampt("run", "--handlers", handlers)

    assert (ended.status, ended.out) == (0, "")
    assert run_ampt("inspect", "--state", "done").out.count("\n") == 1


@pytest.mark.row(66)
def test_an_import_that_closes_stdout_keeps_no_event(run_ampt, write_handlers) -> None:
    """What its handlers write elsewhere is kept."""
    code = "import os\nos.close(1)\n@events.on('n')\ndef f(event): os.write(2, b'told')\n"
    ids = [run_ampt("publish", "n").out.strip() for _ in range(2)]

    assert run_ampt("run", "--handlers", write_handlers(code)).status == 0
    assert [look(run_ampt, id_)["records"][-1]["output"] for id_ in ids] == ["told"] * 2


@pytest.mark.row(66)
@pytest.mark.parametrize(
    "does",
    [
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = sys.stderr = None",
        "sys.stdout = Tee()",
        "sys.stdin.close()",
        "sys.stdin = None",
        "sys.stdin.detach()",
    ],
)
def test_an_import_may_do_to_streams_what_it_likes(does: str, run_ampt, write_handlers) -> None:
    """It is done for all events, and is no reason to begin a worker for each."""
    code = f"""
import os, sys
class Tee:
    def write(self, text): os.write(1, text.encode())
    def flush(self): pass
{does}
@events.on("n")
def f(event): print(os.getpid())
"""
    ids = [run_ampt("publish", "n").out.strip() for _ in range(3)]

    assert run_ampt("run", "--handlers", write_handlers(code)).status == 0
    told = [look(run_ampt, id_)["records"][-1]["output"] for id_ in ids]
    assert len(set(told)) == 1, told
    assert told[0].strip().isdigit()


@pytest.mark.row(68)
def test_an_event_without_a_handler_is_ignored_and_shown_so(run_ampt, write_handlers) -> None:
    """It ends in done, with an outcome that says why nothing happened."""
    handlers = write_handlers("@events.on('other')\ndef f(event): pass\n")
    id_ = run_ampt("publish", "n").out.strip()

    run_ampt("run", "--handlers", handlers)

    seen = look(run_ampt, id_)
    assert (seen["state"], seen["records"][-1]["outcome"]) == ("done", "ignored")
    assert "no handler" in seen["explanation"]
