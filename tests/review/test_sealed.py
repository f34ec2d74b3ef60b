"""Sealed work at the people's door: a count for everybody, and two officers, a reason and a clock for anything more."""

import base64
import io
import json
import uuid
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from PIL import Image as Picture

from gateway.delivery import envelope, keys
from gateway.models import AuditEntry, AuditPrivate, Master, RequesterHold, Role, Seal, SealedAccess
from tests.environment import Environment
from tests.record.world import OFFICERS_REASON, PROMPT, RULE
from tests.review.desk_world import PASSWORD, DeskWorld
from tests.review.visitor import Visitor

SignIn = Callable[..., Visitor]


@pytest.fixture
def seal(world: DeskWorld) -> Seal:
    """A held picture with real bytes that an officer sealed."""
    (case,) = world.held_images(1)
    world.seal(case.generation_id)
    return Seal.objects.get(generation=case.generation_id)


@pytest.fixture
def olga(sign_in: SignIn) -> Visitor:
    return confirmed(sign_in("olga", "officer"))


@pytest.fixture
def omar(sign_in: SignIn) -> Visitor:
    return confirmed(sign_in("omar", "officer"))


def confirmed(visitor: Visitor) -> Visitor:
    visitor.post("/accounts/reauthenticate/?next=/review/sealed/", password=PASSWORD)
    return visitor


def page(seal: Seal, act: str = "") -> str:
    return f"/review/sealed/{seal.pk}/{act}"


def ask(officer: Visitor, seal: Seal, purpose: str = "open", reason: str = OFFICERS_REASON) -> HttpResponse:
    return officer.post(page(seal, "ask"), purpose=purpose, reason=reason)


def opened(officer: Visitor, second: Visitor, seal: Seal, purpose: str = "open") -> SealedAccess:
    """A request that the second officer has agreed to."""
    assert ask(officer, seal, purpose).status_code == 302
    access = SealedAccess.objects.latest("id")
    assert second.post(page(seal, "agree"), access=access.pk).status_code == 302
    return access


def item_key(seal: Seal, environment: Environment) -> str:
    """What the officer's browser sends of the one image: its key, unwrapped with the officers' own."""
    master = Master.objects.get(image__generation=seal.generation_id)
    officers = keys.load_private(environment.officers_private_key_file)
    return base64.b64encode(envelope._unwrap(bytes(master.wrapped_key or b""), officers, envelope.ITEM_KEY)).decode()


def view(officer: Visitor, seal: Seal, access: SealedAccess, key: str, form: str = "blurred") -> HttpResponse:
    image_id = Master.objects.get(image__generation=seal.generation_id).pk
    return officer.post(page(seal, "view"), access=access.pk, image=image_id, item_key=key, form=form)


def viewed(access: SealedAccess) -> list[str]:
    entries = AuditEntry.objects.filter(target_id=access.pk, from_status="agreed", to_status="agreed").order_by("id")
    return [json.loads(bytes(entry.body))["form"] for entry in entries]


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.OFFICER}))
def test_nobody_but_officers_is_told_more_than_a_count(sign_in: SignIn, seal: Seal, role: str) -> None:
    visitor = sign_in("somebody", role)

    told = visitor.get("/review/sealed/").content.decode()
    refused = visitor.get(page(seal))

    assert "1 sealed" in told
    assert "An alarm stands" in told
    assert refused.status_code == 403
    for secret in (str(seal.pk), seal.pk.hex[-8:-4].upper(), str(seal.generation_id), PROMPT, "<img", "<table"):
        assert secret not in told
        assert secret not in refused.content.decode()


def test_an_officer_is_told_time_stage_category_checker_and_score_and_nothing_of_what_it_holds(
    world: DeskWorld, olga: Visitor
) -> None:
    generation_id, _ = world.one("waiting")
    world.settle_prompt(world.lease("prompt", generation_id), "seal")
    seal = Seal.objects.get(generation=generation_id)

    for path in ("/review/sealed/", page(seal)):
        told = olga.get(path).content.decode()
        for word in ("prompt", "canary/hold", "a checker", "0.81", seal.pk.hex[-8:-4].upper()):
            assert word in told
        for secret in (PROMPT, RULE, str(generation_id), "<img", "<canvas", "somebody"):
            assert secret not in told


def test_an_officer_who_has_not_confirmed_who_they_are_asks_for_nothing_and_keeps_their_words(
    sign_in: SignIn, seal: Seal
) -> None:
    officer = sign_in("olga", "officer")

    sent = ask(officer, seal)

    assert sent.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    assert not SealedAccess.objects.exists()
    back = officer.post(sent.headers["Location"], password=PASSWORD)
    assert OFFICERS_REASON in officer.get(back.headers["Location"]).content.decode()
    assert ask(officer, seal).status_code == 302
    assert SealedAccess.objects.count() == 1


