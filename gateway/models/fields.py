"""Field and expression types that Django has no word for."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from uuid_utils.compat import uuid7


class TransactionNow(models.Func):
    """`now()`: when the transaction began. Django's `Now()` is the statement's time, which the triggers refuse."""

    template = "now()"
    output_field: models.Field[Any, Any] = models.DateTimeField()


def new_id() -> uuid.UUID:
    """A fresh UUIDv7; ids are made here, not by the database, since a role may insert what it cannot read back."""
    return uuid.UUID(int=uuid7().int)


def id_field() -> models.UUIDField[Any, Any]:
    return models.UUIDField(primary_key=True, default=new_id, editable=False)


def leased_field() -> models.GeneratedField:
    """True while `lease_until` is set. Indexes name it and not `lease_until`, so renewing stays a HOT update."""
    return models.GeneratedField(
        expression=models.Q(lease_until__isnull=False),  # type: ignore[arg-type]  # a Q is an expression to Django
        output_field=models.BooleanField(),
        db_persist=True,
    )
