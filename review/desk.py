"""What the page of a case shows, gathered from the record. Nothing here changes anything."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery, Sum
from django.utils import timezone

from gateway import lifecycle
from gateway.lifecycle.deciding import MIN_LOOK_MS
from gateway.models import Case, Decision, Generation, Image, ImageFingerprint, Look, Prompt, User, Verdict
from moderation.hashes import MIN_QUALITY
from moderation.policy import Policy
from moderation.taxonomy import CATEGORIES, HARMS, Category
from moderation.text.normalise import TextError, canonical
from review import alike, findings, history, timeline, wording
from review.claims import Claim, claimed_at

# The nine denials that have a digit, always in this order: hands learn positions.
DIGIT_REASONS = (
    "sexual", "sexual/minors", "violence/graphic", "violence", "hate", "harassment", "self-harm", "illicit", "ip",
)  # fmt: skip

_SHOWN_PARAMETERS = ("size", "steps", "guidance_scale", "seed", "output_format")


@dataclass(frozen=True, slots=True)
class Tile:
    """One image of the request in the strip. `case_id` is set for those that this claim holds.

    `shown`: what a denial of several says of it: its case, at this version, with bytes of this hash.
    """

    number: int
    status: str
    current: bool
    case_id: uuid.UUID | None
    shown: str
    fact: str


@dataclass(frozen=True, slots=True)
class Words:
    """One text of the client, as sent and as the generator would read it."""

    pieces: Sequence[wording.Piece]
    legend: Sequence[wording.Piece]
    as_read: str
    length: int


@dataclass(frozen=True, slots=True)
class Undoable:
    """What this person said last and can still take back; `number`: of how many cases they said it at once."""

    case: Case
    decision: Decision
    number: int

    @property
    def seconds(self) -> float:
        at = self.case.effective_at
        return 0.0 if at is None else max(0.0, (at - timezone.now()).total_seconds())


def page(case: Case, claim: Claim, user: User) -> dict[str, Any]:
    """Everything the template of a case needs."""
    generation, image = case.generation, case.image
    prompt_verdict = _latest_verdict(generation, None)
    verdict = prompt_verdict if image is None else _latest_verdict(generation, image)
    policy = findings.policy_of(verdict)
    seen_ms = _seen_ms(case, user)
    first_approvers = timeline.first_approvers(case, user)
    shown = shown_sha256(case)
    return {
        "case": case,
        "image": image,
        "generation": generation,
        "token": claim.token,
        "shown_sha256": shown.hex(),
        "held_at": claimed_at(case.pk),
        "seconds_left": max(0.0, (claim.until - timezone.now()).total_seconds()),
        "lead": findings.lead(generation, image, verdict, second=bool(first_approvers)),
        **_findings_of(verdict, policy, prompt_verdict if image is not None else None),
        "not_looked_for": findings.not_looked_for(verdict),
        "policy": policy,
        "rules": sorted({reason["rule"] for reason in ([] if verdict is None else verdict.reasons)}),
        **_words_of(generation, prompt_verdict),
        "parameters": _parameters(generation, image),
        "strip": _strip(case, claim, user),
        "can_choose_several": image is not None and len(claim.case_ids) > 1,
        "second": bool(first_approvers),
        "notes": timeline.notes(case, user, first_approvers),
        "timeline": timeline.timeline(case, user, first_approvers),
        "history": history.history(generation),
        "alike": alike.decided_alike(case, shown),
        "reasons": [CATEGORIES[name] for name in DIGIT_REASONS],
        "more_reasons": _more_reasons(),
        "seen_ms": seen_ms,
        "seen_enough": seen_ms >= MIN_LOOK_MS,
        "min_look_ms": MIN_LOOK_MS,
        "may_stand": image is not None and lifecycle.may_be_let_go_again(image),
        "has_look_alikes": image is not None and _has_look_alikes(image),
    }


def _findings_of(
    verdict: Verdict | None, policy: Policy | None, prompt_verdict: Verdict | None
) -> dict[str, list[findings.Finding]]:
    """What the checkers said, of the prompt of an image too; apart from it what is `quiet`."""
    own = findings.findings(verdict, policy)
    of_prompt = findings.findings(prompt_verdict, findings.policy_of(prompt_verdict))
    return {
        "findings": [finding for finding in own if not finding.quiet],
        "prompt_findings": [finding for finding in of_prompt if not finding.quiet],
        "quiet": [finding for finding in [*own, *of_prompt] if finding.quiet],
    }


def shown_sha256(case: Case) -> bytes:
    """The hash of what a decision on this case is about: the master's bytes, or the words."""
    image = case.image
    return bytes((case.generation.prompt_sha256 if image is None else image.master_sha256) or b"")