def test_a_password_alone_confirms_nobody_who_has_a_second_factor(sign_in: SignIn, seal: Seal) -> None:
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    officer = sign_in("olga", "officer")
    TOTP.activate(officer.user, generate_totp_secret())

    confirmed(officer)

    assert ask(officer, seal).headers["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert not SealedAccess.objects.exists()


def test_a_reason_of_a_few_letters_is_refused_and_kept(olga: Visitor, seal: Seal) -> None:
    refused = ask(olga, seal, reason="a false alarm")

    assert refused.status_code == 409
    assert "needs at least 20 characters" in refused.content.decode()
    assert "a false alarm</textarea>" in refused.content.decode()


def test_an_officer_sees_what_is_sealed_only_once_another_has_agreed(
    olga: Visitor, omar: Visitor, seal: Seal, environment: Environment
) -> None:
    key = item_key(seal, environment)
    ask(olga, seal)
    access = SealedAccess.objects.get()

    assert view(olga, seal, access, key).status_code == 409
    assert olga.post(page(seal, "agree"), access=access.pk).status_code == 409
    assert view(olga, seal, access, key).status_code == 409
    assert viewed(access) == []

    omar.post(page(seal, "agree"), access=access.pk)
    shown = view(olga, seal, access, key)

    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/webp")
    assert shown.headers["Cache-Control"] == "private, no-store"
    assert view(omar, seal, access, key).status_code == 409
    assert viewed(access) == ["blurred"]


def test_the_clearer_form_is_small_and_grey_and_comes_after_the_blurred_one(
    olga: Visitor, omar: Visitor, seal: Seal, environment: Environment
) -> None:
    key, access = item_key(seal, environment), opened(olga, omar, seal)

    assert view(olga, seal, access, key, "grey").json()["code"] == "blurred_first"
    view(olga, seal, access, key)
    shown = Picture.open(io.BytesIO(view(olga, seal, access, key, "grey").content)).convert("RGB")

    assert max(shown.size) <= 256
    red, green, blue = shown.resize((1, 1)).getpixel((0, 0))
    assert max(red, green, blue) - min(red, green, blue) <= 2
    assert view(olga, seal, access, key, "clear").status_code == 400
    assert viewed(access) == ["blurred", "grey"]


def test_the_words_leave_only_as_the_officers_alone_can_read_them(
    olga: Visitor, omar: Visitor, seal: Seal, environment: Environment
) -> None:
    access = opened(olga, omar, seal)

    said = olga.post(page(seal, "words"), access=access.pk)

    assert PROMPT not in said.content.decode()
    officers = keys.load_private(environment.officers_private_key_file)
    encrypted = base64.b64decode(said.json()["encrypted"])
    assert PROMPT in envelope.decrypt(officers, encrypted, said.json()["context"])
    assert viewed(access) == ["words"]


def test_a_wrong_key_opens_nothing_and_is_no_view(olga: Visitor, omar: Visitor, seal: Seal) -> None:
    access = opened(olga, omar, seal)

    for wrong in (bytes(32), b"short"):
        assert view(olga, seal, access, base64.b64encode(wrong).decode()).json()["code"] == "not_opening"

    assert viewed(access) == []


def test_what_was_opened_closes_with_its_time(
    world: DeskWorld, olga: Visitor, omar: Visitor, seal: Seal, environment: Environment
) -> None:
    key, access = item_key(seal, environment), opened(olga, omar, seal)

    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE sealed_access SET until = now() - interval '1 second'")

    assert view(olga, seal, access, key).json()["code"] == "access_refused"
    assert olga.post(page(seal, "words"), access=access.pk).status_code == 409
    assert "data-sealed" not in olga.get(page(seal)).content.decode()


def test_nobody_agrees_to_what_is_over_ended_or_agreed(
    world: DeskWorld, olga: Visitor, omar: Visitor, seal: Seal
) -> None:
    agreed = opened(olga, omar, seal)
    assert omar.post(page(seal, "agree"), access=agreed.pk).status_code == 409
    olga.post(page(seal, "end"), access=agreed.pk)
    assert omar.post(page(seal, "agree"), access=agreed.pk).status_code == 409

    ask(olga, seal)
    late = SealedAccess.objects.latest("id")
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE sealed_access SET ask_until = now() - interval '1 second' WHERE id = %s", [late.pk])
    assert omar.post(page(seal, "agree"), access=late.pk).status_code == 409


def test_an_officer_who_is_one_no_more_sees_nothing(
    olga: Visitor, omar: Visitor, seal: Seal, environment: Environment
) -> None:
    key, access = item_key(seal, environment), opened(olga, omar, seal)

    type(olga.user).objects.filter(pk=olga.user.pk).update(role=Role.SENIOR)

    assert view(olga, seal, access, key).status_code == 403
    assert viewed(access) == []


def test_a_false_alarm_is_lifted_by_two_and_judged_anew_by_people(
    world: DeskWorld, olga: Visitor, omar: Visitor, seal: Seal, environment: Environment, sign_in: SignIn
) -> None:
    image_id = Master.objects.get(image__generation=seal.generation_id).pk
    brought = json.dumps({str(image_id): item_key(seal, environment)})
    look = opened(olga, omar, seal)
    assert olga.post(page(seal, "lift"), access=look.pk, item_keys=brought).status_code == 409
    leave = opened(olga, omar, seal, "lift")
    wrong = json.dumps({str(image_id): base64.b64encode(bytes(32)).decode()})
    assert olga.post(page(seal, "lift"), access=leave.pk, item_keys=wrong).json()["code"] == "not_opening"
    assert world.statuses(seal.generation_id) == ("blocked", ["sealed"])

    assert olga.post(page(seal, "lift"), access=leave.pk, item_keys=brought).json() == {"to": "/review/sealed/"}

    assert world.statuses(seal.generation_id) == ("in_review", ["held"])
    assert SealedAccess.objects.get(pk=leave.pk).status == "ended"
    rita = sign_in("rita")
    case_id = rita.take()
    assert case_id is not None
    assert rita.reveal(case_id).status_code == 200
    assert "0 sealed" in rita.get("/review/sealed/").content.decode()


def test_an_alarm_stands_on_the_operators_page_until_an_officer_has_noted_it(
    sign_in: SignIn, olga: Visitor, seal: Seal
) -> None:
    operator = sign_in("otto", "operator")
    assert "An alarm stands" in operator.get("/review/").content.decode()

    olga.post(page(seal, "note"))

    assert "An alarm stands" not in operator.get("/review/").content.decode()
    assert "1</b>" in operator.get("/review/").content.decode()
    assert [entry.to_status for entry in AuditEntry.objects.filter(target_id=seal.pk)] == ["noted"]


def test_an_officer_holds_a_requesters_further_work_and_lets_it_go_again(
    world: DeskWorld, olga: Visitor, omar: Visitor, seal: Seal
) -> None:
    olga.post(page(seal, "hold"), reason=OFFICERS_REASON)
    hold = RequesterHold.objects.get()

    assert "further work is held" in omar.get(page(seal)).content.decode()
    generation_id, _ = world.one("waiting")
    world.settle_prompt(world.lease("prompt", generation_id), "allow")
    assert world.generation(generation_id).held_why == "requester"

    assert omar.post(f"/review/sealed/requesters/{hold.pk}/let-go", reason="enough").status_code == 409
    omar.post(f"/review/sealed/requesters/{hold.pk}/let-go", reason=OFFICERS_REASON)
    assert RequesterHold.objects.get().status == "lifted"
    kept = AuditPrivate.objects.filter(audit_id__in=AuditEntry.objects.filter(target_id=hold.pk).values("id"))
    assert set(kept.filter(field="reason").values_list("audience", flat=True)) == {"officer"}


def test_an_officer_seals_what_nothing_matched(world: DeskWorld, olga: Visitor) -> None:
    (case,) = world.held_images(1)

    assert olga.post("/review/sealed/seal", generation="none", reason=OFFICERS_REASON).status_code == 400
    assert olga.post("/review/sealed/seal", generation=case.generation_id, reason="why not").status_code == 409
    assert olga.post("/review/sealed/seal", generation=uuid.uuid4(), reason=OFFICERS_REASON).status_code == 404
    olga.post("/review/sealed/seal", generation=case.generation_id, reason=OFFICERS_REASON)

    assert world.statuses(case.generation_id) == ("blocked", ["sealed"])


def test_a_reviewer_seals_what_they_suspect_and_nobody_has_to_see_it_again(world: DeskWorld, rita: Visitor) -> None:
    first, _ = world.held_images(2)
    case_id = rita.take()
    assert case_id is not None
    form = rita.form(case_id)

    stale = rita.post(f"/review/cases/{case_id}/seal", token=uuid.uuid4(), version=form["version"])
    assert stale.status_code == 409
    assert not Seal.objects.exists()

    rita.post(f"/review/cases/{case_id}/seal", token=form["token"], version=form["version"])

    assert world.statuses(first.generation_id) == ("blocked", ["sealed", "sealed"])
    assert Seal.objects.get().why == "reviewer"
    assert rita.take() is None
    for path in ("", "blurred"):
        assert rita.get(f"/review/cases/{case_id}/{path}").status_code == 409
