"""What every transition is made of: one transaction, its locks in one order, conditional updates, entries at its end.

Locks: generation, image, case, counters last; within a table by id. The generation's lock comes first and gives the
transaction its id, and so each target's entries their order. Times are the database's.
"""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from gateway.audit.log import Actor, Entries, Private
from gateway.errors import NotFoundError, StaleStatusError
from gateway.lifecycle import routing
from gateway.models import UNFINISHED, UNSCREENED, Case, Generation, Image
from gateway.models.fields import TransactionNow, new_id


def status_of(prompt_state: str, *, sealed: bool, images: set[str]) -> str:
    """A generation's status from its prompt's state, its seal and the statuses of its images; the first match."""
    if sealed or prompt_state == "refused":
        return "blocked"
    if "waiting" in images:
        return "in_review" if prompt_state == "held" else "screening"
    if images & {"pending", "generated", "granted"}:
        return "generating"
    if "held" in images:
        return "in_review"
    if images & {"released", "withdrawn", "rejected", "sealed"}:
        return "completed"
    return next((status for status in ("failed", "expired") if status in images), "canceled")


def insert(cursor: CursorWrapper, table: str, **columns: Any) -> None:
    """Insert a row by these columns alone: a role may insert into no other, and Django's `create` names them all."""
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(columns.values()))  # noqa: S608 - our names


