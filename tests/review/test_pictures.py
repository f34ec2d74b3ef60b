"""Which bytes of a held picture leave, to whom, and what is written before they do."""

import io
import json
import uuid
from collections.abc import Callable

import numpy as np
import pytest
from django.http import HttpResponse
from PIL import Image as Pillow

from gateway.delivery.access import identity_of, quarantine_writer
from gateway.models import AuditEntry, Case, Image
from tests.review.desk_world import SIDE_PX, DeskWorld, picture
from tests.review.visitor import REVEAL, Visitor

SignIn = Callable[..., Visitor]


@pytest.fixture
def case(world: DeskWorld, rita: Visitor) -> Case:
    """The case of a held image that rita has claimed."""
    (held,) = world.held_images(1)
    rita.take()
    return Case.objects.select_related("image").get(pk=held.pk)


def pixels(response: HttpResponse) -> np.ndarray:
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/webp"
    return np.asarray(Pillow.open(io.BytesIO(response.content)).convert("RGB")).astype(int)


def views(case: Case) -> list[dict[str, object]]:
    bodies = AuditEntry.objects.filter(target_id=case.image_id).order_by("xid", "id").values_list("body", flat=True)
    entries = [json.loads(bytes(body)) for body in bodies]
    return [entry for entry in entries if entry["action"] == "image.viewed"]


def blurred(visitor: Visitor, case: Case) -> HttpResponse:
    return visitor.get(f"/review/cases/{case.pk}/blurred")


def test_what_stands_on_the_page_is_grey_and_has_no_detail(rita: Visitor, case: Case) -> None:
    shown = pixels(blurred(rita, case))

    assert np.abs(shown[..., 0] - shown[..., 2]).max() <= 2
    assert np.abs(np.diff(shown[..., 0], axis=1)).max() < 16


def test_what_is_revealed_is_the_picture(rita: Visitor, case: Case) -> None:
    master = np.asarray(Pillow.open(io.BytesIO(picture(0))).convert("RGB")).astype(int)

    clear = pixels(rita.reveal(case.pk))

    assert clear.shape == (SIDE_PX, SIDE_PX, 3)
    assert np.abs(clear - master).mean() < 6


def test_what_is_revealed_in_grey_has_no_colour(rita: Visitor, case: Case) -> None:
    grey = pixels(rita.reveal(case.pk, "grey"))

    assert np.abs(grey[..., 0] - grey[..., 2]).max() <= 2


def test_a_severe_image_is_smaller_at_first(world: DeskWorld, rita: Visitor) -> None:
    (severe,) = world.held_images(1, lane="severe")
    rita.take()

    assert pixels(blurred(rita, severe)).shape == (128, 128, 3)


def test_every_form_that_leaves_is_logged_with_the_hash_of_the_bytes(rita: Visitor, case: Case) -> None:
    blurred(rita, case)
    rita.reveal(case.pk, "grey")
    rita.reveal(case.pk, "clear")

    assert [entry["form"] for entry in views(case)] == ["blurred", "grey", "clear"]
    assert {entry["sha256"] for entry in views(case)} == {bytes(case.image.master_sha256).hex()}


def test_where_the_view_cannot_be_logged_no_byte_leaves(world: DeskWorld, rita: Visitor, case: Case) -> None:
    token = str(case.lease_token)
    rita.client.raise_request_exception = False
    with world.record.admin() as admin:
        admin.execute("REVOKE INSERT (body) ON audit FROM people")

    for response in (blurred(rita, case), rita.reveal(case.pk, token=token)):
        assert response.status_code >= 500
        assert not response.headers["Content-Type"].startswith("image/")
        assert REVEAL not in response.headers


def test_pictures_are_kept_by_no_cache(rita: Visitor, case: Case) -> None:
    for response in (blurred(rita, case), rita.reveal(case.pk)):
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_only_the_claims_holder_gets_anything(rita: Visitor, case: Case, sign_in: SignIn) -> None:
    other = sign_in("other")

    for response in (blurred(other, case), other.reveal(case.pk, token=str(case.lease_token))):
        assert response.status_code == 409
        assert not response.headers["Content-Type"].startswith("image/")
    assert views(case) == []


@pytest.mark.parametrize("token", ["", "nonsense", str(uuid.UUID(int=7))])
def test_a_reveal_is_bound_to_the_claim(rita: Visitor, case: Case, token: str) -> None:
    assert rita.reveal(case.pk, token=token).status_code == 409
    assert views(case) == []


def test_a_lapsed_claim_shows_nothing(world: DeskWorld, rita: Visitor, case: Case) -> None:
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_until = now() - interval '1 second'")

    assert blurred(rita, case).status_code == 409
    assert rita.reveal(case.pk, token=str(case.lease_token)).status_code == 409


def test_a_decided_case_shows_nothing(world: DeskWorld, rita: Visitor, case: Case) -> None:
    world.undo_window(8)
    rita.decide(case.pk, "deny", category="ip")

    assert blurred(rita, case).status_code == 409


@pytest.mark.parametrize("form", ["blurred", "master", ""])
def test_there_are_no_other_clear_forms(rita: Visitor, case: Case, form: str) -> None:
    assert rita.reveal(case.pk, form).status_code == 400


def test_bytes_that_are_not_those_of_the_record_are_not_shown(world: DeskWorld, rita: Visitor, case: Case) -> None:
    image = Image.objects.select_related("generation", "master").get(pk=case.image_id)
    with world.record.admin() as admin:
        other = quarantine_writer().write(picture(3), identity_of(image, attempt=image.master.attempt))
        admin.execute(
            "UPDATE masters SET object_key = %s, wrapped_key = %s WHERE image_id = %s",
            [other.object_key, other.wrapped_key, image.pk],
        )

    for response in (blurred(rita, case), rita.reveal(case.pk)):
        assert response.status_code == 503
        assert response.json()["code"] == "not_shown"


def test_a_prompt_has_no_picture(world: DeskWorld, rita: Visitor) -> None:
    prompt = world.held_prompt("a crowd")
    rita.take()

    assert blurred(rita, prompt).status_code == 409
    assert rita.reveal(prompt.pk).status_code == 409
