"""How sealed items and requesters are named: so that people can speak of them, and nothing more."""

import hashlib
import uuid

from django import template

from review import sealed

register = template.Library()


@register.filter
def opaque(seal_id: uuid.UUID) -> str:
    return sealed.opaque(seal_id)


@register.filter
def requester(known_as: str) -> str:
    """A requester as people say it: the beginning of a hash of what is itself a pseudonym."""
    return f"Requester q-{hashlib.sha256(known_as.encode()).hexdigest()[:6].upper()}"
