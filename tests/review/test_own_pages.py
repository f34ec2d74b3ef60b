"""The pages that are about the person who reads them: break, day, settings, keys."""

import io
import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pillow

from gateway.models import Case, WorkStretch
from review import care, keys
from review.preferences import choose, desk_of
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor

SignIn = Callable[..., Visitor]
Configured = Callable[..., None]


def text(visitor: Visitor, path: str) -> str:
    response = visitor.get(path)
    assert response.status_code == 200
    return response.content.decode()


def works_since(visitor: Visitor, seconds: float) -> None:
    care.note_work(visitor.user.pk, desk_of(visitor.user.pk), severe=False)
    stretch = WorkStretch.objects.get(pk=visitor.user.pk)
    WorkStretch.objects.filter(pk=visitor.user.pk).update(began_at=stretch.last_at - timedelta(seconds=seconds))


def test_a_break_gives_back_what_a_person_holds_and_says_that_nothing_was_decided(
    world: DeskWorld, rita: Visitor
) -> None:
    world.held_images(2)
    rita.take()

    response = rita.post("/review/break/begin")

    assert not Case.objects.filter(lease_user=rita.user).exists()
    page = text(rita, response.headers["Location"])
    assert "2 cases went back to the queue with nothing decided" in page
    assert "This break is your own" in page