class Step:
    """One transition under way: holds the generation's lock and collects the entries."""

    def __init__(self, cursor: CursorWrapper, generation: Generation, at: datetime, actor: Actor) -> None:
        self.cursor = cursor
        self.generation = generation
        self.at = at
        self.entries = Entries(
            at=at, actor=actor, organization_id=generation.organization_id, generation_id=generation.pk
        )

    # ---- locks, in their order

    def lock_images(self) -> list[Image]:
        return list(Image.objects.select_for_update(no_key=True).filter(generation=self.generation).order_by("id"))

    def lock_image(self, image_id: uuid.UUID) -> Image:
        return Image.objects.select_for_update(no_key=True).get(pk=image_id, generation=self.generation)

    def lock_cases(self) -> list[Case]:
        """The cases that hold something of this generation: of kind prompt or image, open or decided."""
        return list(
            Case.objects.select_for_update(no_key=True)
            .filter(generation=self.generation, kind__in=["prompt", "image"], status__in=["open", "decided"])
            .order_by("id")
        )

    # ---- moves

    def move_image(
        self,
        image: Image,
        to: str,
        action: str,
        *,
        detail: Mapping[str, Any] | None = None,
        private: Private | None = None,
        **columns: Any,
    ) -> None:
        """Move an image; every move ends lease, back-off and the stage's crash count."""
        was = image.status
        columns = {
            "status": to, "lease_until": None, "leased_by": None, "not_before": None, "crashes": 0, **columns,
        }  # fmt: skip
        if Image.objects.filter(pk=image.pk, status=was).update(**columns) != 1:
            raise StaleStatusError(f"image {image.pk} is no longer {was}")
        image.status = to
        self.entries.append(
            kind="image", target=image.pk, was=was, to=to, action=action, detail=detail, private=private
        )

    def move_case(
        self,
        case: Case,
        to: str,
        action: str,
        *,
        detail: Mapping[str, Any] | None = None,
        private: Private | None = None,
        **columns: Any,
    ) -> None:
        """Move a case; every move steps its version and ends or replaces its claim."""
        was = case.status
        unclaimed: dict[str, Any] = {
            "effective_at": None, "lease_user": None, "lease_token": None, "lease_until": None,
        }  # fmt: skip
        columns = {"status": to, "version": case.version + 1, **unclaimed, **columns}
        if Case.objects.filter(pk=case.pk, status=was, version=case.version).update(**columns) != 1:
            raise StaleStatusError(f"case {case.pk} is no longer {was} at version {case.version}")
        case.status, case.version = to, case.version + 1
        self.entries.append(kind="case", target=case.pk, was=was, to=to, action=action, detail=detail, private=private)

    def derive(
        self,
        action: str,
        *,
        detail: Mapping[str, Any] | None = None,
        private: Private | None = None,
        **columns: Any,
    ) -> None:
        """Write these columns of the generation, and the status that follows from them and from its images."""
        generation = self.generation
        was = generation.status
        images = set(Image.objects.filter(generation=generation).values_list("status", flat=True).distinct())
        sealed_at = columns.get("sealed_at", generation.sealed_at)
        to = status_of(
            columns.get("prompt_state", generation.prompt_state), sealed=sealed_at is not None, images=images
        )
        if to != was:
            columns["status"] = to
            columns["finished_at"] = None if to in UNFINISHED else self.at
            if was == "screening":
                columns |= {"lease_until": None, "leased_by": None}
        if columns and Generation.objects.filter(pk=generation.pk, status=was).update(**columns) != 1:
            raise StaleStatusError(f"generation {generation.pk} is no longer {was}")
        for name, value in columns.items():
            setattr(generation, name, value)
        if to != was or "sealed_at" in columns or detail is not None:
            self.entries.append(
                kind="generation", target=generation.pk, was=was, to=to, action=action, detail=detail, private=private
            )

    # ---- cases

    def open_case(
        self,
        kind: str,
        *,
        image: Image | None = None,
        lane: str = "ordinary",
        approvals_required: int = 1,
        claimable_in_s: float | None = None,
        category: str | None = None,
        score: float | None = None,
        why: str,
    ) -> None:
        """Ask a person. It takes the claim of a claimed sibling, but only in the same queue and lane."""
        if why.startswith(UNSCREENED):
            lane = category = UNSCREENED
        facts = routing.Facts(kind, category, score, self.generation.organization_id)
        route = routing.route_new(facts, generation_id=self.generation.pk)
        claim: tuple[Any, ...] = (None, None, None)
        if claimable_in_s is None:
            sibling = (
                Case.objects.filter(
                    generation=self.generation,
                    status="open",
                    lease_until__gt=self.at,
                    queue_id=route.queue_id,
                    lane=lane,
                )
                .order_by("id")
                .values_list("lease_user_id", "lease_token", "lease_until")
                .first()
            )
            claim = sibling or claim
        case_id = new_id()
        later = None if claimable_in_s is None else self.at + timedelta(seconds=claimable_in_s)
        expires_at = self.at + timedelta(seconds=settings.CONFIGURATION.held_max_age_s)
        insert(
            self.cursor,
            "review_case",
            id=case_id,
            kind=kind,
            generation_id=self.generation.pk,
            image_id=None if image is None else image.pk,
            queue_id=route.queue_id,
            lane=lane,
            category=category,
            score=score,
            priority=route.priority,
            due_at=self.at + timedelta(seconds=route.due_after_s),
            claimable_at=later,
            expires_at=expires_at,
            approvals_required=approvals_required,
            **dict(zip(("lease_user_id", "lease_token", "lease_until"), claim, strict=True)),
        )
        self.entries.append(
            kind="case", target=case_id, was=None, to="open", action="case.opened",
            detail={"case": kind, "image": str(image.pk) if image else None, "lane": lane, "why": why},
            private=None if route.rule_id is None else routing.private(route),
        )  # fmt: skip

    def close_cases(self, images: list[Image], *, prompt: bool) -> None:
        """Close the cases of these images and, where `prompt`, that of the prompt."""
        ids = {image.pk for image in images}
        for case in self.lock_cases():
            if case.image_id in ids or (prompt and case.kind == "prompt"):
                self.move_case(case, "closed", "case.closed")

    # ---- fair share: always the last lock

    def work_of_one(self) -> int:
        """What one image of this generation adds to its organization's virtual time."""
        weight: int = self.generation.organization.weight
        return max(1, self.generation.cost // weight)

    def take_share(self, num_images: int) -> int:
        """The tag of the first of `num_images`: start = max(the model's clock, the organization's last finish)."""
        work = self.work_of_one() * num_images
        self.cursor.execute(
            "INSERT INTO fair_share AS s (organization_id, model, last_finish) "
            "VALUES (%s, %s, coalesce((SELECT v FROM model_clock WHERE model = %s), 0) + %s) "
            "ON CONFLICT (organization_id, model) DO UPDATE "
            "SET last_finish = greatest(s.last_finish + %s, excluded.last_finish) RETURNING last_finish",
            [self.generation.organization_id, self.generation.model, self.generation.model, work, work],
        )
        return int(self.cursor.fetchone()[0]) - work

    def give_share_back(self, begun_none_of: int) -> None:
        """What was tagged and never begun costs nothing; never below the model's clock."""
        if begun_none_of:
            self.cursor.execute(
                "UPDATE fair_share SET last_finish = greatest(last_finish - %s, "
                "coalesce((SELECT v FROM model_clock WHERE model = fair_share.model), 0)) "
                "WHERE organization_id = %s AND model = %s",
                [begun_none_of * self.work_of_one(), self.generation.organization_id, self.generation.model],
            )


def never_begun(images: list[Image]) -> int:
    """How many of these images have a tag and were never claimed. Read before they are moved."""
    return sum(image.status == "pending" and image.attempt == 0 for image in images)


@contextlib.contextmanager
def step(generation_id: uuid.UUID, actor: Actor) -> Iterator[Step]:
    """A transition of this generation: commits with its entries, or not at all.

    Raises:
        NotFoundError: there is no such generation.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        generation = (
            Generation.objects.select_for_update(no_key=True)
            .annotate(transaction_at=TransactionNow())
            .filter(pk=generation_id)
            .first()
        )
        if generation is None:
            raise NotFoundError(f"no generation {generation_id}")
        under_way = Step(cursor, generation, generation.transaction_at, actor)
        yield under_way
        under_way.entries.write(cursor)
