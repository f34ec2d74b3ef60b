"""The page of known pictures: what stands on the lists, for whom, and taking it off again."""

import uuid
from collections.abc import Callable

import pytest

from gateway.models import Case, Image, KnownPicture
from review.timeline import pseudonym
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor

SignIn = Callable[..., Visitor]
REASON = "harmless after a second look"


def remembered(world: DeskWorld, category: str = "weapons") -> KnownPicture:
    """A picture that Ada denied and wants refused from now on."""
    (case,) = world.held_images(1)
    sha256 = bytes(Image.objects.get(pk=case.image_id).master_sha256 or b"")
    world.decide(world.ada, world.take(world.ada, case.pk), "deny", remembered=True, sha256=sha256, category=category)
    return KnownPicture.objects.get(decision__case=case)


def test_an_entry_tells_what_was_decided_when_and_by_whom_and_shows_no_image(world: DeskWorld, sign_in: SignIn) -> None:
    entry = remembered(world)

    text = sign_in("sam", "senior").get("/review/known/").content.decode()

    assert "for weapons, for every organization" in text
    assert pseudonym(world.ada.pk) in text
    assert f"{entry.decision.at:%Y-%m-%d %H:%M} UTC" in text
    assert bytes(entry.sha256).hex()[:12] in text
    assert "<img" not in text


@pytest.mark.parametrize("role", ["senior", "officer"])
def test_a_picture_is_taken_off_its_list_for_a_reason(world: DeskWorld, sign_in: SignIn, role: str) -> None:
    entry = remembered(world)
    keeper = sign_in("kim", role)

    response = keeper.post(f"/review/known/{entry.pk}/retire", reason=REASON)

    assert response.headers["Location"] == f"/review/known/?off={entry.pk}"
    entry.refresh_from_db()
    assert (entry.status, entry.retired_by_id, entry.retire_reason) == ("retired", keeper.user.pk, REASON)
    assert str(entry.pk) not in keeper.get("/review/known/").content.decode()
    assert REASON in keeper.get("/review/known/?status=retired").content.decode()


def test_a_short_reason_is_refused_and_kept_in_its_field(world: DeskWorld, sign_in: SignIn) -> None:
    entry = remembered(world)

    response = sign_in("sam", "senior").post(f"/review/known/{entry.pk}/retire", reason="too <short>")

    text = response.content.decode()
    assert response.status_code == 409
    assert "The reason has 11 characters; it needs at least 20" in text
    assert "too &lt;short&gt;</textarea>" in text
    entry.refresh_from_db()
    assert entry.status == "listed"


def test_a_picture_that_is_off_its_list_or_was_never_on_one_is_refused(world: DeskWorld, sign_in: SignIn) -> None:
    entry = remembered(world)
    sam = sign_in("sam", "senior")
    sam.post(f"/review/known/{entry.pk}/retire", reason=REASON)

    assert sam.post(f"/review/known/{entry.pk}/retire", reason=REASON).status_code == 409
    assert sam.post(f"/review/known/{uuid.UUID(int=7)}/retire", reason=REASON).status_code == 404


def test_an_auditor_reads_the_lists_and_takes_nothing_off(world: DeskWorld, sign_in: SignIn) -> None:
    entry = remembered(world)
    auditor = sign_in("audrey", "auditor")

    assert "Take it off" not in auditor.get("/review/known/").content.decode()
    assert auditor.post(f"/review/known/{entry.pk}/retire", reason=REASON).status_code == 403


def test_what_was_sealed_since_is_an_officers_alone(world: DeskWorld, sign_in: SignIn) -> None:
    entry = remembered(world)
    world.seal(Case.objects.get(pk=entry.decision.case_id).generation_id)
    sam, officer = sign_in("sam", "senior"), sign_in("kim", "officer")

    assert str(entry.pk) not in sam.get("/review/known/").content.decode()
    assert sam.post(f"/review/known/{entry.pk}/retire", reason=REASON).status_code == 409
    assert "Sealed since" in officer.get("/review/known/").content.decode()
    assert officer.post(f"/review/known/{entry.pk}/retire", reason=REASON).status_code == 302


def test_filters_find_what_they_name_and_refuse_what_they_do_not_know(world: DeskWorld, sign_in: SignIn) -> None:
    entry = remembered(world)
    sam = sign_in("sam", "senior")

    for asked, there in (
        ("side=block", True),
        ("side=allow", False),
        ("category=weapons", True),
        ("category=hate", False),
    ):
        assert (str(entry.pk) in sam.get(f"/review/known/?{asked}").content.decode()) is there
    for wrong in ("side=left", "status=gone", "category=dislike", "before=7"):
        assert sam.get(f"/review/known/?{wrong}").status_code == 400
