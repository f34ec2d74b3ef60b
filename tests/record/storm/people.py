"""Clients, reviewers, an officer, sweepers, and one who cuts connections."""

import contextlib
import threading
import time
import uuid
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from gateway import lifecycle
from gateway.audit.log import Actor as Who
from gateway.delivery import envelope, keys
from gateway.management import accounts
from gateway.models import Organization, Purpose, User
from gateway.sweep import Sweeper
from review import claims
from tests.record.storm.weather import APPLICATION, MODELS, Actor, Weather
from tests.record.world import World


class Client(Actor):
    """Asks, asks twice with one key, cancels, withdraws, erases."""

    role = "clients"

    def __init__(self, weather: Weather, seed: int, world: World) -> None:
        super().__init__(weather, seed)
        self.world = world
        self.mine: list[uuid.UUID] = []

    @property
    def stays(self) -> bool:
        return not self.weather.calm.is_set()

    def turn(self) -> None:
        organization_id = self.random.choice(self.weather.organizations)
        request = self.world.request(
            num_images=self.random.randint(1, 4),
            deadline_s=self.random.choice([3600] * 8 + [5, 15]),
            model=self.random.choice(MODELS),
            organization_id=organization_id,
            api_key_id=organization_id,
        )
        key = str(uuid.uuid4())
        for _ in range(2 if self.chance(0.1) else 1):
            answer = self.do("accept", lifecycle.accept, request, idempotency_key=key)
            if answer is not None and answer[1]:
                self.weather.accepted.append(answer[0])
                self.mine.append(answer[0])
        if self.mine:
            self._change_my_mind(Who("api_key", organization_id))
        self.pause(0.15)

    def _change_my_mind(self, me: Who) -> None:
        x = self.random.random()
        if x < 0.1:
            self.do("cancel", lifecycle.cancel, self.random.choice(self.mine[-60:]), actor=me)
        elif x < 0.14:
            chosen = self.random.choice(self.mine[-200:])
            out = "SELECT id FROM image WHERE generation_id = %s AND status = 'released' LIMIT 1"
            for (image_id,) in self.find(out, chosen):
                self.do("withdraw", lifecycle.withdraw, image_id, actor=me)
        elif x < 0.16:
            self.do("erase", lifecycle.erase, self.random.choice(self.mine[-200:]), actor=me)


