"""Few generations, many hands: cycles without an end, so that a mistake in the order of locks soon is a deadlock."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from gateway import leases, lifecycle
from gateway.audit.log import Actor as Who
from gateway.models import User
from review import claims
from tests.databases import Record
from tests.record.mutants import mutated
from tests.record.storm.people import Officer, Sweep
from tests.record.storm.run import FAULT_PROFILE
from tests.record.storm.weather import Actor, Weather
from tests.record.world import MODEL, SWEEPER, World, judgement

# Nothing goes back to the checkers twice; here that is forgotten again, behind the triggers' backs, so that it can.
FORGET = """
UPDATE {table} SET looked_again = false, held_why = 'unscreened-no-checker' WHERE id = ANY(ARRAY(
  SELECT id FROM {table} WHERE {held} ORDER BY id FOR NO KEY UPDATE SKIP LOCKED))"""


@dataclass
class Few:
    """What everybody reaches for."""

    world: World
    generations: list[tuple[uuid.UUID, list[uuid.UUID]]]
    prompts: list[uuid.UUID]


class Hand(Actor):
    """Somebody who always picks one of the few."""

    def __init__(self, weather: Weather, seed: int, few: Few) -> None:
        super().__init__(weather, seed)
        self.few = few


class Checker(Hand):
    """Holds every picture, and the prompts of the few that are prompts."""

    role = "screening"

    def turn(self) -> None:
        boot_id = self.few.world.boot_ids["screening"]
        who = Who("worker", boot_id)
        taken = self.do("claim generated", leases.claim, "generated", boot_id=boot_id, batch=8) or []
        self.do("beat", self._beat, boot_id, taken)
        for lease in taken:
            sha256 = self.few.world.image(lease.row_id).master_sha256
            self.do(
                "settle image", lifecycle.settle_image, lease.generation_id, lease.row_id, attempt=lease.attempt,
                sha256=bytes(sha256 or b""), judgement=judgement("hold"), actor=who,
            )  # fmt: skip
        for lease in self.do("claim prompt", leases.claim, "prompt", boot_id=boot_id, batch=2) or []:
            said = judgement("hold" if lease.row_id in self.few.prompts else "allow")
            self.do(
                "settle prompt", lifecycle.settle_prompt, lease.row_id, attempt=lease.attempt, judgement=said, actor=who
            )

    def _beat(self, boot_id: uuid.UUID, held: list[leases.Lease]) -> None:
        with connection.cursor() as cursor:
            leases.beat(boot_id, held, cursor=cursor)


class SecondLooker(Hand):
    """Sends back to the checkers whatever it can."""

    role = "sweeper"

    def turn(self) -> None:
        generation_id, image_ids = self.random.choice(self.few.generations)
        for image_id in image_ids:
            self.do("look again", lifecycle.look_again, generation_id, image_id, actor=SWEEPER)
        self.do("look again", lifecycle.look_again, self.random.choice(self.few.prompts), None, actor=SWEEPER)
        self.do("expire", lifecycle.expire, generation_id, actor=SWEEPER)


class Hesitant(Hand):
    """Claims, renews, escalates, takes it back."""

    role = "people"

    def __init__(self, weather: Weather, seed: int, few: Few, me: User) -> None:
        super().__init__(weather, seed, few)
        self.me = me

    def turn(self) -> None:
        claim = self.do("claim case", claims.take, self.me)
        if claim is None:
            return
        self.do("renew", claims.renew, self.me.pk, claim.token)
        for case_id in claim.case_ids if self.chance(0.3) else ():
            query = (
                "SELECT c.version, coalesce(i.master_sha256, g.prompt_sha256) FROM review_case c "
                "JOIN generation g ON g.id = c.generation_id LEFT JOIN image i ON i.id = c.image_id WHERE c.id = %s"
            )
            for version, sha256 in self.find(query, case_id):
                said = {"token": claim.token, "version": version, "outcome": "escalate", "sha256": bytes(sha256)}
                self.do("decide", lifecycle.decide, case_id, user_id=self.me.pk, **said)
                if self.chance(0.3):
                    self.do("undo", lifecycle.undo, case_id, user_id=self.me.pk)
        self.do("drop", claims.drop, self.me.pk)


class Canceler(Hand):
    """Asks and cancels: fair share given by one and given back by another."""

    role = "clients"

    def turn(self) -> None:
        answer = self.do("accept", lifecycle.accept, self.few.world.request(num_images=3), idempotency_key=None)
        self.pause(0.05)
        if answer is not None:
            self.do("cancel", lifecycle.cancel, answer[0], actor=self.few.world.client)


class Forgetter(Hand):
    role = "sweeper"

    def turn(self) -> None:
        with self.weather.record.admin() as admin:
            admin.execute("SET session_replication_role = replica")
            for table, held in (("image", "status = 'held'"), ("generation", "prompt_state = 'held'")):
                admin.execute(FORGET.format(table=table, held=held))  # type: ignore[arg-type]
        time.sleep(0.1)


def crowd(
    record: Record,
    *,
    seconds: float,
    officers_key_file: Path,
    without: tuple[str, ...] = (),
    until: Callable[[Weather], bool] = lambda _: False,
) -> Weather:
    """Twelve hands on sixteen generations for so long, or `until` something was seen; what they did, what was odd."""
    before = settings.CONFIGURATION
    settings.CONFIGURATION = before.model_copy(update=FAULT_PROFILE)
    try:
        world = World(record)
        world.undo_window(0.1)
        few = _few(world)
        weather = Weather(
            record,
            [world.organization.pk],
            [world.officer, world.second],
            (world.officer, world.other_officer),
            officers_key_file,
        )
        hands: list[Actor] = [Checker(weather, n, few) for n in range(3)]
        hands += [SecondLooker(weather, 10 + n, few) for n in range(3)]
        hands += [Hesitant(weather, 20, few, world.ada), Hesitant(weather, 21, few, world.second)]
        hands += [Canceler(weather, 30, few), Forgetter(weather, 40, few)]
        hands += [Officer(weather, 50), Sweep(weather, 60)]
        with mutated(*without):
            for hand in hands:
                hand.thread.start()
            ends_at = time.monotonic() + seconds
            while time.monotonic() < ends_at and not until(weather):
                time.sleep(0.1)
            weather.calm.set()
            weather.over.set()
            for hand in hands:
                hand.thread.join(20)
        return weather
    finally:
        settings.CONFIGURATION = before


def _few(world: World) -> Few:
    generations = []
    for _ in range(12):
        generation_id = world.accept(num_images=4)
        world.settle_prompt(world.lease("prompt", generation_id))
        for lease in world.claim("pending"):
            world.settle_generated(lease)
        generations.append((generation_id, world.image_ids(generation_id)))
    return Few(world, generations, [world.accept(num_images=2, model=MODEL) for _ in range(4)])
