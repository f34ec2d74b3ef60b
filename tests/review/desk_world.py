"""A record whose pictures can be looked at, with verdicts that have something to say, and people who can sign in."""

import hashlib
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
from django.db import connection
from psycopg.types.json import Json

from gateway import leases, lifecycle
from gateway.delivery.access import identity_of, quarantine_writer
from gateway.engine.png import encode_png
from gateway.lifecycle import Judgement, StoredBytes
from gateway.models import Case, Image, User
from moderation.assessments import Assessment, Span
from moderation.policy import Policy, default_policy
from tests.databases import Record
from tests.record.world import COST, World

PASSWORD = "a long pass phrase of tests"
SIDE_PX = 256


def picture(seed: int, *, side_px: int = SIDE_PX) -> bytes:
    """A harmless landscape: sky, hills, a sun."""
    y, x = np.mgrid[0:side_px, 0:side_px] / side_px
    pixels = np.stack([150 + 90 * y, 170 + 50 * y, 225 - 60 * y], axis=-1)
    for hill in range(3):
        ridge = 0.5 + 0.14 * hill + 0.07 * np.sin(6.0 * x + seed + 2 * hill) + 0.03 * np.sin(17 * x + seed * 3)
        pixels[y > ridge] = [90 - 20 * hill, 120 - 22 * hill, 96 - 24 * hill]
    sun = (x - 0.2 - 0.15 * (seed % 4)) ** 2 + (y - 0.22) ** 2 < 0.008
    pixels[sun] = [250, 226, 150]
    return encode_png(pixels.clip(0, 255).astype(np.uint8))


def of_image(sha256: str, scores: dict[str, float], *, checker: str = "opennsfw") -> Assessment:
    return Assessment(checker, "1.0", "0" * 64, "image", sha256, "whole", scores)


def of_prompt(text: str, scores: dict[str, float], spans: tuple[Span, ...] = ()) -> Assessment:
    sha256 = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Assessment("terms", "1.0", "0" * 64, "prompt", sha256, "whole", scores, spans=spans)


class DeskWorld(World):
    """As `World`, with bytes in quarantine. Everybody's password is `PASSWORD`."""

    def __init__(self, record: Record, *, side_px: int = SIDE_PX) -> None:
        super().__init__(record)
        self.side_px = side_px
        self.judge_by(default_policy())

    def judge_by(self, policy: Policy) -> None:
        """Verdicts are this policy's from now on."""
        self.policy = policy
        with self.record.acting_as("screening"), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO policy_version (sha256, version, document) VALUES (%s, %s, %s)",
                [policy.sha256, policy.version, Json(dict(policy.document))],
            )

    def account(self, name: str, role: str = "reviewer", *, made_by_up: bool = True) -> User:
        with self.record.acting_as("people"):
            user = User(username=name, role=role, made_by_up=made_by_up)
            user.set_password(PASSWORD)
            user.save()
            return user

    def held_prompt(self, text: str, *, matched: tuple[int, int] = (2, 9), **asked: Any) -> Case:
        """A case of a prompt that scored 0.62 for what stands at `matched`."""
        generation_id = self.accept(prompt=text, **asked)
        spans = (Span(*matched, "violence", 0.62),)
        self._settle(generation_id, of_prompt(text, {"violence": 0.62, "hate": 0.08, "weapons": 0.02}, spans))
        return self.case(generation_id)

    def held_images(
        self,
        num_images: int = 1,
        *,
        score: float = 0.61,
        approvals_required: int = 1,
        lane: str = "ordinary",
        **asked: Any,
    ) -> list[Case]:
        """Cases of the held images of one generation, in their order; their bytes can be read."""
        generation_id = self.accept(num_images=num_images, **asked)
        prompt = asked.get("prompt", "a red apple")
        self._settle(generation_id, of_prompt(prompt, {"violence": 0.12, "hate": 0.0}))
        for lease in self.claim("pending"):
            self.store(lease)
        for lease in self.claim("generated"):
            self._judge_image(lease, score, approvals_required, lane)
        with self.record.acting_as("people"):
            return list(
                Case.objects.select_related("image").filter(generation=generation_id).order_by("image__position")
            )

    def store(self, lease: leases.Lease) -> None:
        """Settle a generated image with a picture of its own, in quarantine."""
        with self.record.acting_as("generation"):
            image = Image.objects.select_related("generation").get(pk=lease.row_id)
            master = picture(image.position, side_px=self.side_px)
            written = quarantine_writer().write(master, identity_of(image, attempt=lease.attempt))
            stored = StoredBytes(
                written.object_key, bytes.fromhex(written.sha256), written.size_bytes, written.wrapped_key
            )
            lifecycle.settle_generated(
                lease.generation_id, lease.row_id, attempt=lease.attempt, stored=stored, units=COST,
                actor=self.worker("generation"),
            )  # fmt: skip

    def _settle(self, generation_id: uuid.UUID, *assessments: Assessment) -> None:
        lease = self.lease("prompt", generation_id)
        others = [
            Assessment(name, "1.0", "0" * 64, modality, "0" * 64, "whole", {})
            for name in ("terms", "prompt-e5", "canary-prompt")
            for modality in ("prompt", "negative_prompt")
        ]
        judged = [*assessments, *others]
        with self.record.acting_as("screening"):
            lifecycle.settle_prompt(
                generation_id,
                attempt=lease.attempt,
                judgement=Judgement(self.policy.judge(judged, stage="prompt"), assessments),
                actor=self.worker("screening"),
            )

    def _judge_image(self, lease: leases.Lease, score: float, approvals_required: int, lane: str) -> None:
        with self.record.acting_as("screening"):
            sha256 = bytes(Image.objects.get(pk=lease.row_id).master_sha256 or b"")
            shown = [
                of_image(sha256.hex(), {"sexual": score}),
                of_image(sha256.hex(), {"sexual": score / 3}, checker="nsfwjs-mobilenet"),
                of_image(sha256.hex(), {}, checker="known-pictures"),
                of_image(sha256.hex(), {"canary/hold": 0.0, "canary/block": 0.0}, checker="canary-image"),
            ]
            verdict = self.policy.judge(shown, stage="image")
            judged = Judgement(replace(verdict, approvals_required=approvals_required, lane=lane), shown)
            lifecycle.settle_image(
                lease.generation_id, lease.row_id, attempt=lease.attempt, sha256=sha256, judgement=judged,
                actor=self.worker("screening"),
            )  # fmt: skip
