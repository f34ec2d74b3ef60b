"""The screening worker's settlements: what becomes of a prompt, and of a picture, once it was judged."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from gateway.audit.log import Actor, Audience, Private
from gateway.errors import StaleStatusError
from gateway.lifecycle import sealing
from gateway.lifecycle.requesters import HELD_LANE, requester_is_held
from gateway.lifecycle.transaction import Step, insert, step
from gateway.models import Image
from gateway.models.fields import new_id
from moderation.assessments import Assessment
from moderation.hashes import Fingerprint
from moderation.policy import Verdict

GENERAL = "general"  # the category a client is told of what is sealed


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with the assessments it rests on. `verdict` None: nobody could judge this one; a person must."""

    verdict: Verdict | None
    assessments: Sequence[Assessment] = ()

    @property
    def outcome(self) -> str:
        """`allow`, `flag`, `hold`, `block`, `seal`, or `unscreened`."""
        if self.verdict is None:
            return "unscreened"
        if self.verdict.sealed:
            return "seal"
        if self.verdict.unscreened and self.verdict.outcome == "hold" and self.verdict.category is None:
            return "unscreened"
        return self.verdict.outcome

    @property
    def allowed_by(self) -> str | None:
        """The decision that stands for this one, where it would be held without."""
        return None if self.verdict is None else self.verdict.allowed_by

    @property
    def fingerprint(self) -> Fingerprint | None:
        return next((each.fingerprint for each in self.assessments if each.fingerprint is not None), None)

    @property
    def lane(self) -> str:
        return "unscreened" if self.verdict is None else self.verdict.lane

    @property
    def approvals_required(self) -> int:
        return 1 if self.verdict is None else max(1, self.verdict.approvals_required)

    def of_case(self) -> dict[str, Any]:
        """What a case that opens on this says of itself; its score is the highest that the verdict rests on."""
        category, reasons = (None, ()) if self.verdict is None else (self.verdict.category, self.verdict.reasons)
        scores = [reason.score for reason in reasons if reason.category == category and reason.score is not None]
        return {
            "lane": self.lane,
            "approvals_required": self.approvals_required,
            "category": category,
            "score": max(scores, default=None),
        }

    def client_reason(self, stage: str) -> dict[str, Any]:
        """What the client may know: stage, category, policy version; never a threshold or a pattern."""
        verdict = self.verdict
        return {
            "stage": stage,
            "category": GENERAL if verdict is None or verdict.sealed else verdict.category,
            "policy_version": None if verdict is None else verdict.policy_version,
            "decided_by": "policy",
        }

    def detail(self, attempt: int) -> dict[str, Any]:
        """The canonical part of the entry: which checkers, which policy, no score."""
        return {
            "attempt": attempt,
            "verdict": self.outcome,
            "policy_sha256": None if self.verdict is None else self.verdict.policy_sha256,
            "known_by_decision": self.allowed_by,
            "checkers": [
                {"name": a.checker, "version": a.version, "weights_sha256": a.weights_sha256, "modality": a.modality,
                 "input_sha256": a.input_sha256 if a.modality == "image" else None, "failed": a.error is not None}
                for a in self.assessments
            ],
        }  # fmt: skip

    def private(self) -> Private:
        """Scores and matched rules: for the operator's eyes; their commitment stands in the entry."""
        audience: Audience = "officer" if self.outcome == "seal" else "operator"
        return {
            "assessments": (audience, _without_floats([a.as_json() for a in self.assessments])),
            "reasons": (audience, _without_floats(self.reasons())),
        }

    def reasons(self) -> list[dict[str, Any]]:
        if self.verdict is None:
            return [{"rule": "unscreened", "category": "", "checker": "", "score": None, "threshold": None}]
        return [
            {"rule": r.rule, "category": r.category, "checker": r.checker, "score": r.score, "threshold": r.threshold}
            for r in self.verdict.reasons
        ]


