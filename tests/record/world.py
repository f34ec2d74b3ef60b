"""Generations brought as far as a test wants them, by the public transitions alone, each as the role that owns it."""

import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import connection
from django.utils import timezone

from gateway import leases, lifecycle
from gateway.audit.log import Actor
from gateway.delivery import envelope, keys
from gateway.lifecycle import Judgement, PublishedFile, Request, StoredBytes
from gateway.models import ApiKey, AuditEntry, Case, Generation, Image, Organization, Purpose, Queue, Seal, User
from gateway.models.fields import new_id
from moderation.assessments import Assessment
from moderation.hashes import Fingerprint
from moderation.policy import Reason, Verdict
from tests.databases import Record

MODEL = "test-card"
PICTURE = hashlib.sha256(b"a picture").digest()
FILE = hashlib.sha256(b"an encoded picture").digest()
PROMPT = "a red apple"
RULE, SCORE = "the rule that fired", 0.8125
COST = 100
OFFICERS_REASON = "harmless stand-in of a test"
SWEEPER = Actor("system", "sweeper")

Said = Literal["allow", "flag", "hold", "block", "unscreened", "seal"]
Upto = Literal["waiting", "held prompt", "pending", "generated", "held", "granted", "released"]

ROLE_OF: dict[leases.Stage, str] = {
    "prompt": "screening",
    "pending": "generation",
    "generated": "screening",
    "granted": "delivery",
}


LOOK = Fingerprint(bytes(range(32)), 90, bytes(48))


def judgement(
    said: Said,
    *,
    approvals_required: int = 1,
    lane: str = "ordinary",
    policy_sha256: str = "0" * 64,
    allowed_by: str | None = None,
) -> Judgement:
    """What screening hands over when the policy said this; `unscreened`: nobody could judge it.

    A picture's judgement comes with its fingerprint, which is the same for all.
    """
    if said == "unscreened":
        return Judgement(None)
    seen = Assessment("known-pictures", "1", "", "image", "", "whole", {}, fingerprint=LOOK)
    return Judgement(
        Verdict(
            outcome="block" if said == "seal" else said,
            sealed=said == "seal",
            unscreened=False,
            category={"allow": None, "seal": "canary/seal"}.get(said, "canary/hold"),
            reasons=() if said == "allow" else (Reason(RULE, "canary/hold", "a checker", SCORE, 0.5),),
            approvals_required=approvals_required,
            lane=lane,
            policy_version="test",
            policy_sha256=policy_sha256,
            allowed_by=allowed_by,
        ),
        (seen,),
    )


def stored(image_id: uuid.UUID, attempt: int, sha256: bytes = PICTURE) -> StoredBytes:
    """Master bytes as generation reports them; the item key opens nothing, but can be wrapped anew."""
    identity = envelope.Identity(uuid.UUID(int=1), uuid.UUID(int=2), image_id, position=0, attempt=attempt)
    public_key = keys.load_public(settings.CONFIGURATION.quarantine_public_key_file)
    wrapped_key = envelope.encrypt_blob(b"", identity=identity, public_key=public_key).wrapped_key
    return StoredBytes(f"{image_id}/{attempt}", sha256, 1000, wrapped_key)


def published(image_id: uuid.UUID, attempt: int, sha256: bytes = FILE) -> PublishedFile:
    return PublishedFile(f"{image_id}/{attempt}.webp", sha256, 500, "image/webp", 64, 64)


