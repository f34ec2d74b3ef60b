"""Lists of known pictures: written where a decision that asked for it is carried out, retired by people.

The database refuses every other way onto a list (migrations/record/known_pictures.sql). docs/decisions/0007 says what
an entry may do, and why no more.
"""

import uuid
from collections.abc import Mapping

from django.db import IntegrityError, connection, transaction

from gateway.audit.log import Actor, Entries
from gateway.errors import DecisionRefusedError, NotFoundError, StaleStatusError
from gateway.lifecycle.transaction import Step, insert
from gateway.models import MIN_REASON, Case, Decision, Image, ImageFingerprint, KnownPicture, PolicyVersion, Verdict
from gateway.models.fields import new_id


def may_be_let_go_again(image: Image) -> bool:
    """Whether the policy that judged this picture lets a release stand for the same bytes in future."""
    verdict = _verdict(image)
    policy = None if verdict is None else PolicyVersion.objects.filter(pk=verdict.policy_sha256).first()
    return policy is not None and policy.document.get("known", {}).get("allow") is True


def check_can_be_remembered(image: Image | None, outcome: str) -> None:
    """Nothing, if a decision of this outcome about this image may ask to be remembered.

    Raises:
        DecisionRefusedError: it is about a prompt, says neither yes nor no, or the policy knows no such release.
    """
    if image is None or outcome not in ("release", "deny"):
        raise DecisionRefusedError("only a release or a denial of a picture can be remembered", field="remember")
    if outcome == "release" and not may_be_let_go_again(image):
        raise DecisionRefusedError("the policy that judged this picture asks every time", field="remember")


def remember(s: Step, image: Image, case: Case, decision: Decision) -> None:
    """Put this picture on the list that the decision names: the image has moved, the case has not.

    What the checkers never made a fingerprint of is remembered by its bytes alone; a release without a verdict not at
    all, since there is no policy that it answers.
    """
    side = "block" if decision.outcome == "deny" else "allow"
    columns = _refused(image, decision) if side == "block" else _released(s, image, case)
    if columns is None:
        return
    known_id = new_id()
    sha256 = bytes(decision.sha256)
    insert(s.cursor, "known_picture", id=known_id, side=side, sha256=sha256, decision_id=decision.pk, **columns)
    s.entries.append(
        kind="known_picture", target=known_id, was=None, to="listed", action="picture.remembered",
        detail={"side": side, "sha256": sha256.hex(), "category": decision.category, "decision": str(decision.pk)},
    )  # fmt: skip


def _refused(image: Image, decision: Decision) -> dict[str, object]:
    kept = ImageFingerprint.objects.filter(image=image).values("pdq", "quality", "colours").first()
    own: Mapping[str, object] = kept or {}
    return {"category": decision.category, **own}


def _released(s: Step, image: Image, case: Case) -> dict[str, object] | None:
    verdict = _verdict(image)
    if verdict is None:
        return None
    return {
        "organization_id": s.generation.organization_id,
        "policy_sha256": verdict.policy_sha256,
        "approvals": case.approvals_required,
    }


def _verdict(image: Image) -> Verdict | None:
    return Verdict.objects.filter(image=image).order_by("-id").first()


def retire_known_picture(known_id: uuid.UUID, *, user_id: uuid.UUID, reason: str) -> None:
    """Take a picture off its list, for good: the checkers ask about it as about any other.

    Raises:
        NotFoundError: there is no such entry.
        StaleStatusError: somebody retired it before.
        DecisionRefusedError: no reason of 20 characters, neither a senior nor an officer, or sealed and not an officer.
    """
    reason = reason.strip()
    if len(reason) < MIN_REASON:
        raise DecisionRefusedError(
            f"the reason has {len(reason)} characters; it needs at least {MIN_REASON}",
            field="reason", value=len(reason), limit=MIN_REASON,
        )  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        known = KnownPicture.objects.select_for_update(no_key=True).filter(pk=known_id).first()
        if known is None:
            raise NotFoundError(f"no known picture {known_id}")
        try:
            cursor.execute(
                "UPDATE known_picture SET retired_at = now(), retired_by_id = %s, retire_reason = %s "
                "WHERE id = %s AND retired_at IS NULL RETURNING now()",
                [user_id, reason, known_id],
            )
        except IntegrityError as error:
            raise DecisionRefusedError("only a senior or an officer takes a picture off its list") from error
        row = cursor.fetchone()
        if row is None:
            raise StaleStatusError(f"known picture {known_id} is retired already")
        entries = Entries(
            at=row[0],
            actor=Actor("person", user_id),
            organization_id=known.organization_id,
            generation_id=None,
        )
        entries.append(
            kind="known_picture", target=known_id, was="listed", to="retired", action="picture.retired",
            detail={"side": known.side, "sha256": bytes(known.sha256).hex()}, private={"reason": ("operator", reason)},
        )  # fmt: skip
        entries.write(cursor)
