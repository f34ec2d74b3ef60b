"""Denying several images of one request at once, and taking that back. Nothing else is ever said of several."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, QuerySet

from gateway.audit.log import Actor
from gateway.errors import ClaimLostError, DecisionRefusedError, GatewayError, NotFoundError, StaleStatusError
from gateway.lifecycle.deciding import check_claim, say_under_lock, undo
from gateway.lifecycle.transaction import Step, step
from gateway.models import Case, Decision, Image
from moderation.taxonomy import CATEGORIES


@dataclass(frozen=True, slots=True)
class Shown:
    """A case as its person was shown it: at which version, with bytes of which hash."""

    case_id: uuid.UUID
    version: int
    sha256: bytes


class Chosen:
    """One of several, as it was shown and as it is under its lock."""

    def __init__(self, shown: Shown, case: Case, images: Mapping[uuid.UUID | None, Image]) -> None:
        self.shown, self.case, self.image = shown, case, images[case.image_id]

    def check(self, s: Step, *, user_id: uuid.UUID, token: uuid.UUID) -> None:
        """Nothing, if this person may decide about it, and it is what they were shown."""
        check_claim(self.case, user_id=user_id, token=token, version=self.shown.version, s=s)
        if self.shown.sha256 != bytes(self.image.master_sha256 or b""):
            raise DecisionRefusedError("the bytes you decided about are not those of the case")


def deny_several(
    shown: Sequence[Shown],
    *,
    user_id: uuid.UUID,
    token: uuid.UUID,
    category: str | None,
    note: str = "",
    remembered: bool = False,
) -> list[Decision]:
    """Deny images of one request for one reason: each gets a decision and an entry of its own, in one transaction.

    Raises:
        StaleStatusError, ClaimLostError, DecisionRefusedError: as `decide`, and then nothing is recorded of any. The
            message names each image that stood against it, and why.
        NotFoundError: there is no such case.
    """
    if category not in CATEGORIES:
        raise DecisionRefusedError("a denial needs a reason from the taxonomy", field="category", value=category)
    found = Case.objects.filter(pk__in={each.case_id for each in shown})
    generations = set(found.values_list("generation_id", flat=True))
    if len(found) != len(shown):
        raise NotFoundError("one of these cases is not there, or was chosen twice")
    if len(generations) != 1 or any(case.image_id is None for case in found):
        raise DecisionRefusedError("several are denied together only where they are images of one request")
    with step(generations.pop(), Actor("person", user_id)) as s:
        images: dict[uuid.UUID | None, Image] = {image.pk: image for image in s.lock_images()}
        cases = {case.pk: case for case in found.select_for_update(no_key=True).order_by("id")}
        chosen = [Chosen(each, cases[each.case_id], images) for each in shown]
        _check_all(s, chosen, user_id=user_id, token=token)
        said = [
            say_under_lock(
                s,
                each.image,
                each.case,
                user_id=user_id,
                outcome="deny",
                sha256=each.shown.sha256,
                category=category,
                note=note,
                remembered=remembered,
            )
            for each in chosen
        ]
    return list(Decision.objects.filter(pk__in=said).order_by("id"))


def undo_together(case_id: uuid.UUID, *, user_id: uuid.UUID) -> Case:
    """Take back what this person said of this case and, in the same breath, of others of its request: theirs again.

    What they hold of the request is one claim afterwards.

    Raises:
        StaleStatusError, DecisionRefusedError, NotFoundError: as `undo`.
    """
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        raise NotFoundError(f"no case {case_id}")
    with step(case.generation_id, Actor("person", user_id)) as s:
        for each in [case_id, *said_together(case_id).exclude(case=case_id).values_list("case", flat=True)]:
            undo(each, user_id=user_id)
        mine = Case.objects.filter(generation=s.generation, status="open", lease_user=user_id, lease_until__gt=s.at)
        token = mine.exclude(pk=case_id).order_by("lease_token").values_list("lease_token", flat=True).first()
        if token is not None:
            mine.update(lease_token=token)
    return Case.objects.get(pk=case_id)


def said_together(case_id: uuid.UUID) -> QuerySet[Decision]:
    """The decision that made this case `decided`, with those that its person made of its request at the same moment,
    as far as they can still be undone.
    """
    standing = Decision.objects.filter(case__status="decided", version=F("case__version") - 1)
    own = standing.filter(case=case_id)
    return standing.filter(
        case__generation__in=own.values("case__generation"), user__in=own.values("user"), at__in=own.values("at")
    ).order_by("case")


def _check_all(s: Step, chosen: Sequence[Chosen], *, user_id: uuid.UUID, token: uuid.UUID) -> None:
    errors: list[GatewayError] = []
    messages: list[str] = []
    for each in chosen:
        try:
            each.check(s, user_id=user_id, token=token)
        except (StaleStatusError, ClaimLostError, DecisionRefusedError) as error:
            errors.append(error)
            messages.append(f"image {each.image.position + 1}: {error.message}")
    if errors:
        raise type(errors[0])("; ".join(messages), field="several", value=len(errors), limit=len(chosen))
