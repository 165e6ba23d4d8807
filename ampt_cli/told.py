"""What a runner is told, and what it tells."""

from bisect import bisect_left

from ampt_cli import record
from ampt_cli.counters import BOUNDS, Counters
from ampt_cli.handlers import DEFAULT_TIMEOUT
from ampt_cli.layout import Entry
from ampt_cli.policy import Retries, retries_of
from ampt_cli.retention import Retention, retention_of
from ampt_cli.typed import Any, Value


class Settings(Value):
    """What a runner is told."""

    handlers: str
    jobs: int = 1
    watch: bool = False
    names: tuple[str, ...] = ()  # globs
    most: int | None = None  # attempts
    retries: Retries = Retries()
    rerun_all: bool = False
    retention: Retention = Retention()
    default_timeout: int = DEFAULT_TIMEOUT
    network: bool = False  # whether a network file system is accepted
    memory: int | None = None  # bytes of each worker

    @classmethod
    def of(cls, config: dict[str, Any], **given: Any) -> "Settings":
        """The settings in a configuration, and what the command line says besides."""
        return cls(
            retries=retries_of(config),
            rerun_all=config.get("rerun") == "all",
            retention=retention_of(config),
            default_timeout=config.get("timeout", DEFAULT_TIMEOUT),
            network=config.get("network_file_system", False),
            **given,
        )


class Tally:
    """What a run came to."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys(record.OUTCOMES, 0)
        self.quarantined = 0
        self.ms = 0.0
        self.below = [0] * (len(BOUNDS) + 1)

    def count(self, outcome: str, ms: float) -> None:
        """An attempt was settled that took `ms`."""
        self.counts[outcome] += 1
        self.ms += ms
        self.below[bisect_left(BOUNDS, ms)] += 1

    def counters(self) -> Counters:
        """What is to be added to the spool's counters."""
        return Counters(dict(self.counts), self.ms, tuple(self.below))

    @property
    def failed(self) -> int:
        """Attempts that failed or timed out, and damaged events that were set aside."""
        counts = self.counts
        return counts[record.FAILED] + counts[record.TIMED_OUT] + self.quarantined


class Observer:
    """What a runner tells; the command line prints it."""

    @property
    def often(self) -> float:
        """How soon (s) alive() must be called again, if that is under a second."""
        return float("inf")

    def attempt(self, entry: Entry, outcome: str, detail: dict[str, object]) -> None:
        """An attempt was settled; `detail` has error, verdict and next where it did not succeed."""

    def output(self, entry: Entry, output: bytes) -> None:
        """A handler printed something."""

    def problem(self, text: str) -> None:
        """Something a person should know of."""

    def state(self, text: str) -> None:
        """What the runner is doing now, for the service manager."""

    def alive(self) -> None:
        """Called at least every second, or as `often` as is wanted."""

    def end(self) -> None:
        """The run is over."""
