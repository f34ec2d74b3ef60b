"""What a person wants to be told of by e-mail: read from a form, kept, shown again. Sending is gateway.notices'."""

import uuid
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict

from gateway.models import (
    MAX_EVERY_S,
    MAX_WAITS_S,
    MIN_EVERY_S,
    NoticeRule,
    NoticeSending,
    Queue,
    QueueAssignment,
    User,
)
from gateway.notices.sending import key_of
from review.preferences import PreferenceRefusedError

MINUTE_S = 60
MAX_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class Failing:
    """Notices that could not be sent: whose, how often in a row, what was in the way, when the next is tried."""

    whose: str
    failures: int
    problem: str
    next_at: datetime


def rule_of(user_id: uuid.UUID) -> NoticeRule | None:
    """What this person asked for; None: nothing."""
    return NoticeRule.objects.filter(pk=user_id).first()


def sending_of(user_id: uuid.UUID) -> NoticeSending | None:
    """What became of their last notice; None before the first."""
    return NoticeSending.objects.filter(key=key_of(user_id)).first()


def queues_for(user: User) -> list[Queue]:
    """The queues that this person can be told of: those they work in, or all for who works in none."""
    queues = Queue.objects.order_by("id")
    assigned = QueueAssignment.objects.filter(user=user).values_list("queue_id", flat=True)
    return list(queues.filter(pk__in=assigned) if user.may_review and assigned else queues)


def end(user_id: uuid.UUID) -> None:
    """Tell this person nothing any more, and forget the address."""
    NoticeRule.objects.filter(pk=user_id).delete()


def choose(user: User, form: QueryDict) -> None:
    """Tell this person from now on as the form says.

    Raises:
        PreferenceRefusedError: a field is no value of its kind or out of its range; nothing is changed.
    """
    NoticeRule.objects.update_or_create(
        pk=user.pk,
        defaults={
            "address": _address(form.get("address", "").strip()),
            "queue_ids": _queue_ids(user, form.getlist("queue")),
            "every_s": _minutes(form, "every", "At most one e-mail every", MIN_EVERY_S, MAX_EVERY_S),
            "waits_s": _minutes(form, "waits", "Only when something has waited", 0, MAX_WAITS_S),
            "only_first": "only_first" in form,
            **_quiet_hours(form),
            "time_zone": _time_zone(form.get("time_zone", "").strip()),
        },
    )


def failing() -> list[Failing]:
    """For the operator: what could not be sent, the worst first."""
    rows = list(NoticeSending.objects.filter(failures__gt=0).order_by("-failures", "key"))
    names = {key_of(pk): name for pk, name in User.objects.values_list("pk", "username")} if rows else {}
    return [Failing(names.get(row.key, row.key), row.failures, row.problem or "", row.next_at) for row in rows]


def _address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise PreferenceRefusedError(f"{text!r} is no e-mail address", field="address", value=text) from None
    if len(text) > MAX_ADDRESS:
        raise PreferenceRefusedError(
            f"the address has {len(text)} characters", field="address", value=text, limit=MAX_ADDRESS
        )
    return text


def _queue_ids(user: User, chosen: list[str]) -> list[int]:
    """Those ticked; none where all are, so that a queue that is made later counts too."""
    known = {str(queue.pk): queue.pk for queue in queues_for(user)}
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise PreferenceRefusedError(f"there is no queue {unknown[0]!r} for you", field="queue", value=unknown[0])
    if not chosen:
        raise PreferenceRefusedError("choose at least one queue", field="queue", value="")
    return [] if set(chosen) == set(known) else sorted(known[each] for each in set(chosen))


def _minutes(form: QueryDict, name: str, title: str, least_s: int, most_s: int) -> int:
    text = form.get(name, "").strip() or "0"
    try:
        seconds = round(float(text) * MINUTE_S)
    except (ValueError, OverflowError):
        raise PreferenceRefusedError(f"{title}: {text!r} is no number", field=name, value=text) from None
    if not least_s <= seconds <= most_s:
        raise PreferenceRefusedError(
            f"{title}: {text} min; it can be {least_s // MINUTE_S} to {most_s // MINUTE_S}",
            field=name, value=seconds, limit=least_s if seconds < least_s else most_s,
        )  # fmt: skip
    return seconds


def _quiet_hours(form: QueryDict) -> dict[str, time | None]:
    """Both ends, or none."""
    said = {name: form.get(name, "").strip() for name in ("quiet_from", "quiet_until")}
    if not any(said.values()):
        return {"quiet_from": None, "quiet_until": None}
    hours: dict[str, time | None] = {}
    for name, text in said.items():
        try:
            hours[name] = time.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            raise PreferenceRefusedError(
                f"quiet hours are two times like 22:00, not {text!r}", field=name, value=text
            ) from None
    return hours


def _time_zone(text: str) -> str:
    if text not in available_timezones():
        raise PreferenceRefusedError(
            f"{text!r} is no time zone: say it like Europe/Berlin, or UTC", field="time_zone", value=text
        )
    return text