def test_a_required_break_takes_the_place_of_the_next_case(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(1)
    works_since(rita, 3600)

    response = rita.post("/review/next")

    assert response.headers["Location"] == "/review/break/"
    assert "This break is required after 1\u00a0h of work" in text(rita, "/review/break/")


def test_reading_the_break_page_with_a_case_in_hand_gives_nothing_back(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(1)
    rita.take()

    assert "Take a break?" in text(rita, "/review/break/")
    assert Case.objects.filter(lease_user=rita.user).exists()


def test_the_operators_words_stand_on_the_break_page_and_cannot_be_markup(
    configured: Configured, rita: Visitor
) -> None:
    configured(support_text="Call 1 2 3 <b>any time</b>.")

    assert "Call 1 2 3 &lt;b&gt;any time&lt;/b&gt;." in text(rita, "/review/break/")


def test_the_case_page_says_when_the_next_break_is_suggested(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(1)
    case_id = rita.take()
    assert "Break suggested in 24\u00a0min" in text(rita, f"/review/cases/{case_id}/")

    works_since(rita, 1500)
    assert "Break suggested now, required in" in text(rita, f"/review/cases/{case_id}/")


def test_a_day_shows_its_own_person_and_nobody_else(world: DeskWorld, rita: Visitor, sign_in: SignIn) -> None:
    (case,) = world.held_images(1)
    rita.take()
    revealed = rita.reveal(case.pk)
    rita.look(case.pk, ms=1, reveal=revealed.headers["X-Imprimatur-Reveal"])

    assert ">1</td>" in text(rita, "/review/day/")
    for role in ("reviewer", "senior"):
        assert "Nothing looked at yet" in text(sign_in(f"some {role}", role), "/review/day/")
    for role in ("operator", "auditor", "officer"):
        assert sign_in(f"some {role}", role).get("/review/day/").status_code == 403


def test_settings_are_kept_and_a_looser_one_is_refused_with_its_limit(rita: Visitor) -> None:
    kept = rita.post("/review/settings/", reveal="toggle", break_suggested_s="20", opted_out=["sexual", "hate"])
    assert kept.status_code == 302
    desk = desk_of(rita.user.pk)
    assert (desk.break_suggested_s, desk.reveal, desk.opted_out) == (1200, "toggle", {"sexual", "hate"})

    refused = rita.post("/review/settings/", reveal="hold", break_suggested_s="26")

    assert refused.status_code == 422
    said = refused.content.decode()
    assert "A break is suggested after is 26; the most is 25" in said
    assert 'value="26"' in said
    assert desk_of(rita.user.pk).break_suggested_s == 1200


@pytest.mark.parametrize("typed", ["soon", "nan", "1e999", "-5"])
def test_what_is_no_number_is_refused(rita: Visitor, typed: str) -> None:
    assert rita.post("/review/settings/", reveal="hold", break_s=typed).status_code == 422


def test_keys_are_moved_exported_taken_back_and_imported(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(1)
    case_id = rita.take()
    rita.post("/review/settings/keys", single_keys="on", **{**keys.DEFAULTS, "reveal": "Space", "deny": "Q"})
    page = text(rita, f"/review/cases/{case_id}/")
    assert "<span>Deny</span><kbd>Q</kbd>" in page
    assert "&quot;q&quot;: &quot;d&quot;" in page

    exported = rita.get("/review/settings/keys.json")
    assert json.loads(exported.content)["keys"]["deny"] == "q"
    rita.post("/review/settings/keys", single_keys="on", defaults="1")
    assert desk_of(rita.user.pk).keys["deny"] == "d"

    file = SimpleUploadedFile("keys.json", exported.content, content_type="application/json")
    assert rita.post("/review/settings/keys/import", file=file).status_code == 302
    assert desk_of(rita.user.pk).keys["deny"] == "q"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": 3}', b'{"keys": {"deny": "r"}}', b"\xff" * 20_000])
def test_a_file_that_holds_no_usable_keys_changes_nothing(rita: Visitor, content: bytes) -> None:
    file = SimpleUploadedFile("keys.json", content, content_type="application/json")

    assert rita.post("/review/settings/keys/import", file=file).status_code == 422
    assert desk_of(rita.user.pk).keys["deny"] == "d"


def test_with_single_keys_off_no_hint_of_one_is_shown(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(1)
    case_id = rita.take()
    choose(rita.user.pk, single_keys=False)

    page = text(rita, f"/review/cases/{case_id}/")

    assert 'data-single-keys="off"' in page
    assert "<kbd>D</kbd>" not in page
    assert "<kbd>1</kbd>" not in page


def shown_px(visitor: Visitor, case_id: uuid.UUID) -> np.ndarray:
    response = visitor.get(f"/review/cases/{case_id}/blurred")
    return np.asarray(Pillow.open(io.BytesIO(response.content)).convert("L")).astype(int)


def test_a_person_can_have_images_smaller_and_more_blurred(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    rita.take()
    before = shown_px(rita, case.pk)

    choose(rita.user.pk, derivative_px=128, blur_columns=4)
    after = shown_px(rita, case.pk)

    assert after.shape[1] == 128
    assert after.std() < before.std()


def test_an_image_that_nobody_could_score_comes_in_the_strongest_form(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    rita.take()
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE image SET held_why = 'unscreened' WHERE id = %s", [case.image_id])

    assert shown_px(rita, case.pk).shape[1] == 128


def test_once_the_days_clear_looks_are_spent_no_clear_byte_leaves(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    rita.take()
    choose(rita.user.pk, clear_looks_per_day=1)
    revealed = rita.reveal(case.pk)
    rita.look(case.pk, ms=1, reveal=revealed.headers["X-Imprimatur-Reveal"])

    refused = rita.reveal(case.pk)

    assert refused.status_code == 409
    assert refused.json()["code"] == "clear_looks_spent"


def test_without_the_claims_token_no_address_of_a_case_gives_more_than_the_blur(
    world: DeskWorld, rita: Visitor, sign_in: SignIn
) -> None:
    """Every address under the case is asked, with every method, for a form that has more detail than the blur."""
    (case,) = world.held_images(1)
    rita.take()
    other = sign_in("other", "senior")
    for visitor in (rita, other):
        for leaf in ("", "blurred", "blurred?form=clear", "blurred?width=1024", "reveal", "look", "decide"):
            for answer in (visitor.get, lambda path, v=visitor: v.post(path, form="clear", token=uuid.uuid4())):
                response = answer(f"/review/cases/{case.pk}/{leaf}")
                if response.headers.get("Content-Type", "").startswith("image/"):
                    assert visitor is rita
                    got = np.asarray(Pillow.open(io.BytesIO(response.content)).convert("L")).astype(int)
                    assert np.abs(np.diff(got, axis=1)).max() < 16
