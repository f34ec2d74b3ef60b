"""What the templates say again and again: icons, badges, short ids, ages."""

import json
import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.http import HttpRequest
from django.template import RequestContext
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from review import keys, timeline
from review.preferences import Desk, desk_for

register = template.Library()

# Status or decision to (icon, class): word, icon and colour together, never colour alone.
_BADGES = {
    "held": ("pause", "hold"),
    "released": ("check", "release"),
    "granted": ("check", "release"),
    "rejected": ("cross", "deny"),
    "failed": ("alert", "deny"),
    "sealed": ("lock", "sealed"),
    "withdrawn": ("undo", "sealed"),
    "release": ("check", "release"),
    "approve": ("check", "release"),
    "deny": ("cross", "deny"),
    "escalate": ("up", "escalate"),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of the sprite; decoration, beside a word."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("review/icons.svg"), name
    )


@register.simple_tag
def badge(word: str, *, undone: bool = False) -> SafeString:
    """Icon and word of a status or a decision; outlined where it was undone."""
    symbol, kind = _BADGES.get(word, ("dot", "plain"))
    if undone:
        return format_html('<span class="badge plain">{}{}, undone</span>', icon("undo"), word.capitalize())
    return format_html('<span class="badge {}">{}{}</span>', kind, icon(symbol), word.capitalize())


@register.simple_tag(takes_context=True)
def key(context: RequestContext, name: str) -> SafeString | str:
    """The hint of the key that this person has a command on; nothing where they switched single keys off."""
    chosen = _desk(context)
    held = keys.DEFAULTS if chosen is None else chosen.keys
    if chosen is not None and not chosen.single_keys:
        return ""
    return format_html("<kbd>{}</kbd>", keys.label(held[name]))


@register.simple_tag(takes_context=True)
def key_map(context: RequestContext) -> SafeString | str:
    """Attributes that tell the scripts which key stands for which default key, and whether single keys are on."""
    chosen = _desk(context)
    if chosen is None:
        return ""
    moved = {chosen.keys[name]: default for name, default in keys.DEFAULTS.items()}
    return format_html(
        ' data-keys="{}" data-single-keys="{}"', json.dumps(moved), "on" if chosen.single_keys else "off"
    )


def _desk(context: RequestContext) -> Desk | None:
    """What applies to whoever reads the page, if they decide cases."""
    request: HttpRequest | None = context.get("request")
    # The page that says that the record does not answer has no user: asking for theirs would ask the record.
    return desk_for(request) if request is not None and getattr(context.get("user"), "may_review", False) else None


@register.filter
def short_id(value: uuid.UUID) -> str:
    """A case as people say it: the last six digits."""
    return f"c-{value.hex[-6:].upper()}"


@register.filter
def pseudonym(user_id: uuid.UUID) -> str:
    return timeline.pseudonym(user_id)


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """How long since, with the exact time on hover; a dash for nothing yet."""
    if at is None:
        return "\u2013"
    seconds = max(0.0, (timezone.now() - at).total_seconds())
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S}", span(seconds)
    )


@register.filter
def span(seconds: float) -> str:
    """A duration in words: "40 s", "22 min", "1 d 4 h"."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}\u00a0s"
    minutes, hours = whole // 60, whole // 3600
    if hours < 1:
        return f"{minutes}\u00a0min"
    if hours < 24:
        return f"{hours}\u00a0h {minutes % 60}\u00a0min" if minutes % 60 else f"{hours}\u00a0h"
    return f"{hours // 24}\u00a0d {hours % 24}\u00a0h"


@register.filter
def clock(seconds: float) -> str:
    """A duration that counts down: "4:12"."""
    whole = math.ceil(seconds)
    return f"{whole // 60}:{whole % 60:02}"


@register.filter
def from_now(seconds: float) -> datetime:
    """The moment that is so many seconds away."""
    return timezone.now() + timedelta(seconds=seconds)


@register.filter
def get(mapping: dict[str, str], name: str) -> str:
    """What a mapping holds for a name; the name itself where it holds nothing."""
    return mapping.get(name, name)


@register.inclusion_tag("review/_filter.html", takes_context=True)
def filter_field(
    context: RequestContext,
    name: str,
    title: str,
    search: Any,
    *,
    kind: str = "text",
    example: str = "",
    none: str = "any",
) -> dict[str, Any]:
    """One field of a search: a choice where the page has choices for it, with what is chosen and what is wrong."""
    return {
        "name": name,
        "title": title,
        "options": context["choices"].get(name),
        "chosen": search.filters.get(name, ""),
        "error": search.errors.get(name),
        "type": kind,
        "example": example,
        "none": none,
    }


@register.filter
def without_placeholder(field: BoundField) -> SafeString:
    """A form field whose label says it all."""
    return field.as_widget(attrs={"placeholder": ""})


@register.filter
def seconds_of(ms: int | None) -> str:
    """Milliseconds as "2.3 s"; "none" where nothing was seen."""
    return "none" if not ms else f"{ms / 1000:.1f}\u00a0s"
