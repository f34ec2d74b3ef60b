"""Worker children: claim, work, settle; vanish with what they hold, freeze, and come back late as ghosts."""

import contextlib
import hashlib
import threading
import time
import uuid
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

from gateway import leases, lifecycle
from gateway.audit.log import Actor as Who
from gateway.models import Generation, Image
from gateway.models.fields import new_id
from tests.record.storm.weather import APPLICATION, MODELS, Actor, Weather
from tests.record.world import judgement, published, stored

STAGES: dict[str, tuple[leases.Stage, ...]] = {
    "screening": ("prompt", "generated"),
    "generation": ("pending",),
    "delivery": ("granted",),
}
POISON_ONE_IN = 120


@dataclass
class Ghost:
    """A worker that is gone and does not know: it will write what it had in hand."""

    appears_at: float
    lease: leases.Lease
    boot_id: uuid.UUID


@dataclass
class Life:
    """One boot of a worker: its id and what it knows it works on, shared with its heartbeat."""

    boot_id: uuid.UUID
    held: set[leases.Lease] = field(default_factory=set)
    frozen_until: float = 0.0


class Worker(Actor):
    """One child of `kind`, born again whenever it vanished."""

    def __init__(self, weather: Weather, seed: int, kind: str) -> None:
        super().__init__(weather, seed)
        self.role = self.kind = kind
        self.ghosts: list[Ghost] = []
        self.life: Life | None = None
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        name = f"{APPLICATION} beat"
        with self.weather.record.acting_as(self.role, application_name=name):
            while not self.weather.over.is_set():
                time.sleep(settings.CONFIGURATION.heartbeat_s * 0.8)
                life = self.life
                if life is not None and time.monotonic() > life.frozen_until:
                    lost = self.do("heartbeat", self._renew, life) or set()
                    self.weather.count("leases lost", len(lost))

    def _renew(self, life: Life) -> set[uuid.UUID]:
        with contextlib.closing(connection.cursor()) as cursor:
            return leases.beat(life.boot_id, list(life.held), cursor=cursor)

    def turn(self) -> None:
        life = self.life or self._born()
        if life is None:
            return
        self._haunt()
        if self.kind == "screening" and self.weather.dark.is_set():
            life.frozen_until = time.monotonic() + 1
            time.sleep(0.3)
        else:
            worked = [self._work(life, stage) for stage in STAGES[self.kind] if self.life is life]
            if not any(worked):
                time.sleep(0.05)

    def _born(self) -> Life | None:
        boot_id = new_id()
        self.life = Life(boot_id) if self.do("worker born", self._register, boot_id) else None
        return self.life

    def _register(self, boot_id: uuid.UUID) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO workers (boot_id, kind, self_test_at) VALUES (%s, %s, now())", [boot_id, self.kind]
            )
        return True

    def _haunt(self) -> None:
        due = [ghost for ghost in self.ghosts if ghost.appears_at < time.monotonic()]
        for ghost in due:
            self.ghosts.remove(ghost)
            self._settle(ghost.lease, ghost.boot_id, who="ghost: ")

    def _work(self, life: Life, stage: leases.Stage) -> bool:
        model = self.random.choice(MODELS) if stage == "pending" else None
        batch = self.random.choice([2, 4, 8])
        taken = self.do(f"claim {stage}", leases.claim, stage, boot_id=life.boot_id, batch=batch, model=model)
        if not taken:
            return False
        for lease in [lease for lease in taken if lease.spent]:
            taken.remove(lease)
            self._give_up(lease, life.boot_id)
        life.held |= set(taken)
        if self._vanishes(life, taken):
            return True
        if self.fault(0.03):
            self.weather.count("workers frozen")
            life.frozen_until = time.monotonic() + 4.5
            time.sleep(4.6)
        self.pause(0.03)
        for lease in taken:
            if self.fault(0.01):
                self.do("give back", leases.give_back, lease, delay_s=1.0)
            else:
                self._settle(lease, life.boot_id)
        life.held -= set(taken)
        return True

    def _vanishes(self, life: Life, taken: list[leases.Lease]) -> bool:
        poison = {lease.row_id for lease in taken if lease.stage == "pending" and is_poison(lease.row_id)}
        self.weather.poisoned |= poison
        if not (self.fault(0.04) or (poison and not self.weather.calm.is_set())):
            return False
        if self.chance(0.5):
            later = time.monotonic() + self.random.uniform(2, 9)
            self.ghosts += [Ghost(later, lease, life.boot_id) for lease in taken]
        self.life = None
        self.weather.count("workers vanished")
        return True

    def _give_up(self, lease: leases.Lease, boot_id: uuid.UUID) -> None:
        """Under the claimer's own attempt: what checkers cannot judge goes to people, anything else fails."""
        self._settle(lease, boot_id, who="spent: ", spent=True)

    def _settle(self, lease: leases.Lease, boot_id: uuid.UUID, *, who: str = "", spent: bool = False) -> None:
        settle = getattr(self, f"_settle_{lease.stage}")
        self.do(f"{who}settle {lease.stage}", settle, lease, Who("worker", boot_id), spent=spent)

    def _settle_prompt(self, lease: leases.Lease, actor: Who, *, spent: bool) -> None:
        kinds = ["allow", "flag", "hold", "block", "unscreened", "seal"]
        said = "unscreened" if spent else self.random.choices(kinds, [68, 10, 13, 5, 3, 1])[0]
        approvals = self.random.choice([1, 1, 1, 2])
        verdict = judgement(said, approvals_required=approvals)  # type: ignore[arg-type]
        lifecycle.settle_prompt(lease.row_id, attempt=lease.attempt, judgement=verdict, actor=actor)

    def _settle_pending(self, lease: leases.Lease, actor: Who, *, spent: bool) -> None:
        row = {"attempt": lease.attempt, "actor": actor}
        if spent:
            lifecycle.settle_not_generated(lease.generation_id, lease.row_id, why="crashed", **row)  # type: ignore[arg-type]
            return
        sha256 = hashlib.sha256(f"{lease.row_id} {lease.attempt}".encode()).digest()
        made = stored(lease.row_id, lease.attempt, sha256)
        lifecycle.settle_generated(lease.generation_id, lease.row_id, stored=made, units=100, **row)  # type: ignore[arg-type]

    def _settle_generated(self, lease: leases.Lease, actor: Who, *, spent: bool) -> None:
        kinds = ["allow", "hold", "block", "unscreened", "seal"]
        said = "unscreened" if spent else self.random.choices(kinds, [56, 30, 7, 6, 1])[0]
        sha256 = Image.objects.values_list("master_sha256", flat=True).get(pk=lease.row_id)
        read_back = b"changed on its way" if self.fault(0.007) else sha256 and bytes(sha256)
        verdict = judgement(
            said,  # type: ignore[arg-type]
            approvals_required=self.random.choice([1, 1, 1, 2]),
            lane=self.random.choice(["ordinary", "severe"]),
        )
        lifecycle.settle_image(
            lease.generation_id, lease.row_id, attempt=lease.attempt, sha256=read_back, judgement=verdict, actor=actor
        )

    def _settle_granted(self, lease: leases.Lease, actor: Who, *, spent: bool) -> None:
        row = {"attempt": lease.attempt, "actor": actor}
        erased = Generation.objects.filter(pk=lease.generation_id, erased_at__isnull=False).exists()
        if spent or erased:
            why = "erased" if erased else "crashed"
            lifecycle.settle_not_delivered(lease.generation_id, lease.row_id, why=why, **row)  # type: ignore[arg-type]
            return
        sha256 = hashlib.sha256(f"{lease.row_id} {lease.attempt} encoded".encode()).digest()
        file = published(lease.row_id, lease.attempt, sha256)
        lifecycle.settle_delivered(lease.generation_id, lease.row_id, published=file, **row)  # type: ignore[arg-type]


def is_poison(image_id: uuid.UUID) -> bool:
    """Whether this picture takes every worker with it that begins it."""
    return image_id.int % POISON_ONE_IN == 0
