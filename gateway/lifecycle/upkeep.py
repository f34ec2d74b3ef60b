"""What only the sweeper does: hold what no checker looked at, look again, end what is overdue."""

import uuid
from typing import Any

from django.conf import settings
from django.db import connection

from gateway.audit.log import Actor
from gateway.errors import StaleStatusError
from gateway.lifecycle.screening import hold_image, hold_prompt
from gateway.lifecycle.transaction import Step, never_begun, step
from gateway.models import Case, Image


def checker_lives(within_s: float) -> bool:
    """Whether a screening worker with a passed self-test beat within this time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM workers WHERE kind = 'screening' AND self_test_at IS NOT NULL "
            "AND last_beat > now() - make_interval(secs => %s))",
            [within_s],
        )
        return bool(cursor.fetchone()[0])


def hold_without_checker(generation_id: uuid.UUID, image_id: uuid.UUID | None, *, actor: Actor) -> None:
    """No checker lived for a while: the prompt (`image_id` None) or the picture is held. The first time it may go back.

    Raises:
        StaleStatusError: it moved on, is being worked on, or a checker lives after all.
    """
    with step(generation_id, actor) as s:
        image = None if image_id is None else s.lock_image(image_id)
        row = image or s.generation
        expected = "screening" if image is None else "generated"
        if row.status != expected or row.leased or checker_lives(settings.CONFIGURATION.no_checker_grace_s):
            raise StaleStatusError(f"{row.pk} is not waiting for a checker that is gone")
        why = "unscreened" if row.looked_again else "unscreened-no-checker"
        if image is None:
            hold_prompt(s, why)
        else:
            hold_image(s, image, why)
            s.derive("generation.derived")


def look_again(generation_id: uuid.UUID, image_id: uuid.UUID | None, *, actor: Actor) -> None:
    """Back to the checkers, once: what was held because none lived, now that one does and no person has begun.

    Raises:
        StaleStatusError: a person has it, it went back before, or no checker lives.
    """
    with step(generation_id, actor) as s:
        image = None if image_id is None else s.lock_image(image_id)
        row = image or s.generation
        case = next((c for c in s.lock_cases() if c.image_id == image_id), None)
        fit = row.held_why == "unscreened-no-checker" and case is not None
        if not fit or case is None or case.status != "open" or case.lease_user_id is not None:
            raise StaleStatusError(f"{row.pk} is not for a second look")
        if not checker_lives(3 * settings.CONFIGURATION.heartbeat_s):
            raise StaleStatusError("no checker lives")
        if image is not None:
            s.move_image(image, "generated", "image.look_again", looked_again=True)
        s.move_case(case, "closed", "case.closed")
        if image is None:
            s.derive("prompt.look_again", prompt_state="unscored", looked_again=True)
        else:
            s.derive("generation.derived")


def expire(generation_id: uuid.UUID, *, actor: Actor) -> None:
    """What is waiting or pending ends at the deadline, what is held past its maximum age; never under a person's hands.

    Raises:
        StaleStatusError: nothing of it is overdue.
    """
    with step(generation_id, actor) as s:
        images = s.lock_images()
        cases = {case.image_id: case for case in s.lock_cases()}
        ends = [image for image in images if _overdue(s, image, cases)]
        if not ends:
            raise StaleStatusError(f"nothing of generation {generation_id} is overdue")
        unbegun = never_begun(ends)
        unsaid = any(image.status == "waiting" for image in ends)
        for image in ends:
            s.move_image(image, "expired", "image.expired")
        s.close_cases(ends, prompt=unsaid)
        columns: dict[str, Any] = {"prompt_state": "abandoned"} if unsaid else {}
        s.derive("generation.expired", **columns)
        s.give_share_back(unbegun)


def _overdue(s: Step, image: Image, cases: dict[uuid.UUID | None, Case]) -> bool:
    late = s.generation.deadline_at < s.at
    if image.status == "waiting":
        # A held prompt has its own maximum age; one that nobody has scored yet has the generation's deadline.
        case = cases.get(None)
        return late if case is None else _old(s, case)
    if image.status == "held":
        return image.pk in cases and _old(s, cases[image.pk])
    return image.status == "pending" and late


def _old(s: Step, case: Case) -> bool:
    untouched = case.status == "open" and case.lease_user_id is None
    return untouched and case.expires_at is not None and case.expires_at < s.at


def derive_again(generation_id: uuid.UUID, *, actor: Actor) -> None:
    """For a generation whose status looks wrong: the status that follows from its prompt and its images."""
    with step(generation_id, actor) as s:
        s.derive("generation.derived")
