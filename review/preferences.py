"""What applies at a person's desk: of the installation's limit and what they chose, the stricter.

`choose` is the one function that writes. A looser value is refused there, and would have no effect if it stood in the
record all the same, since reading takes the stricter of both.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from django.conf import settings
from django.http import HttpRequest

from gateway.errors import GatewayError
from gateway.models import UNSCREENED, DeskSettings, Reveal, User
from moderation.taxonomy import HARMS
from review import keys

# What a person need not be shown, and need not say why. The last is what no checker could judge.
CAN_OPT_OUT = (*HARMS, UNSCREENED)


class PreferenceRefusedError(GatewayError):
    """Looser than the installation allows, or no such value; `field`, `value` and `limit` say which."""

    code = "preference_refused"
    http_status = 422
    title = "Not changed"


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of the installation that a person may make stricter.

    Attributes:
        stricter: whether less or more is stricter.
        bound: the strictest that makes sense.
        unit_s: seconds in one unit of what the page shows; 1 where it is no time.
    """

    name: str
    title: str
    unit: str
    stricter: Literal["less", "more"]
    bound: int
    unit_s: int = 1

    def of_installation(self) -> int | None:
        value: int | None = getattr(settings.CONFIGURATION, self.name)
        return value

    def stricter_of(self, chosen: int | None) -> int | None:
        known = [value for value in (self.of_installation(), chosen) if value is not None]
        if not known:
            return None
        return min(known) if self.stricter == "less" else max(known)

    def check(self, chosen: int) -> None:
        """Nothing, if a person may choose this.

        Raises:
            PreferenceRefusedError: it is looser than the installation's, or beyond what makes sense.
        """
        limit, shown = self.of_installation(), chosen / self.unit_s
        less = self.stricter == "less"
        if limit is not None and (chosen > limit if less else chosen < limit):
            raise PreferenceRefusedError(
                f"{self.title} is {shown:g}; the {'most' if less else 'least'} is {limit / self.unit_s:g}",
                field=self.name, value=chosen, limit=limit,
            )  # fmt: skip
        if chosen < self.bound if less else chosen > self.bound:
            raise PreferenceRefusedError(
                f"{self.title} is {shown:g}; the {'least' if less else 'most'} is {self.bound / self.unit_s:g}",
                field=self.name, value=chosen, limit=self.bound,
            )  # fmt: skip


LIMITS = {
    limit.name: limit
    for limit in (
        Limit("blur_columns", "Detail left in the blur", "columns", "less", 4),
        Limit("derivative_px", "Width of the blurred image", "px", "less", 64),
        Limit("break_suggested_s", "A break is suggested after", "min", "less", 60, unit_s=60),
        Limit("break_required_s", "A break is required after", "min", "less", 120, unit_s=60),
        Limit("break_s", "A break lasts", "min", "more", 3600, unit_s=60),
        Limit("severe_per_day_s", "Severe cases a day", "min", "less", 0, unit_s=60),
        Limit("severe_in_a_row", "Severe cases in a row", "cases", "less", 1),
        Limit("clear_looks_per_day", "Clear looks a day", "looks", "less", 0),
    )
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What applies to one person now; the names are those of `DeskSettings`."""

    blur_columns: int
    derivative_px: int
    grey_first: bool
    reveal: str
    break_suggested_s: int
    break_required_s: int
    break_s: int
    severe_per_day_s: int
    severe_in_a_row: int
    clear_looks_per_day: int | None
    opted_out: frozenset[str]
    keys: Mapping[str, str]
    single_keys: bool


def desk_of(user_id: uuid.UUID) -> Desk:
    """What applies to this person now."""
    return _applied(chosen_by(user_id))


def chosen_by(user_id: uuid.UUID) -> DeskSettings:
    """What this person chose; nothing yet, where they have no row."""
    kept = DeskSettings.objects.filter(pk=user_id).first()
    return kept or DeskSettings(pk=user_id, reveal=Reveal.HOLD, opted_out=[], keys={}, single_keys=True)


def desk_for(request: HttpRequest) -> Desk:
    """`desk_of` whoever asks, read once a request."""
    desk: Desk | None = getattr(request, "desk", None)
    if desk is None:
        desk = desk_of(cast(User, request.user).pk)
        request.desk = desk  # type: ignore[attr-defined]
    return desk


def _applied(chosen: DeskSettings) -> Desk:
    numbers: dict[str, Any] = {name: limit.stricter_of(getattr(chosen, name)) for name, limit in LIMITS.items()}
    return Desk(
        **numbers,
        grey_first=settings.CONFIGURATION.grey_first or bool(chosen.grey_first),
        reveal=chosen.reveal,
        opted_out=frozenset(chosen.opted_out),
        keys=keys.in_force(chosen.keys),
        single_keys=chosen.single_keys,
    )


def choose(user_id: uuid.UUID, **chosen: Any) -> Desk:
    """Keep what this person chose, by the names of `DeskSettings`; a number that is None is the installation's again.

    Raises:
        PreferenceRefusedError: looser than the installation allows, or not a value of this setting. Nothing is kept.
        KeysRefusedError: the keys clash.
    """
    for name, value in chosen.items():
        if name in LIMITS and value is not None:
            LIMITS[name].check(value)
    if chosen.get("grey_first") is False and settings.CONFIGURATION.grey_first:
        raise PreferenceRefusedError("a clear form begins in grey here", field="grey_first", value=False, limit=True)
    if chosen.get("reveal", Reveal.HOLD) not in Reveal.values:
        raise PreferenceRefusedError(
            "an image is revealed by hold or by toggle", field="reveal", value=chosen["reveal"]
        )
    unknown = sorted(set(chosen.get("opted_out", ())) - set(CAN_OPT_OUT))
    if unknown:
        raise PreferenceRefusedError(f"there is no category {unknown[0]!r}", field="opted_out", value=unknown[0])
    if "keys" in chosen:
        chosen["keys"] = keys.check(chosen["keys"])
    DeskSettings.objects.update_or_create(pk=user_id, defaults=chosen)
    return desk_of(user_id)
