"""The code broken on purpose, one safeguard at a time, so that a test or a storm is seen to notice."""

import contextlib
import random
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db import models, transaction

from gateway.audit.log import Actor, Entries
from gateway.errors import StaleStatusError
from gateway.lifecycle import making
from gateway.lifecycle.transaction import Step, step
from gateway.models import Generation, Image


def _fence() -> Iterator[None]:
    """Settlements look at the status alone: whoever comes first counts, however late."""

    def status_alone(s: Step, image_id: uuid.UUID, status: str, attempt: int) -> Image:
        image = s.lock_image(image_id)
        if image.status != status:
            raise StaleStatusError(f"image {image_id} is no longer {status}")
        return image

    before = making._fenced
    making._fenced = status_alone
    yield
    making._fenced = before


def _no_entry() -> Iterator[None]:
    """One entry in fifty is forgotten."""
    before = Entries.append

    def forgetful(entries: Entries, **said: Any) -> None:
        if random.random() >= 0.02:
            before(entries, **said)

    Entries.append = forgetful  # type: ignore[method-assign]
    yield
    Entries.append = before  # type: ignore[method-assign]


def _no_generation_lock() -> Iterator[None]:
    """A transition reads its generation and locks only what comes after it."""
    before = models.QuerySet.select_for_update

    def unlocked(queryset: models.QuerySet[Any], **how: Any) -> models.QuerySet[Any]:
        return queryset if queryset.model is Generation else before(queryset, **how)

    models.QuerySet.select_for_update = unlocked  # type: ignore[method-assign, assignment]
    yield
    models.QuerySet.select_for_update = before  # type: ignore[method-assign]


def _images_first() -> Iterator[None]:
    """Half of the transitions lock the images before the generation."""

    @contextlib.contextmanager
    def either_first(generation_id: uuid.UUID, actor: Actor) -> Iterator[Step]:
        with transaction.atomic():
            if random.random() < 0.5:
                images = Image.objects.filter(generation=generation_id).order_by("id")
                list(images.select_for_update(no_key=True))
            with step(generation_id, actor) as under_way:
                yield under_way

    callers = [
        module for name, module in sys.modules.items()
        if name.startswith("gateway.lifecycle.") and getattr(module, "step", None) is step
    ]  # fmt: skip
    for module in callers:
        module.step = either_first  # type: ignore[attr-defined]
    yield
    for module in callers:
        module.step = step  # type: ignore[attr-defined]


MUTANTS: dict[str, Callable[[], Iterator[None]]] = {
    "fence": _fence,
    "no_entry": _no_entry,
    "no_generation_lock": _no_generation_lock,
    "images_first": _images_first,
}


@contextlib.contextmanager
def mutated(*names: str) -> Iterator[None]:
    """These safeguards are gone in this process until the end.

    Raises:
        KeyError: there is no such mutant.
    """
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(contextlib.contextmanager(MUTANTS[name])())
        yield
