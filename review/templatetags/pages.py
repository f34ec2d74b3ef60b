"""What the templates say again and again: icons, badges, short ids, ages."""

import uuid
from datetime import UTC, datetime

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from review import desk

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


@register.filter
def short_id(value: uuid.UUID) -> str:
    """A case as people say it: the last six digits."""
    return f"c-{value.hex[-6:].upper()}"


@register.filter
def pseudonym(user_id: uuid.UUID) -> str:
    return desk.pseudonym(user_id)


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
        return f"{hours}\u00a0h {minutes % 60}\u00a0min"
    return f"{hours // 24}\u00a0d {hours % 24}\u00a0h"


@register.filter
def without_placeholder(field: BoundField) -> SafeString:
    """A form field whose label says it all."""
    return field.as_widget(attrs={"placeholder": ""})


@register.filter
def seconds_of(ms: int | None) -> str:
    """Milliseconds as "2.3 s"; "none" where nothing was seen."""
    return "none" if not ms else f"{ms / 1000:.1f}\u00a0s"