class Reviewer(Actor):
    """Claims, looks, decides, walks away, decides twice at once, on old versions, on others' claims, and takes back.

    Comes to belong to one of the organizations as a client in the middle of it, and goes on with what was claimed.
    """

    role = "people"

    def __init__(self, weather: Weather, seed: int, me: User, other: User) -> None:
        super().__init__(weather, seed)
        self.me, self.other = me, other
        self.client_of: uuid.UUID | None = None

    def turn(self) -> None:
        claim = self.do("claim case", claims.take, self.me)
        if claim is None:
            time.sleep(0.05)
            return
        self.weather.count("cases claimed", len(claim.case_ids))
        if self.chance(0.5):
            self.do("renew", claims.renew, self.me.pk, claim.token)
        if len(claim.case_ids) > 1 and self.chance(0.2):
            self._deny_several(claim)
        for case_id in claim.case_ids:
            if self.fault(0.06):
                self.weather.count("walked away")
                return
            if self.client_of is None and self.fault(0.02) and self.do("join", self._join, case_id):
                self.weather.count("became a client of what was claimed")
            self._judge(case_id, claim)
        self.pause(0.05)

    def _join(self, case_id: uuid.UUID) -> bool:
        """Belong to the organization of this case, as `manage.py change_user` would have it; seniors stay strangers."""
        if self.me.role != "reviewer":
            return False
        organization = Organization.objects.get(generations__cases=case_id)
        with contextlib.suppress(CommandError), transaction.atomic():  # joined already, on a connection that was lost
            accounts.join(self.me, organization, actor=Who("system", "storm"))
            claims.drop(self.me.pk, organization_id=organization.pk)
        self.client_of = organization.pk
        return True

    def _judge(self, case_id: uuid.UUID, claim: claims.Claim) -> None:
        query = (
            "SELECT c.generation_id, c.version, c.kind, c.lane, coalesce(i.master_sha256, g.prompt_sha256) "
            "FROM review_case c JOIN generation g ON g.id = c.generation_id LEFT JOIN image i ON i.id = c.image_id "
            "WHERE c.id = %s"
        )
        for generation_id, version, kind, lane, shown in self.find(query, case_id):
            if generation_id != claim.generation_id or lane not in claims.LANES[self.me.role]:
                self.weather.wonder("a claim over two generations, or in a lane that is not this person's")
            sha256, yes = bytes(shown), "approve" if kind == "prompt" else "release"
            ms = 300 if self.chance(0.05) else 1500
            self.do(
                "look", lifecycle.note_look, case_id, user_id=self.me.pk, sha256=sha256, form="512px", ms=ms
            )  # fmt: skip
            outcome = self.random.choices([yes, "deny", "escalate"], [67, 23, 10])[0]
            said = {
                "user_id": self.me.pk, "token": claim.token, "version": version, "outcome": outcome, "sha256": sha256,
                "category": "weapons" if outcome == "deny" else None,
                "remembered": outcome == "deny" and kind == "image" and self.chance(0.3),
            }  # fmt: skip
            self._err(case_id, said)
            self._decide(case_id, said)

    def _deny_several(self, claim: claims.Claim) -> None:
        """Some of the request's images, now and then at an old version; sometimes they are taken back."""
        query = (
            "SELECT c.id, c.version, i.master_sha256 FROM review_case c JOIN image i ON i.id = c.image_id "
            "WHERE c.id = ANY(%s) ORDER BY c.id"
        )
        stale = 1 if self.chance(0.2) else 0
        shown = [
            lifecycle.Shown(case_id, version - stale, bytes(sha256))
            for case_id, version, sha256 in self.find(query, list(claim.case_ids[:-1]))
        ]
        said = {"user_id": self.me.pk, "token": claim.token, "category": "weapons", "remembered": self.chance(0.3)}
        if shown and self.do("deny several", lifecycle.deny_several, shown, **said) and self.chance(0.3):
            self.do("undo several", lifecycle.undo_together, shown[0].case_id, user_id=self.me.pk)

    def _err(self, case_id: uuid.UUID, said: dict[str, Any]) -> None:
        if self.fault(0.04):
            self.do("decide for another", lifecycle.decide, case_id, **{**said, "user_id": self.other.pk})
        if self.fault(0.04):
            self.do("decide on an old version", lifecycle.decide, case_id, **{**said, "version": said["version"] - 1})
        if self.fault(0.02):
            self.do("decide about other bytes", lifecycle.decide, case_id, **{**said, "sha256": b"other"})
        if self.fault(0.02):
            time.sleep(settings.CONFIGURATION.case_lease_s + 0.5)

    def _decide(self, case_id: uuid.UUID, said: dict[str, Any]) -> None:
        twin = threading.Thread(target=self._decide_too, args=(case_id, said)) if self.chance(0.1) else None
        if twin:
            twin.start()
        decided = self.do("decide", lifecycle.decide, case_id, **said)
        if twin:
            twin.join()
        if decided is not None and self.chance(0.15):
            self.pause(1.5)
            self.do("undo", lifecycle.undo, case_id, user_id=self.me.pk)

    def _decide_too(self, case_id: uuid.UUID, said: dict[str, Any]) -> None:
        with self.weather.record.acting_as(self.role, application_name=f"{APPLICATION} twin"):
            self.do("decide twice", lifecycle.decide, case_id, **said)


class Senior(Actor):
    """Denies several cases of anybody's together, whoever is at them, and takes most of it back."""

    role = "people"

    def __init__(self, weather: Weather, seed: int, me: User) -> None:
        super().__init__(weather, seed)
        self.me = me

    @property
    def stays(self) -> bool:
        return not self.weather.calm.is_set()

    def turn(self) -> None:
        self.pause(4.0)
        waiting = (
            "SELECT c.id, c.version, coalesce(i.master_sha256, g.prompt_sha256) FROM review_case c "
            "JOIN generation g ON g.id = c.generation_id LEFT JOIN image i ON i.id = c.image_id "
            "WHERE c.status = 'open' ORDER BY random() LIMIT 6"
        )
        shown = [lifecycle.Shown(case_id, version, bytes(sha256)) for case_id, version, sha256 in self.find(waiting)]
        if not shown:
            return
        batch = self.do("deny many", lifecycle.deny_each, shown, user_id=self.me.pk, category="weapons")
        if batch is not None:
            self.weather.count("denied with others", len(batch.done))
            self.weather.count("left out of a batch", len(batch.left_out))
            if self.chance(0.7):
                self.do("undo many", lifecycle.undo_batch, batch.id, user_id=self.me.pk)


