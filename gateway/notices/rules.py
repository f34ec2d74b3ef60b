"""Whether somebody wants to be told of what waits now. Plain values, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one queue, as the sweeper last counted it: at least one case, the oldest held for `oldest_s`."""

    queue_id: int
    queue: str
    depth: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is told."""

    waiting: tuple[Waiting, ...]

    @property
    def depth(self) -> int:
        return sum(each.depth for each in self.waiting)

    @property
    def oldest_s(self) -> float:
        return max(each.oldest_s for each in self.waiting)


@dataclass(frozen=True, slots=True)
class Rule:
    """When to tell; see `gateway.models.NoticeRule`. `queue_ids` None: of every queue."""

    every_s: float
    waits_s: float = 0.0
    only_first: bool = False
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = "UTC"
    queue_ids: frozenset[int] | None = None

    def concerns(self, waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
        """What waits in the queues of this rule."""
        return tuple(each for each in waiting if self.queue_ids is None or each.queue_id in self.queue_ids)

    def notice(self, waiting: Sequence[Waiting], *, at: datetime) -> Notice | None:
        """What to tell at this moment; None where nothing has waited for long enough, and in the quiet hours.

        Args:
            at: an aware time.
        """
        concerned = self.concerns(waiting)
        if self.is_quiet(at) or not any(each.oldest_s >= self.waits_s for each in concerned):
            return None
        return Notice(concerned)

    def is_quiet(self, at: datetime) -> bool:
        """Whether this moment is in the quiet hours, which may go past midnight."""
        if self.quiet_from is None or self.quiet_until is None:
            return False
        now = at.astimezone(ZoneInfo(self.time_zone)).time()
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= now < self.quiet_until
        return now >= self.quiet_from or now < self.quiet_until


def span(seconds: float) -> str:
    """A duration as a notice gives it: "40 s", "22 min", "3 h", "2 d"."""
    for unit, unit_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * unit_s:
            return f"{int(seconds // unit_s)} {unit}"
    return f"{int(seconds)} s"
