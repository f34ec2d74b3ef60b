"""Who may come in, to what, and for how long."""

import re
import time
import uuid
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver

from gateway.models import AuditEntry, Case, Role, User
from review.access import EVERYONE, IDLE_S, LONGEST_S, SIGNED_IN, SecondFactorMiddleware
from tests.review.desk_world import PASSWORD, DeskWorld
from tests.review.visitor import Visitor

NOBODY = uuid.UUID(int=0)
REVIEWING = {"take", "renew", "case", "blurred", "reveal", "look", "decide", "undo", "seal_case"}
OWN = {"break", "day", "settings", "export_keys", "begin_break", "keys", "import_keys"}
OFFICERS = {
    "seal", "let_go", "sealed_item", "sealed_note", "sealed_ask", "sealed_agree", "sealed_end", "sealed_hold",
    "sealed_wrapped", "sealed_words", "sealed_view", "sealed_lift",
}  # fmt: skip
SEARCHES = {"save_search", "rename_search", "delete_search"}
SENIORS = {"bulk", "bulk_deny", "bulk_batch", "bulk_undo"}
KNOWN = {"known", "retire_known"}
READ = {
    "review", "decisions", "case", "blurred", "sealed_item", "break", "day", "settings", "export_keys", "bulk",
    "bulk_batch", "known",
}  # fmt: skip
ALL = REVIEWING | OWN | OFFICERS | SEARCHES | SENIORS | KNOWN | {"review", "decisions", "export_decisions"}
SignIn = Callable[..., Visitor]


def patterns() -> list[URLPattern]:
    return [pattern for pattern in get_resolver("review.urls").url_patterns if isinstance(pattern, URLPattern)]


def address(pattern: URLPattern) -> str:
    return "/" + re.sub(r"<uuid:\w+>", str(NOBODY), str(pattern.pattern))


@pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
def test_every_page_says_whom_it_is_open_to(pattern: URLPattern) -> None:
    whom = getattr(pattern.callback, "open_to", None)

    assert whom in (EVERYONE, SIGNED_IN) or (isinstance(whom, frozenset) and whom <= set(Role))


def test_a_page_that_says_nothing_is_closed() -> None:
    def forgotten(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("content")

    middleware = SecondFactorMiddleware(forgotten)

    with pytest.raises(PermissionDenied):
        middleware.process_view(RequestFactory().get("/"), forgotten, (), {})


@pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
def test_a_stranger_gets_no_further_than_signing_in(world: DeskWorld, pattern: URLPattern) -> None:
    if pattern.callback.open_to == EVERYONE:
        assert pattern.name not in ALL | {"sealed"}
        return
    for ask in (Client().get, Client().post):
        response = ask(address(pattern))
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("role", Role.values)
def test_each_role_opens_its_own_pages_and_no_others(sign_in: SignIn, role: str) -> None:
    visitor = sign_in("somebody", role)
    refused = set()
    for pattern in patterns():
        if pattern.name in ALL:
            ask = visitor.get if pattern.name in READ else visitor.post
            if ask(address(pattern)).status_code == 403:
                refused.add(pattern.name)

    assert (
        refused
        == {
            Role.REVIEWER: OFFICERS | SENIORS | KNOWN | {"export_decisions"},
            Role.SENIOR: OFFICERS | {"export_decisions"},
            Role.AUDITOR: REVIEWING | OWN | OFFICERS | SENIORS | {"retire_known"},
            Role.OFFICER: ALL - OFFICERS - KNOWN - {"review"},
            Role.OPERATOR: ALL - {"review"},
        }[Role(role)]
    )


def test_a_person_without_a_second_factor_is_sent_to_set_one_up(sign_in: SignIn) -> None:
    visitor = sign_in(made_by_up=False)

    for path in ("/review/", "/review/decisions", f"/review/cases/{NOBODY}/"):
        assert visitor.get(path).headers["Location"] == "/accounts/2fa/totp/activate/"
    assert visitor.post("/review/next").headers["Location"] == "/accounts/2fa/totp/activate/"
    assert visitor.get("/accounts/2fa/totp/activate/").status_code == 200


def test_an_account_that_up_made_goes_without_and_the_page_says_so(rita: Visitor) -> None:
    assert "without a second factor" in rita.get("/review/").content.decode()


def test_once_set_up_the_second_factor_is_asked_for_at_every_sign_in(sign_in: SignIn) -> None:
    visitor = sign_in(made_by_up=False)
    page = visitor.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r"<code>([A-Z2-7]{16,})</code>", page)
    assert secret is not None
    counter = next(iter(yield_hotp_counters_from_time()))
    code = format_hotp_value(hotp_value(secret[1], counter))

    done = visitor.post("/accounts/2fa/totp/activate/", code=code)
    assert done.headers["Location"] == "/accounts/2fa/recovery-codes/"
    assert visitor.get("/review/").status_code == 200

    again = Visitor(visitor.user)
    assert again.sign_in().headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert again.get("/review/").headers["Location"].startswith("/accounts/login/")
    assert again.post("/accounts/2fa/authenticate/", code="000000").status_code == 200
    assert again.get("/review/").headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(("stamp", "limit_s"), [("used_at", IDLE_S), ("began_at", LONGEST_S)])