def _without_floats(value: Any) -> Any:
    """Numbers as text, so that every reader's JSON library hashes the same bytes."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return {name: _without_floats(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_floats(item) for item in value]
    return value


def settle_prompt(generation_id: uuid.UUID, *, attempt: int, judgement: Judgement, actor: Actor) -> None:
    """Carry out the verdict on a prompt under this attempt.

    Raises:
        StaleStatusError: this attempt no longer holds the prompt.
    """
    with step(generation_id, actor) as s:
        generation = s.generation
        if generation.status != "screening" or generation.attempt != attempt:
            raise StaleStatusError(f"generation {generation_id} is no longer this attempt's to settle")
        _write_verdict(s, judgement, attempt)
        said: dict[str, Any] = {"detail": judgement.detail(attempt), "private": judgement.private()}
        if judgement.outcome == "seal":
            sealing.seal_under_lock(s, "prompt match", reason=judgement.client_reason("prompt"), **said)
        elif judgement.outcome == "block":
            refuse_prompt(s, judgement.client_reason("prompt"), **said)
        elif judgement.outcome in ("allow", "flag") and not _requester_is_held(s):
            clear_prompt(s, hold_anyway=judgement.outcome == "flag", **said)
        else:
            why = {"hold": "score", "unscreened": "unscreened"}.get(judgement.outcome, "requester")
            hold_prompt(s, why, case=_case_of(s, judgement), **said)


def _requester_is_held(s: Step) -> bool:
    return requester_is_held(s.generation.organization_id, s.generation.requester)


def _case_of(s: Step, judgement: Judgement) -> dict[str, Any]:
    """What the case says of itself; that of a held requester waits for seniors."""
    case = judgement.of_case()
    return case | {"lane": HELD_LANE} if _requester_is_held(s) else case


def clear_prompt(s: Step, *, hold_anyway: bool, **said: Any) -> None:
    """The waiting images may be made. Whoever clears the prompt gives the tags: the last lock."""
    waiting = [image for image in s.lock_images() if image.status == "waiting"]
    work = s.work_of_one()
    tag = s.take_share(len(waiting))
    for place, image in enumerate(waiting):
        s.move_image(image, "pending", "image.cleared", tag=tag + place * work, hold_anyway=hold_anyway)
    s.derive("prompt.cleared", prompt_state="cleared", **said)


def refuse_prompt(s: Step, reason: Mapping[str, Any], **said: Any) -> None:
    """Nothing is made from it."""
    for image in s.lock_images():
        if image.status == "waiting":
            s.move_image(image, "canceled", "image.canceled")
    s.derive("prompt.refused", prompt_state="refused", reason=dict(reason), **said)


def hold_prompt(s: Step, why: str, *, case: Mapping[str, Any] | None = None, **said: Any) -> None:
    """Ask a person, before any GPU time. Where no checker lived the case is not claimable for a while."""
    later = settings.CONFIGURATION.no_checker_grace_s if why == "unscreened-no-checker" else None
    s.open_case("prompt", claimable_in_s=later, why=why, **(case or {}))
    s.derive("prompt.held", prompt_state="held", held_why=why, crashes=0, **said)


def settle_image(
    generation_id: uuid.UUID,
    image_id: uuid.UUID,
    *,
    attempt: int,
    sha256: bytes | None,
    judgement: Judgement,
    actor: Actor,
) -> None:
    """Carry out the verdict on a picture under this attempt.

    Args:
        sha256: of the bytes that were read back and looked at; None: they were missing or did not open.

    Raises:
        StaleStatusError: this attempt no longer holds the image.
    """
    with step(generation_id, actor) as s:
        image = s.lock_image(image_id)
        if image.status != "generated" or image.attempt != attempt:
            raise StaleStatusError(f"image {image_id} is no longer this attempt's to settle")
        said: dict[str, Any] = {"detail": judgement.detail(attempt), "private": judgement.private()}
        if sha256 is None or sha256 != bytes(image.master_sha256 or b""):
            reason = {"stage": "image", "category": "integrity", "policy_version": None, "decided_by": "system"}
            s.move_image(image, "failed", "image.integrity", detail={"attempt": attempt}, reason=reason)
            s.derive("generation.derived")
            return
        _write_verdict(s, judgement, attempt, image)
        if judgement.outcome == "seal":
            sealing.seal_under_lock(s, "image match", reason=judgement.client_reason("image"), **said)
            return
        _write_fingerprint(s, judgement, image)
        if judgement.outcome == "block":
            s.move_image(image, "rejected", "image.rejected", reason=judgement.client_reason("image"), **said)
        elif judgement.verdict is not None and _may_go(s, image, judgement) and not _requester_is_held(s):
            grant_image(s, image, policy_sha256=judgement.verdict.policy_sha256, **said)
        else:
            why = {"hold": "score", "unscreened": "unscreened"}.get(judgement.outcome, "flagged")
            if judgement.allowed_by and not image.hold_anyway:
                why = "score"
            elif judgement.outcome == "allow" and not image.hold_anyway:
                why = "requester"
            hold_image(s, image, why, case=_case_of(s, judgement), **said)
        s.derive("generation.derived")


def _may_go(s: Step, image: Image, judgement: Judgement) -> bool:
    """Whether the policy lets it go; where it does so because people did before, whether that holds at this moment."""
    if judgement.outcome != "allow" or image.hold_anyway:
        return False
    if judgement.allowed_by is None:
        return True
    s.cursor.execute(
        "SELECT EXISTS (SELECT FROM known_picture_in_force WHERE side = 'allow' AND decision_id = %s "
        "AND sha256 = %s AND organization_id = %s)",
        [judgement.allowed_by, bytes(image.master_sha256 or b""), s.generation.organization_id],
    )
    return bool(s.cursor.fetchone()[0])


def hold_image(s: Step, image: Image, why: str, *, case: Mapping[str, Any] | None = None, **said: Any) -> None:
    """Ask a person about this picture."""
    later = settings.CONFIGURATION.no_checker_grace_s if why == "unscreened-no-checker" else None
    s.move_image(image, "held", "image.held", held_why=why, **said)
    s.open_case("image", image=image, claimable_in_s=later, why=why, **(case or {}))


def grant_image(
    s: Step, image: Image, *, case_id: uuid.UUID | None = None, policy_sha256: str | None = None, **said: Any
) -> None:
    """These master bytes, by this recipe, may go out: the grant first, the image second, and the case, if any, last."""
    grant_id = new_id()
    recipe = s.generation.parameters["output_format"]
    insert(
        s.cursor,
        "release_grant",
        id=grant_id,
        image_id=image.pk,
        master_sha256=bytes(image.master_sha256 or b""),
        recipe=recipe,
        case_id=case_id,
        policy_sha256=policy_sha256,
    )
    detail = {
        **said.pop("detail", {}),
        "master_sha256": bytes(image.master_sha256 or b"").hex(),
        "recipe": recipe,
        "case": case_id and str(case_id),
    }
    s.move_image(image, "granted", "image.granted", grant_id=grant_id, detail=detail, **said)


def _write_fingerprint(s: Step, judgement: Judgement, image: Image) -> None:
    """By which look-alikes are found; of a picture that is looked at again it is there already."""
    own = judgement.fingerprint
    if own is not None:
        s.cursor.execute(
            "INSERT INTO fingerprint (image_id, sha256, pdq, quality, colours) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            [image.pk, bytes(image.master_sha256 or b""), own.pdq, own.quality, own.colours],
        )


def _write_verdict(s: Step, judgement: Judgement, attempt: int, image: Image | None = None) -> None:
    """What the reviewer is shown and the operator evaluates; nothing of what is sealed."""
    if judgement.verdict is None or judgement.outcome == "seal":
        return
    insert(
        s.cursor,
        "verdict",
        id=new_id(),
        generation_id=s.generation.pk,
        image_id=None if image is None else image.pk,
        attempt=attempt,
        outcome=judgement.verdict.outcome,
        category=judgement.verdict.category,
        reasons=json.dumps(judgement.reasons()),
        assessments=json.dumps([assessment.as_json() for assessment in judgement.assessments]),
        policy_sha256=judgement.verdict.policy_sha256,
    )
