"""Who may come in at the people's door, and to what. A page that names no role opens for nobody.

A second factor is asked for from the first sign-in on, except of the accounts that `up` made in its own database. A
session ends after 15 minutes without use, after 8 hours in any case, and at once when its account is disabled.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from gateway.audit.log import Actor, record
from gateway.models import Role, User
from review import claims

View = Callable[..., HttpResponse]

IDLE_S = 15 * 60
LONGEST_S = 8 * 3600
FRESH_S = 5 * 60  # how long a confirmed identity counts for sealed work
UNATTENDED = "X-Imprimatur-Unattended"  # of requests that a page makes by itself: nobody uses the session by them
NOTED_EVERY_S = 60  # how finely a session's last use is known: not every request writes its session

EVERYONE = "everyone"
SIGNED_IN = "signed in"
REVIEWERS = (Role.REVIEWER, Role.SENIOR)
READERS = (Role.REVIEWER, Role.SENIOR, Role.AUDITOR)


class NoSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Only `manage.py create_user` makes accounts. Sign-ins are logged; signing out gives back what was claimed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Whoever signed in a moment ago is not asked for the same password again to set up a second factor."""
        signed_in_for_s = time.time() - self.request.session.get("began_at", 0.0)
        if signed_in_for_s < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
            return False
        return bool(super().is_reauthentication_required(app=app))

    def post_login(self, request: HttpRequest, user: User, **rest: Any) -> HttpResponse:
        with transaction.atomic():
            record(
                kind="person", target=user.pk, was=None, to="signed_in", action="person.signed_in",
                actor=Actor("person", user.pk),
            )  # fmt: skip
        request.session["began_at"] = time.time()
        return cast(HttpResponse, super().post_login(request, user, **rest))

    def logout(self, request: HttpRequest) -> None:
        if request.user.is_authenticated:
            claims.drop(request.user.pk)
        super().logout(request)


def person(request: HttpRequest) -> User:
    """Who asks; only for views that `requires` or `signed_in` guards."""
    return cast(User, request.user)


def requires(*roles: Role) -> Callable[[View], View]:
    """A view for these roles alone; others get 403, strangers the sign-in page."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if request.user.role not in roles:
                return render(request, "review/not_for_you.html", {"roles": roles}, status=403)
            return view(request, *args, **kwargs)

        return _open_to(guarded, frozenset(roles))

    return guard


def signed_in(view: View) -> View:
    """A view for every person with an account, whatever their role."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return _open_to(guarded, SIGNED_IN)


def is_fresh(request: HttpRequest) -> bool:
    """Whether this person has just proved anew who they are: by their second factor, or where `up` made the account
    and it has none, by its password. Signing in does not count; it may have been somebody else's doing.
    """
    method = "mfa" if is_mfa_enabled(request.user) else "password"
    return any(
        each["method"] == method and each.get("reauthenticated") and time.time() - each["at"] < FRESH_S
        for each in get_authentication_records(request, request.user)
    )


def to_confirm(request: HttpRequest, back_to: str) -> HttpResponse:
    """To where this person proves anew who they are, and from there to `back_to`."""
    name = "mfa_reauthenticate" if is_mfa_enabled(request.user) else "account_reauthenticate"
    return redirect(f"{reverse(name)}?{urlencode({REDIRECT_FIELD_NAME: back_to})}")


def everyone(view: View) -> View:
    """A view for strangers too: what is needed to sign in, and whether the process lives."""

    @wraps(view)
    def unguarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs)

    return _open_to(unguarded, EVERYONE)


def without_second_factor(view: View) -> View:
    """Also open to a person who has yet to set up a second factor."""
    view.without_second_factor = True  # type: ignore[attr-defined]
    return view


def _open_to(view: View, whom: frozenset[Role] | str) -> View:
    view.open_to = whom  # type: ignore[attr-defined]
    return view


class SecondFactorMiddleware:
    """Ends sessions that are over, sends people without a second factor to set one up, closes what nobody opened."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            if request.user.is_authenticated and self._is_over(request):
                logout(request)
                return redirect_to_login(request.get_full_path() if request.method == "GET" else "/review/")
        except (OperationalError, InterfaceError):
            return _unavailable(request)
        response = self._get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def process_view(self, request: HttpRequest, view: View, *_arguments: object) -> HttpResponse | None:
        whom = getattr(view, "open_to", None)
        if whom is None:
            raise PermissionDenied
        if whom == EVERYONE or not request.user.is_authenticated or getattr(view, "without_second_factor", False):
            return None
        if request.user.made_by_up or is_mfa_enabled(request.user):
            return None
        return redirect("mfa_activate_totp")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _unavailable(request) if isinstance(error, OperationalError | InterfaceError) else None

    def _is_over(self, request: HttpRequest) -> bool:
        session, now = request.session, time.time()
        began_at = session.setdefault("began_at", now)
        used_at = session.setdefault("used_at", now)
        if now - used_at > IDLE_S or now - began_at > LONGEST_S:
            return True
        if now - used_at > NOTED_EVERY_S and UNATTENDED not in request.headers:
            session["used_at"] = now
        return False


def _unavailable(request: HttpRequest) -> HttpResponse:
    """The record does not answer: nothing was done, nothing is shown."""
    response = render(request, "review/unavailable.html", {"user": None}, status=503)
    response.headers["Retry-After"] = "5"
    return response