def test_a_session_ends_after_its_time_and_not_before(rita: Visitor, stamp: str, limit_s: float) -> None:
    def age(seconds: float) -> None:
        session = rita.client.session
        session[stamp] = time.time() - seconds
        session.save()

    age(limit_s - 5)
    assert rita.get("/review/").status_code == 200
    age(limit_s + 1)
    assert rita.get("/review/").headers["Location"] == "/accounts/login/?next=/review/"
    assert rita.get("/review/").status_code == 302


def test_a_disabled_person_is_out_at_once(rita: Visitor) -> None:
    assert rita.get("/review/").status_code == 200

    User.objects.filter(pk=rita.user.pk).update(is_active=False)

    assert rita.get("/review/").status_code == 302
    assert rita.post("/review/next").headers["Location"].startswith("/accounts/login/")
    assert Visitor(rita.user).sign_in().headers.get("Location") != "/review/"


def test_a_changed_role_counts_at_once(rita: Visitor) -> None:
    User.objects.filter(pk=rita.user.pk).update(role="operator")

    assert rita.post("/review/next").status_code == 403


def test_a_wrong_password_signs_nobody_in(world: DeskWorld) -> None:
    visitor = Visitor(world.account("rita"))

    response = visitor.post("/accounts/login/", login="rita", password=f"not {PASSWORD}")

    assert response.status_code == 200
    assert "not correct" in response.content.decode()
    assert visitor.get("/review/").status_code == 302


def test_nobody_signs_up(world: DeskWorld) -> None:
    for ask in (Client().get, Client().post):
        assert ask("/accounts/signup/").status_code in (404, 405)


def test_a_sign_in_is_logged(sign_in: SignIn) -> None:
    visitor = sign_in()

    assert [entry.to_status for entry in AuditEntry.objects.filter(target_id=visitor.user.pk)] == ["signed_in"]


def test_signing_out_gives_back_what_was_claimed(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(2)
    assert rita.take() is not None

    rita.post("/accounts/logout/")

    assert not Case.objects.filter(lease_user__isnull=False).exists()
    assert rita.get("/review/").status_code == 302


def test_healthz_asks_the_database_nothing() -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_pages_forbid_inline_scripts_and_styles_and_have_none(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(2)
    case_id = rita.take()
    for path in ("/review/", f"/review/cases/{case_id}/", "/review/decisions", "/accounts/2fa/totp/activate/"):
        response = rita.get(path)
        policy, text = response.headers["Content-Security-Policy"], response.content.decode()
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path


@pytest.mark.parametrize("name", sorted((REVIEWING | OWN | SEARCHES) - READ))
def test_nothing_changes_by_get(rita: Visitor, name: str) -> None:
    pattern = next(each for each in patterns() if each.name == name)

    assert rita.get(address(pattern)).status_code == 405


def test_a_form_from_elsewhere_is_refused(world: DeskWorld, rita: Visitor) -> None:
    world.held_prompt("one")
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.cookies = rita.client.cookies

    assert elsewhere.post("/review/next").status_code == 403
    assert not Case.objects.filter(lease_user__isnull=False).exists()


def test_without_its_database_the_door_says_so(world: DeskWorld, rita: Visitor) -> None:
    with world.record.admin() as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'people'")

        response = rita.get("/review/")

    assert response.status_code == 503
    assert "Nothing was recorded" in response.content.decode()