class World:
    """One organization, five people and a worker of each kind in a record of their own.

    Decisions take effect at once, unless a test opens the undo window.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        with record.acting_as("people"):
            self.organization = self.new_organization("first")
            self.ada, self.ben = self._person("ada"), self._person("ben")
            self.officer, self.second = self._person("officer", "officer"), self._person("second", "senior")
            self.other_officer = self._person("other officer", "officer")
        self.undo_window(0)
        self.boot_ids: dict[str, uuid.UUID] = {}
        for kind in ("screening", "generation", "delivery"):
            self.start_worker(kind)

    # ---- who there is

    def new_organization(self, name: str, **columns: Any) -> Organization:
        organization = Organization.objects.create(name=name, **columns)
        ApiKey.objects.create(
            id=organization.pk, organization=organization, name="test", public_id=name[:12], secret_hmac=b"", scopes=[]
        )
        return organization

    def _person(self, name: str, role: str = "reviewer") -> User:
        return User.objects.create(username=name, role=role)

    def start_worker(self, kind: str) -> uuid.UUID:
        """A worker that made its own known-good item; the one before it is heard of no more."""
        self.boot_ids[kind] = new_id()
        with self.record.acting_as(kind), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO workers (boot_id, kind, self_test_at) VALUES (%s, %s, now())", [self.boot_ids[kind], kind]
            )
        return self.boot_ids[kind]

    def beat(self, kind: str) -> None:
        with self.record.acting_as(kind), connection.cursor() as cursor:
            leases.beat(self.boot_ids[kind], [], cursor=cursor)

    def undo_window(self, seconds: float) -> None:
        with self.record.acting_as("people"):
            Queue.objects.update(undo_window_s=seconds)

    def worker(self, kind: str) -> Actor:
        return Actor("worker", self.boot_ids[kind])

    # ---- clients

    def request(
        self, *, num_images: int = 1, deadline_s: float = 3600, organization: Organization | None = None, **changes: Any
    ) -> Request:
        """A valid request; the organization's key has the organization's id."""
        asked_by = organization or self.organization
        values: dict[str, Any] = {
            "organization_id": asked_by.pk,
            "api_key_id": asked_by.pk,
            "requester": "somebody",
            "model": MODEL,
            "parameters": {"size": "64x64", "steps": 4, "output_format": "webp"},
            "num_images": num_images,
            "seed": 7,
            "cost": COST,
            "prompt": PROMPT,
            "negative_prompt": "",
            "deadline_s": deadline_s,
        }
        return Request(**{**values, **changes})

    def accept(self, *, idempotency_key: str | None = None, **asked: Any) -> uuid.UUID:
        with self.record.acting_as("clients"):
            generation_id, _ = lifecycle.accept(self.request(**asked), idempotency_key=idempotency_key)
        return generation_id

    def cancel(self, generation_id: uuid.UUID) -> None:
        with self.record.acting_as("clients"):
            lifecycle.cancel(generation_id, actor=self.client)

    @property
    def client(self) -> Actor:
        return Actor("api_key", self.organization.pk)

    # ---- workers

    def claim(self, stage: leases.Stage, *, batch: int = 100) -> list[leases.Lease]:
        role = ROLE_OF[stage]
        with self.record.acting_as(role):
            return leases.claim(stage, boot_id=self.boot_ids[role], batch=batch, model=MODEL)

    def lease(self, stage: leases.Stage, row_id: uuid.UUID) -> leases.Lease:
        """This row's lease; whatever else waits in the stage is leased with it."""
        return next(lease for lease in self.claim(stage) if lease.row_id == row_id)

    def settle_prompt(self, lease: leases.Lease, said: Said = "allow", **more: Any) -> None:
        with self.record.acting_as("screening"):
            lifecycle.settle_prompt(
                lease.row_id, attempt=lease.attempt, judgement=judgement(said, **more), actor=self.worker("screening")
            )

    def settle_generated(self, lease: leases.Lease) -> None:
        with self.record.acting_as("generation"):
            lifecycle.settle_generated(
                lease.generation_id,
                lease.row_id,
                attempt=lease.attempt,
                stored=stored(lease.row_id, lease.attempt),
                units=COST,
                actor=self.worker("generation"),
            )

    def settle_not_generated(self, lease: leases.Lease) -> None:
        with self.record.acting_as("generation"):
            lifecycle.settle_not_generated(
                lease.generation_id,
                lease.row_id,
                attempt=lease.attempt,
                why="pipeline",
                actor=self.worker("generation"),
            )

    def settle_image(
        self, lease: leases.Lease, said: Said = "allow", *, sha256: bytes | None = PICTURE, **more: Any
    ) -> None:
        with self.record.acting_as("screening"):
            lifecycle.settle_image(
                lease.generation_id,
                lease.row_id,
                attempt=lease.attempt,
                sha256=sha256,
                judgement=judgement(said, **more),
                actor=self.worker("screening"),
            )

    def settle_delivered(self, lease: leases.Lease) -> None:
        with self.record.acting_as("delivery"):
            lifecycle.settle_delivered(
                lease.generation_id,
                lease.row_id,
                attempt=lease.attempt,
                published=published(lease.row_id, lease.attempt),
                actor=self.worker("delivery"),
            )

    def one(
        self, upto: Upto, *, prompt: Said = "allow", picture: Said | None = None, **asked: Any
    ) -> tuple[uuid.UUID, uuid.UUID]:
        """A generation of one image, brought as far as `upto`: (generation, image)."""
        approvals = {"approvals_required": asked.pop("approvals_required", 1)}
        generation_id = self.accept(**asked)
        (image_id,) = self.image_ids(generation_id)
        if upto == "waiting":
            return generation_id, image_id
        prompt = "hold" if upto == "held prompt" else prompt
        self.settle_prompt(self.lease("prompt", generation_id), prompt, **approvals)
        if upto in ("pending", "held prompt"):
            return generation_id, image_id
        self.settle_generated(self.lease("pending", image_id))
        if upto == "generated":
            return generation_id, image_id
        picture = picture or ("hold" if upto == "held" else "allow")
        self.settle_image(self.lease("generated", image_id), picture, **approvals)
        if upto in ("held", "granted"):
            return generation_id, image_id
        self.settle_delivered(self.lease("granted", image_id))
        return generation_id, image_id

    def hold_without_checker(self, generation_id: uuid.UUID, image_id: uuid.UUID | None) -> None:
        """As the sweeper does once every screening worker has been silent; the one we have goes silent for it."""
        with self.record.admin() as admin:
            admin.execute("UPDATE workers SET last_beat = now() - interval '1 day' WHERE kind = 'screening'")
        with self.record.acting_as("sweeper"):
            lifecycle.hold_without_checker(generation_id, image_id, actor=SWEEPER)

    # ---- people

    def take(self, person: User, case_id: uuid.UUID, *, seconds: float = 300) -> Case:
        """The case, claimed by this person and by nobody else."""
        with self.record.acting_as("people"):
            taken = Case.objects.filter(pk=case_id, status="open", lease_user=None).update(
                lease_user=person, lease_token=new_id(), lease_until=timezone.now() + timedelta(seconds=seconds)
            )
            assert taken == 1, "the case is not open, or somebody has it"
            return Case.objects.get(pk=case_id)

    def look(self, person: User, case: Case, *, ms: int = 2000, sha256: bytes = PICTURE) -> None:
        with self.record.acting_as("people"):
            lifecycle.note_look(case.pk, user_id=person.pk, sha256=sha256, form="512px", ms=ms)

    def decide(self, person: User, case: Case, outcome: str, **changes: Any) -> None:
        """What a person says of a case they claimed; nothing is looked at for them."""
        shown = PICTURE if case.image_id else lifecycle.prompt_hash(PROMPT, "")
        said: dict[str, Any] = {
            "token": case.lease_token,
            "version": case.version,
            "sha256": shown,
            "category": "weapons" if outcome == "deny" else None,
        }
        with self.record.acting_as("people"):
            lifecycle.decide(case.pk, user_id=person.pk, outcome=outcome, **{**said, **changes})

    def say(self, person: User, case_id: uuid.UUID, outcome: str, **changes: Any) -> None:
        """Claim, look and decide."""
        case = self.take(person, case_id)
        if case.image_id:
            self.look(person, case)
        self.decide(person, case, outcome, **changes)

    def undo(self, person: User, case_id: uuid.UUID) -> None:
        with self.record.acting_as("people"):
            lifecycle.undo(case_id, user_id=person.pk)

    def carry_out(self, case_id: uuid.UUID) -> None:
        with self.record.acting_as("sweeper"):
            lifecycle.carry_out(case_id, actor=SWEEPER)

    def seal(self, generation_id: uuid.UUID) -> None:
        with self.record.acting_as("people"):
            lifecycle.seal(generation_id, actor=Actor("person", self.officer.pk))

    def open_seal(self, generation_id: uuid.UUID, purpose: Purpose = Purpose.OPEN, *, agreed: bool = True) -> uuid.UUID:
        """An officer's request to open the newest seal, to which another officer has agreed unless told not to."""
        with self.record.acting_as("people"):
            seal = Seal.objects.filter(generation=generation_id).latest("id")
            access_id = lifecycle.ask_to_open(seal.pk, purpose=purpose, reason=OFFICERS_REASON, officer=self.officer)
            if agreed:
                lifecycle.agree_to_open(access_id, second=self.other_officer)
        return access_id

    def lift_seal(self, generation_id: uuid.UUID) -> None:
        access_id = self.open_seal(generation_id, Purpose.LIFT)
        with self.record.acting_as("people"):
            access = lifecycle.live_access(access_id, purpose=Purpose.LIFT, officer=self.officer)
            lifecycle.lift_seal(access, rewrap=lambda _image, wrapped_key: wrapped_key, officer=self.officer)

    def end_opening(self, access_id: uuid.UUID) -> None:
        with self.record.acting_as("people"):
            lifecycle.end_opening(access_id, officer=self.officer)

    def hold_requester(self, requester: str = "somebody") -> uuid.UUID:
        """An officer holds the further work of this requester of the first organization."""
        with self.record.acting_as("people"):
            return lifecycle.hold_requester(
                self.organization.pk, requester, reason=OFFICERS_REASON, officer=self.officer
            )

    # ---- what the record says

    def generation(self, generation_id: uuid.UUID) -> Generation:
        with self.record.acting_as("people"):
            return Generation.objects.get(pk=generation_id)

    def image(self, image_id: uuid.UUID) -> Image:
        with self.record.acting_as("people"):
            return Image.objects.get(pk=image_id)

    def image_ids(self, generation_id: uuid.UUID) -> list[uuid.UUID]:
        with self.record.acting_as("people"):
            ordered = Image.objects.filter(generation=generation_id).order_by("position")
            return list(ordered.values_list("pk", flat=True))

    def case(self, generation_id: uuid.UUID) -> Case:
        """The newest case of this generation."""
        with self.record.acting_as("people"):
            return Case.objects.filter(generation=generation_id).latest("id")

    def statuses(self, generation_id: uuid.UUID) -> tuple[str, list[str]]:
        """The generation's status and those of its images in order."""
        with self.record.acting_as("people"):
            ordered = Image.objects.filter(generation=generation_id).order_by("position")
            return self.generation(generation_id).status, list(ordered.values_list("status", flat=True))

    def entries(self, target_id: uuid.UUID) -> list[dict[str, Any]]:
        """What the log says of a row, in its order."""
        with self.record.acting_as("people"):
            bodies = AuditEntry.objects.filter(target_id=target_id).order_by("xid", "id").values_list("body", flat=True)
            return [json.loads(bytes(body)) for body in bodies]

    def actions(self, target_id: uuid.UUID) -> list[str]:
        return [entry["action"] for entry in self.entries(target_id)]

    def one_value(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row, asked as the superuser."""
        with self.record.admin() as admin:
            row = admin.execute(query, parameters).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None
