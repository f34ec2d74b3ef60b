"""Whether nudges reach a worker: one that is connected and deaf is a known state of Celery's."""


class Hearing:
    """Tells deafness from a quiet hour, from what each heartbeat sees."""

    def __init__(self) -> None:
        self._waiting_since: float | None = None
        self._turns = -1

    def is_deaf(self, *, work_waits: bool, turns: int, now: float, limit_s: float) -> bool:
        """Whether work has been waiting at every look for longer than `limit_s`, and no turn began meanwhile.

        Args:
            work_waits: rows that this worker could take, while it has no turn under way.
            turns: how many turns it has begun in its life.
            now: seconds of any clock that only goes forward.
        """
        if not work_waits or turns != self._turns or self._waiting_since is None:
            self._waiting_since = now if work_waits else None
            self._turns = turns
            return False
        return now - self._waiting_since > limit_s