def _has_look_alikes(image: Image) -> bool:
    """Whether this picture has enough detail for others to be told to look like it."""
    return ImageFingerprint.objects.filter(image=image, quality__gte=MIN_QUALITY).exists()


def undoable(user: User) -> Undoable | None:
    """The last decision of this person whose undo window is still open."""
    case = (
        Case.objects.select_related("image", "queue")
        .filter(
            status="decided",
            effective_at__gt=timezone.now(),
            decisions__user=user,
            decisions__version=F("version") - 1,
        )
        .order_by("-effective_at")
        .first()
    )
    if case is None:
        return None
    together = lifecycle.said_together(case.pk)
    return Undoable(case, together.get(case=case), len(together))


def said() -> QuerySet[Decision]:
    """Every decision, the latest first, with how long its person had looked (`seen_ms`) and what undid it."""
    looks = Look.objects.filter(case=OuterRef("case"), user=OuterRef("user"), sha256=OuterRef("sha256"))
    return (
        Decision.objects.exclude(outcome="undo")
        .select_related("case__image", "undone_by")
        .annotate(seen_ms=Subquery(looks.values("case").annotate(longest=Max("ms")).values("longest")))
        .order_by("-id")
    )


def exposure(user: User) -> dict[str, int]:
    """How often this person looked at something clearly today (UTC), and for how long in all; for their eyes only."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    today = Look.objects.filter(user=user, at__gte=midnight).aggregate(reveals=Count("pk"), ms=Sum("ms"))
    return {"reveals": today["reveals"], "clear_s": round((today["ms"] or 0) / 1000)}


def _latest_verdict(generation: Generation, image: Image | None) -> Verdict | None:
    return Verdict.objects.filter(generation=generation, image=image).order_by("-id").first()


def _seen_ms(case: Case, user: User) -> int:
    looks = Look.objects.filter(case=case, user=user, sha256=shown_sha256(case))
    return int(looks.aggregate(longest=Max("ms"))["longest"] or 0)


def _words_of(generation: Generation, verdict: Verdict | None) -> dict[str, Words | None]:
    prompt = Prompt.objects.filter(pk=generation.pk).first()
    if prompt is None or prompt.text is None:
        return {"prompt": None, "negative_prompt": None}
    return {
        "prompt": _words(prompt.text, "prompt", verdict),
        "negative_prompt": _words(prompt.negative_text or "", "negative_prompt", verdict),
    }


def _words(text: str, modality: str, verdict: Verdict | None) -> Words:
    spans = [
        (span["start"], span["end"])
        for assessment in ([] if verdict is None else verdict.assessments)
        if assessment["modality"] == modality
        for span in assessment.get("spans", [])
    ]
    cut = wording.pieces(text, spans)
    try:
        as_read = canonical(text)
    except TextError:
        as_read = ""
    return Words(cut, wording.hidden_characters(cut), as_read if as_read != text.strip() else "", len(text))


def _parameters(generation: Generation, image: Image | None) -> list[tuple[str, str]]:
    rows = [("Model", generation.model)]
    for name in _SHOWN_PARAMETERS:
        value = generation.parameters.get(name)
        if name == "seed" and image is not None:
            value = image.seed
        if value is not None:
            rows.append((name.replace("_", " ").capitalize(), str(value)))
    rows.append(("Images", str(generation.num_images)))
    return rows


def _strip(case: Case, claim: Claim, user: User) -> list[Tile]:
    if case.image is None:
        return []
    mine = {each.image_id: each for each in Case.objects.filter(pk__in=claim.case_ids)}
    seen = dict(Look.objects.filter(case__in=claim.case_ids, user=user).values_list("case").annotate(longest=Max("ms")))
    images = Image.objects.filter(generation=case.generation).order_by("position")
    return [_tile(image, mine.get(image.pk), case, seen) for image in images]


def _tile(image: Image, mine: Case | None, current: Case, seen: dict[uuid.UUID, int]) -> Tile:
    case_id = None if mine is None else mine.pk
    return Tile(
        number=image.position + 1,
        status=image.status,
        current=image.pk == current.image_id,
        case_id=case_id,
        shown="" if mine is None else f"{mine.pk} {mine.version} {bytes(image.master_sha256 or b'').hex()}",
        fact=_fact(image, case_id, seen),
    )


def _fact(image: Image, case_id: uuid.UUID | None, seen: dict[uuid.UUID, int]) -> str:
    if case_id is None:
        return "Waits for others" if image.status == "held" else ""
    return f"Seen {seen[case_id] / 1000:.1f} s" if case_id in seen else "Not seen yet"


def _more_reasons() -> list[Category]:
    return [CATEGORIES[name] for name in HARMS if name not in DIGIT_REASONS]
