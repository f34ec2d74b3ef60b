"""What applies at a person's desk: the stricter of what the installation says and what they chose."""

from collections.abc import Callable

import pytest

from gateway.models import DeskSettings
from review import keys
from review.preferences import LIMITS, PreferenceRefusedError, choose, desk_of
from tests.record.world import World
from tests.review.desk_world import DeskWorld

Configured = Callable[..., None]


def test_who_chose_nothing_has_what_the_installation_says(world: DeskWorld, configured: Configured) -> None:
    configured(break_suggested_s=1200, severe_in_a_row=2)

    desk = desk_of(world.ada.pk)

    assert (desk.break_suggested_s, desk.severe_in_a_row, desk.clear_looks_per_day) == (1200, 2, None)
    assert desk.reveal == "hold"
    assert desk.keys == keys.DEFAULTS


@pytest.mark.parametrize("name", LIMITS)
def test_each_limit_can_be_made_stricter_and_never_looser(world: DeskWorld, configured: Configured, name: str) -> None:
    limit = LIMITS[name]
    stricter, looser = (-1, 1) if limit.stricter == "less" else (1, -1)
    configured(clear_looks_per_day=50)
    standard = limit.of_installation()
    assert standard is not None

    assert getattr(choose(world.ada.pk, **{name: standard + stricter}), name) == standard + stricter
    assert getattr(choose(world.ada.pk, **{name: standard}), name) == standard
    with pytest.raises(PreferenceRefusedError) as refused:
        choose(world.ada.pk, **{name: standard + looser})

    assert refused.value.extra == {"field": name, "value": standard + looser, "limit": standard}
    assert getattr(desk_of(world.ada.pk), name) == standard


def test_a_looser_value_in_the_record_has_no_effect(world: DeskWorld, configured: Configured) -> None:
    choose(world.ada.pk, break_required_s=3000, blur_columns=12)
    configured(break_required_s=1800, blur_columns=8)

    desk = desk_of(world.ada.pk)

    assert DeskSettings.objects.get(pk=world.ada.pk).break_required_s == 3000
    assert (desk.break_required_s, desk.blur_columns) == (1800, 8)


def test_a_limit_that_the_installation_lacks_can_be_set_by_a_person(world: DeskWorld) -> None:
    assert choose(world.ada.pk, clear_looks_per_day=7).clear_looks_per_day == 7
    assert choose(world.ada.pk, clear_looks_per_day=None).clear_looks_per_day is None


def test_grey_cannot_be_switched_off_where_the_installation_has_it_on(world: DeskWorld, configured: Configured) -> None:
    with pytest.raises(PreferenceRefusedError):
        choose(world.ada.pk, grey_first=False)

    configured(grey_first=False)
    assert not desk_of(world.ada.pk).grey_first
    assert choose(world.ada.pk, grey_first=True).grey_first


@pytest.mark.parametrize("chosen", [{"opted_out": ["weather"]}, {"reveal": "always"}])
def test_what_does_not_exist_cannot_be_chosen(world: DeskWorld, chosen: dict[str, object]) -> None:
    with pytest.raises(PreferenceRefusedError):
        choose(world.ada.pk, **chosen)


def test_nothing_is_kept_of_a_form_with_one_refused_value(world: DeskWorld) -> None:
    with pytest.raises(PreferenceRefusedError):
        choose(world.ada.pk, break_suggested_s=600, severe_in_a_row=99)

    assert not DeskSettings.objects.filter(pk=world.ada.pk).exists()


def test_what_one_person_chose_is_nobody_elses(world: DeskWorld) -> None:
    choose(world.ada.pk, opted_out=["sexual"], single_keys=False)

    ben = desk_of(world.ben.pk)

    assert ben.opted_out == frozenset()
    assert ben.single_keys


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"skip": "r"}, "skip"),
        ({"deny": "e"}, "escalate"),
        ({"keep": "3"}, "keep"),
        ({"keep": "Enter"}, "keep"),
        ({"keep": "Escape"}, "keep"),
        ({"keep": "K"}, "keep"),
        ({"keep": ""}, "keep"),
        ({"keep": 7}, "keep"),
        ({"release everything": "x"}, "release everything"),
    ],
)
def test_keys_that_clash_or_cannot_be_used_are_refused(chosen: dict[str, object], field: str) -> None:
    with pytest.raises(keys.KeysRefusedError) as refused:
        keys.check(chosen)

    assert refused.value.extra["field"] == field


def test_two_commands_can_change_places() -> None:
    assert keys.check({"release": "d", "deny": "r"}) == {"release": "d", "deny": "r"}


def test_a_new_command_leaves_a_key_to_the_one_that_somebody_gave_it_before() -> None:
    kept = keys.in_force({"note": "h"})

    assert kept["note"] == "h"
    assert kept["history"] != "h"
    assert len(set(kept.values())) == len(keys.DEFAULTS)


def test_the_defaults_clash_nowhere_and_none_of_them_commits() -> None:
    assert keys.check(keys.DEFAULTS) == {}
    assert "Enter" not in keys.DEFAULTS.values()


@pytest.mark.parametrize("typed", ["Space", "space", " "])
def test_a_key_can_be_typed_by_its_name(typed: str) -> None:
    assert keys.pressed(typed) == " "


@pytest.mark.parametrize("role", ["clients", "screening", "generation", "delivery", "sweeper"])
def test_no_process_but_the_peoples_door_reads_what_a_person_chose_or_saw(world: World, role: str) -> None:
    with world.record.admin() as admin:
        for table in ("desk_settings", "work_stretch", "look"):
            (may,) = admin.execute("SELECT has_table_privilege(%s, %s, 'SELECT')", [role, table]).fetchone()
            assert not may
