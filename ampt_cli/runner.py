"""The loop of a runner: rescue, scan, claim, submit, settle.

A runner exists on disk only while it has work: an idle `ampt run` rescues,
scans, and ends, without a lock and without a worker.
"""

import gc
import signal
from collections.abc import Callable
from time import monotonic

from ampt_cli import home, worker
from ampt_cli.chores import Chores
from ampt_cli.dispatch import Dispatch
from ampt_cli.errors import CHECK, NotFound, from_os, from_several
from ampt_cli.fsio import Disk
from ampt_cli.intake import POLL, Intake
from ampt_cli.outcomes import Outcomes
from ampt_cli.sharing import Share
from ampt_cli.signals import heard
from ampt_cli.supervisor import Supervisor
from ampt_cli.told import Observer, Settings, Tally

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from ampt_cli.ears import Ears

UNREAD_HINT = "all other events were handled; see: ampt check"
UNRESCUED = "rescue all that dead runners had claimed"
STOP_AFTER = 62.0  # s that running handlers are waited for at a stop


class Runner:
    """One runner on one spool."""

    def __init__(
        self,
        disk: Disk,
        settings: Settings,
        observer: Observer,
        clock: Callable[[], int],
    ) -> None:
        self.disk = disk
        self.settings = settings
        self.observer = observer
        self.clock = clock
        self.intake = Intake(disk, clock, settings.names, network=settings.network)
        self.outcomes = Outcomes(disk, settings, observer, clock)
        self.dispatch = Dispatch(self.intake, self.outcomes, settings.most)
        self.signals: list[int] = []
        self.stopping = 0
        self.reloading = False
        self.ears: Ears | None = None  # for publishers, and whether they are listened to
        self.listening = False
        self.stop_by = float("inf")
        self.chores = Chores(disk, settings, observer, clock, self.outcomes.tally)

    # -- the run ----------------------------------------------------------------------

    def run(self) -> Tally:
        """Handle what is due; with `watch`, until a signal says stop. Raises AmptError."""
        try:
            if self.chores.rescue(None):
                self.intake.rescan()
            if self.settings.watch or self.intake.peek():
                self._work()
            self.chores.tidy(self.intake)
        except OSError as error:
            raise from_os(error, f"run the events in {self.disk.path}", CHECK) from error
        if self.outcomes.trouble is not None:
            raise self.outcomes.trouble
        if self.intake.unread:
            raise from_several(self.intake.unread, "read", UNREAD_HINT)
        if self.chores.unrescued.first is not None:
            raise from_os(self.chores.unrescued.first, UNRESCUED, CHECK)
        return self.outcomes.tally

    def _work(self) -> None:
        home.check_place(self.disk, network=self.settings.network)
        with heard(self.signals) as wakeup:
            self.home = home.Home(self.disk, self.clock())
            # Forked first: they import the handlers while the folder is locked and synced here.
            self.workers = self._crew(wakeup)
            try:
                self._move_in()
                self._loop()
            except (NotFound, OSError):  # of what runs, nothing need be lost
                self._drain()
                raise
            finally:
                self._move_out()

    def _crew(self, wakeup: int) -> Supervisor:
        told = self.settings
        try:
            job = worker.Job(
                self.disk.path, told.handlers, told.default_timeout, told.rerun_all, told.memory
            )
            return Supervisor(self.disk, self.home.draft, job=job, jobs=told.jobs, wakeup=wakeup)
        except BaseException:
            self.home.move_out()  # or each run without room would leave a folder, and have less
            raise

    def _move_in(self) -> None:
        self.home.move_in()
        self.workers.folder = self.home.folder
        self.intake.runner = self.home.name
        self.share = Share(self.disk, self.home.folder)
        self._wait_ready()
        gc.freeze()
        gc.enable()

    def _wait_ready(self) -> None:
        self.workers.wait_ready(self._told_to_stop)
        self.outcomes.declared = self.workers.declared
        if not self.stopping:
            self.observer.state("ready")

    def _told_to_stop(self) -> bool:
        self._hear()
        return self.stopping > 0

    def _move_out(self) -> None:
        """End the workers; give back what has not begun; leave the rest to the next rescue."""
        self.workers.stop()
        self.dispatch.hold(self.workers.spare)
        self.dispatch.give_back()
        self.home.move_out()
        self.chores.add_up()

    def _loop(self) -> None:
        self.ears = self._open_ears() if self.settings.watch else None
        while True:
            self._fill()
            if not self.dispatch.claims:
                if self._is_over():
                    return
                if self._begins_anew():
                    continue
            self._listen(self.ears is not None and self._would_claim())
            if self._may_rest():
                self._rest()
            self.dispatch.settle(self.workers.poll(self._patience()))
            self._hear()
            if self.workers.failure is not None:
                self._drain()
                raise self.workers.failure
            if self.settings.watch:
                self.intake.look_again(woken=self._is_woken())
                if self.chores.keep_up(self.home.folder, self.intake):
                    self._hear_anew()

    def _may_rest(self) -> bool:
        return self.settings.watch and not (self.dispatch.claims or self.share.aside)

    def _rest(self) -> None:
        from ampt_cli.rest import rest  # noqa: PLC0415  gate: only for who stays

        rest(
            self.workers,
            self.intake,
            self.chores,
            self.observer,
            signals=self.signals,
            pause=self._pause(),
        )

    def _listen(self, wanted: bool) -> None:
        """Whether a publish is to end a wait: not while nobody would claim, or empty the FIFO."""
        if self.ears is not None and wanted != self.listening:
            self.listening = wanted
            (self.workers.watch if wanted else self.workers.unwatch)(self.ears.fd)

    def _is_woken(self) -> bool:
        return self.listening and self.ears is not None and self.ears.heard()

    def _would_claim(self) -> bool:
        return not self.dispatch.holds and self.workers.room > 0 and not self.share.aside

    def _is_over(self) -> bool:
        """With nothing claimed: whether the run has ended."""
        if self.stopping or self.outcomes.trouble or self.dispatch.room() <= 0:
            return True
        if self.settings.watch or not self.intake.exhausted:
            return False
        return not self.outcomes.settled

    def _begins_anew(self) -> bool:
        """With nothing claimed: whether there is reason to look again at once."""
        if self.reloading:
            self.reloading = False
            self._listen(False)
            refused = self.workers.renew(self._told_to_stop)
            if refused is not None:
                self.observer.problem(f"the handlers stay as they were: {refused}")
            self._wait_ready()
            return True
        if self.settings.watch or not self.intake.exhausted:
            return False
        self.outcomes.settled = False
        self.intake.rescan()  # handlers may have published more
        return True

    def _pause(self) -> float:
        """How long (s) anything is waited for at most."""
        return min(POLL, self.observer.often)

    def _patience(self) -> float:
        wait = self._pause()
        if self.share.aside:
            wait = min(wait, self.share.look_at - monotonic())
        elif self.settings.watch and self.workers.room:
            wait = min(wait, self.intake.patience())
        return max(wait, 0.0005)

    # -- giving out work -----------------------------------------------------------------

    def _fill(self) -> None:
        """Give out what is due, or give back what has not begun."""
        self.dispatch.hold(self.workers.spare)
        if self.stopping or self.outcomes.trouble or self.reloading or self._stands_aside():
            self.dispatch.give_back()
            return
        try:
            self.dispatch.give_out(self.workers)
        except OSError as error:
            self.outcomes.fail(error, "claim an event")

    def _stands_aside(self) -> bool:
        """Whether to leave what is due to other runners; not where names are shared out.

        Who has claimed nothing is in nobody's way, and need not look at what others do.
        """
        now = monotonic()
        takes_part = self.dispatch.claims or self.share.aside
        if takes_part and now >= self.share.look_at and not self.settings.names:
            self.share.look(
                now,
                begun=self.dispatch.begun,
                lost=self.intake.lost,
                busy=self.outcomes.tally.ms / 1000 / self.settings.jobs,
            )
        return self.share.aside

    # -- signals, upkeep, and the end -------------------------------------------------------

    def _hear(self) -> None:
        """Act on the signals that came."""
        while self.signals:
            if self.signals.pop(0) == signal.SIGHUP:
                self.reloading = True
                self.observer.state("reloading")
            else:
                self.stopping += 1
                self.outcomes.stopping = True
                self.stop_by = min(self.stop_by, monotonic() + STOP_AFTER)
                self.observer.state("stopping")
        if self.stopping:
            self._stop()
        self.observer.alive()

    def _stop(self) -> None:
        """Take back what has not begun; on a second signal, or too late, end what has."""
        for slot in self.workers.slots:
            self.workers.spare += slot.take_back()
            if slot.waiting and (self.stopping > 1 or monotonic() > self.stop_by):
                slot.kill("the runner stops")

    def _drain(self) -> None:
        """Wait for what is running, for as long as its deadlines allow."""
        self._listen(False)
        for slot in self.workers.slots:
            self.workers.spare += slot.take_back()
        limit = monotonic() + STOP_AFTER
        while self.workers.busy and monotonic() < limit:
            self.dispatch.settle(self.workers.poll(self._pause()))
            self._hear()

    def _hear_anew(self) -> None:
        """Open the FIFO again where it is another by now, or could not be opened."""
        if self.ears is not None:
            if self.ears.are_of(self.disk):
                return
            self._listen(False)
            self.ears.close()
        self.ears = self._open_ears()

    def _open_ears(self) -> "Ears | None":
        from ampt_cli import ears  # noqa: PLC0415  gate: only for who stays

        try:
            return ears.Ears(self.disk)
        except OSError as error:
            self.chores.problem(f"no prompt wake-up, looking once a second instead: {error}")
            return None