class Officer(Actor):
    """Seals this and that, and finds every second seal a false alarm."""

    role = "people"

    @property
    def stays(self) -> bool:
        return not self.weather.calm.is_set()

    def turn(self) -> None:
        time.sleep(self.random.uniform(0.3, 1.2))
        officer, second = self.weather.officers
        me = Who("person", officer.pk)
        at = self.random.randint(0, 100)
        unsealed = "SELECT id FROM generation WHERE sealed_at IS NULL ORDER BY id DESC OFFSET %s LIMIT 1"
        for (generation_id,) in self.find(unsealed, at):
            self.do("seal", lifecycle.seal, generation_id, actor=me)
        if self.chance(0.5):
            sealed = (
                "SELECT s.id FROM seals s JOIN generation g ON g.id = s.generation_id WHERE g.sealed_at IS NOT NULL "
                "AND s.lifted_at IS NULL ORDER BY s.id DESC OFFSET %s LIMIT 1"
            )
            for (seal_id,) in self.find(sealed, at // 10):
                self.do("lift seal", self._lift, seal_id, officer, second)

    def _lift(self, seal_id: uuid.UUID, officer: User, second: User) -> None:
        reason = "harmless stand-in of a storm"
        access_id = lifecycle.ask_to_open(seal_id, purpose=Purpose.LIFT, reason=reason, officer=officer)
        lifecycle.agree_to_open(access_id, second=second)
        access = lifecycle.live_access(access_id, purpose=Purpose.LIFT, officer=officer)
        lifecycle.lift_seal(access, rewrap=self._rewrap, officer=officer)

    def _rewrap(self, _image_id: uuid.UUID, wrapped_key: bytes) -> bytes:
        officers = keys.load_private(self.weather.officers_key_file)
        return envelope.rewrap(
            wrapped_key, officers, keys.load_public(settings.CONFIGURATION.quarantine_public_key_file)
        )


class Sweep(Actor):
    """The real sweeper, a round every fifth of a second."""

    role = "sweeper"

    def __init__(self, weather: Weather, seed: int) -> None:
        super().__init__(weather, seed)
        self.sweeper = Sweeper(Who("system", "sweeper"))

    def turn(self) -> None:
        self.do("sweep", self.sweeper.round)
        time.sleep(0.2)


class Killer(Actor):
    """Ends sessions of the others, the busy ones first, and lets no checker live for a while now and then."""

    role = "sweeper"

    def __init__(self, weather: Weather, seed: int) -> None:
        super().__init__(weather, seed)
        self.next_dark = time.monotonic() + self.random.uniform(5, 10)

    @property
    def stays(self) -> bool:
        return not self.weather.calm.is_set()

    def turn(self) -> None:
        time.sleep(self.random.uniform(0.1, 0.5))
        with self.weather.record.admin() as admin:
            self._kill(admin, self.random.choice([1, 1, 2]))
        if time.monotonic() > self.next_dark:
            self.weather.count("spells without a checker")
            self.weather.dark.set()
            self.weather.calm.wait(6)
            self.weather.dark.clear()
            self.next_dark = time.monotonic() + self.random.uniform(10, 25)

    def _kill(self, admin: psycopg.Connection[Any], how_many: int) -> None:
        row = admin.execute(
            "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM (SELECT state, pg_terminate_backend(pid) "
            "FROM pg_stat_activity WHERE application_name LIKE %s AND datname = current_database() "
            "AND pid <> pg_backend_pid() ORDER BY state = 'idle', random() LIMIT %s) killed",
            [f"{APPLICATION} %", how_many],
        ).fetchone()
        if row is not None:
            self.weather.count("sessions killed", row[0])
            self.weather.count("sessions killed at work", row[1])
