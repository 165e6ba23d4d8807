"""Settle what the workers report: each attempt's record, verdict, and move."""

from collections.abc import Callable

from ampt_cli import frames, jsontext, layout, reading, record, settling, spool, upkeep
from ampt_cli.errors import AmptError, from_os
from ampt_cli.frames import Report
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.policy import Wish
from ampt_cli.told import Observer, Settings, Tally
from ampt_cli.typed import Any


class Outcomes:
    """The settling half of a runner."""

    def __init__(
        self, disk: Disk, settings: Settings, observer: Observer, clock: Callable[[], int]
    ) -> None:
        self.disk = disk
        self.settings = settings
        self.observer = observer
        self.clock = clock
        self.tally = Tally()
        self.declared: dict[str, Any] = {}  # what the handler module declares
        self.stopping = False
        self.settled = False  # whether anything was, since somebody asked
        self.left: list[Entry] = []  # to be left alone from now on
        self.trouble: AmptError | None = None

    def settle(self, entry: Entry, report: Report) -> None:
        """Settle one claim. Never raises OSError: what the disk refuses is kept as `trouble`."""
        self.settled = True
        try:
            if report[-1]:
                self.observer.output(entry, report[-1])
            self._settle_one(entry, report)
        except FileExistsError:
            self._set_aside(entry, upkeep.TWICE)
        except spool.RecordLost as lost:
            self.fail(lost.error, f"write the record of {lost.target.path}; it was moved there")
        except OSError as error:
            self.fail(error, f"settle {entry.path}; it stays claimed, and will be due again")

    def _settle_one(self, entry: Entry, report: Report) -> None:
        now = self.clock()
        kind, _, payload, output = report
        if kind == frames.RECORDED:
            spool.finish(self.disk, entry, now)
            self._succeeded(entry, record.SUCCEEDED, int(payload) / 1000)
        elif kind in (frames.SUCCEEDED, frames.IGNORED):
            line = payload
            if output:
                line = line[:-2] + b',"output":%s}\n' % jsontext.dumps(_text(output)).encode()
            settling.settle_success(self.disk, entry, line, now)
            known = record.SUCCEEDED if kind == frames.SUCCEEDED else record.IGNORED
            self._succeeded(entry, known, _ms(line))
        elif kind == frames.DEATH and not self.disk.exists(entry.path):
            self.tally.count(record.FAILED, 0.0)  # somebody has moved, or removed it
        elif kind == frames.DEATH and settling.has_succeeded(self.disk, entry):
            spool.finish(self.disk, entry, now)  # it ended before it could say so
            self._succeeded(entry, record.SUCCEEDED, 0.0)
        elif kind in (frames.ATTEMPTED, frames.DEATH):
            self._settle_failure(entry, report, now)
        elif kind == frames.DAMAGED:
            self._set_aside(entry, _text(payload))
        elif spool.release(self.disk, entry):  # nor has anybody moved, or removed it
            left = layout.released(entry)
            self.left.append(left)
            self.observer.problem(f"left {left.path} where it is: {_text(payload)}")

    def _succeeded(self, entry: Entry, outcome: str, ms: float) -> None:
        self.tally.count(outcome, ms)
        self.observer.attempt(entry, outcome, {})

    def release(self, entry: Entry) -> None:
        """Give back a claim that has not begun. Never raises OSError."""
        try:
            spool.release(self.disk, entry)
        except FileExistsError:
            self._set_aside(entry, upkeep.TWICE)
        except OSError as error:
            self.fail(error, f"give back {entry.path}; it will be when this runner has ended")

    def _set_aside(self, entry: Entry, reason: str) -> None:
        try:
            spool.quarantine(self.disk, entry.path, reason, self.clock())
        except OSError as error:
            self.fail(error, f"quarantine {entry.path} ({reason})")
            return
        self.tally.quarantined += 1
        self.observer.problem(f"quarantined {entry.file}: {reason}")

    def fail(self, error: OSError, tried: str) -> None:
        """The disk fails: it is told; nothing more is claimed, and the run will end with that."""
        if self.trouble is None:
            self.trouble = from_os(error, tried)
            self.observer.problem(str(self.trouble))

    def _settle_failure(self, entry: Entry, report: Report, now: int) -> None:
        kind, _, payload, output = report
        told = _told(payload, now)
        made = told.get("record") or self._of_death(entry, told, now)
        if output:
            made["output"] = _text(output)
        succeeded = tuple(told["succeeded"])
        if kind == frames.DEATH and not self.settings.rerun_all:
            earlier = reading.history(self.disk, entry.path).succeeded
            succeeded = tuple(dict.fromkeys(earlier + succeeded))
        own = self.declared.get("retries", {}).get(entry.name, {})
        verdict = settling.settle_other(
            self.disk,
            entry,
            made,
            now=now,
            retries=self.settings.retries.but(**own),
            wish=Wish(told.get("give_up", False), told.get("later")),
            succeeded=succeeded,
        )
        self.tally.count(made["outcome"], made["ms"])
        if verdict is None:
            return
        detail = {"error": made["error"], "verdict": verdict.state, "next": verdict.next}
        self.observer.attempt(entry, made["outcome"], detail)

    def _of_death(self, entry: Entry, told: dict[str, Any], now: int) -> record.Record:
        """The record of an attempt whose worker has ended under it."""
        if told["timed_out"]:
            outcome = record.TIMED_OUT
            error = f"timed out after {told['allowed'] / 1000:g} s; the worker was killed"
        elif self.stopping and not told["itself"]:
            outcome, error = record.INTERRUPTED, "the runner was stopped during the attempt"
        else:
            outcome, error = record.FAILED, f"the worker {told['why']}"
        return {
            "attempt": entry.attempt,
            "start": min(told["start"], now),
            "ms": max(now - told["start"], 0),
            "outcome": outcome,
            "handlers": [{"handler": told["handler"], "outcome": outcome, "error": error}]
            if told["handler"]
            else [],
            "error": error,
        }


def _told(payload: bytes, now: int) -> dict[str, Any]:
    """What a report says; a handler that writes into the worker's pipe can spoil one."""
    try:
        told: dict[str, Any] = jsontext.loads(payload.decode())
    except ValueError as error:
        why = f"gave a report that cannot be read ({error})"
        told = {"timed_out": False, "itself": True, "why": why}
        told |= {"start": now, "handler": "", "succeeded": []}
    return told


def _ms(line: bytes) -> float:
    """How long the attempt of a record took, without reading all of it."""
    return float(line.partition(b'"ms":')[2].partition(b",")[0])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
