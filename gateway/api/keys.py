"""API keys: how one looks, how it is checked, and what it may do.

`impr_live_<public id>_<secret>_<check>`: the prefix lets secret scanners find a leaked key, the check (CRC-32 of all
before it) tells a typing error without asking anybody, and the secret, 190 random bits, needs no slow hash. The
database holds HMAC-SHA256(pepper, secret): without the pepper's file a stolen table is worth nothing.
"""

import hashlib
import hmac
import logging
import re
import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import DatabaseError, connection
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gateway.api.refusals import ApiKeyMalformedError, ForbiddenError, UnauthenticatedError
from gateway.configuration import ConfigurationError
from gateway.models import ApiKey
from gateway.models.fields import TransactionNow

if TYPE_CHECKING:  # DRF's views import this module by its setting
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
KEY = re.compile(r"(impr_live_([0-9A-Za-z]{12})_([0-9A-Za-z]{32}))_([0-9A-Za-z]{6})")
MAX_KEY_LENGTH = 100

SCOPES: Mapping[str, str] = {
    "generate": "ask for pictures",
    "read": "read generations, released pictures and models",
    "cancel": "end a generation",
    "delete": "erase a generation, withdraw a picture",
    "audit": "export the organization's audit entries",
}
USED_EVERY_S = 60


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A well-formed key, taken apart."""

    public_id: str
    secret: str


def mint() -> tuple[str, KeyParts]:
    """A fresh key, to be shown once, and its parts, of which the secret is kept only as `fingerprint`."""
    public_id = "".join(secrets.choice(BASE62) for _ in range(12))
    secret = "".join(secrets.choice(BASE62) for _ in range(32))
    text = f"impr_live_{public_id}_{secret}"
    return f"{text}_{_check(text)}", KeyParts(public_id, secret)


def parse(text: str) -> KeyParts:
    """The parts of a key, checked without asking anybody.

    Raises:
        ApiKeyMalformedError: it has another form, or its check says that a character is wrong.
    """
    match = KEY.fullmatch(text)
    if match is None:
        raise ApiKeyMalformedError(
            "this is not an API key: impr_live_, 12 characters, _, 32 characters, _, 6 characters"
        )
    if not hmac.compare_digest(_check(match[1]), match[4]):
        raise ApiKeyMalformedError("the API key has a typing error: its last six characters do not fit the others")
    return KeyParts(public_id=match[2], secret=match[3])


def fingerprint(secret: str) -> bytes:
    """HMAC-SHA256 of a secret under the installation's pepper: 32 bytes, what the record keeps."""
    return hmac.digest(
        _file_secret(settings.CONFIGURATION.api_key_pepper_file, "api_key_pepper"), secret.encode(), "sha256"
    )


def requester_of(organization_id: object, user: str) -> str:
    """The pseudonym of a client's own user: the same for the same words, and nothing to read them from."""
    key = _file_secret(settings.CONFIGURATION.requester_key_file, "requester_key")
    return "user:" + hmac.digest(key, f"{organization_id}\0{user}".encode(), "sha256").hex()


@cache
def _file_secret(path: Path | None, name: str) -> bytes:
    if path is None:
        raise ConfigurationError(f"IMPRIMATUR_{name.upper()}_FILE must be set for this process")
    secret = path.read_bytes().strip()
    if len(secret) < 16:
        raise ConfigurationError(f"{path}: at least 16 bytes are needed, there are {len(secret)}")
    return secret


def _check(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`, and no other way in. `request.auth` is then the ApiKey with its organization."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        words = get_authorization_header(request).split()
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != b"bearer" or len(words[1]) > MAX_KEY_LENGTH:
            raise UnauthenticatedError("the header must read: Authorization: Bearer <API key>", field="Authorization")
        parts = parse(words[1].decode("ascii", errors="replace"))
        key = _find(parts)
        _note_use(key)
        return None, key

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        return 'Bearer realm="Imprimatur"'


def _find(parts: KeyParts) -> ApiKey:
    key = (
        ApiKey.objects.select_related("organization")
        .annotate(checked_at=TransactionNow())
        .filter(public_id=parts.public_id)
        .first()
    )
    # One comparison in every case: how long the answer takes does not tell whether the public id exists.
    expected = bytes(key.secret_hmac) if key is not None else hashlib.sha256(b"nobody's").digest()
    matches = hmac.compare_digest(expected, fingerprint(parts.secret))
    if key is None or not matches:
        raise UnauthenticatedError("there is no such API key", field="Authorization")
    if key.revoked_at is not None:
        raise UnauthenticatedError("this API key is revoked", field="Authorization")
    if key.expires_at is not None and key.expires_at <= key.checked_at:
        raise UnauthenticatedError("this API key has expired", field="Authorization", value=key.expires_at.isoformat())
    return key


def _note_use(key: ApiKey) -> None:
    """Write `last_used_at`, at most once a minute, waiting for nobody and failing for nothing."""
    checked_at = key.checked_at  # type: ignore[attr-defined]  # annotated by _find
    if key.last_used_at is not None and (checked_at - key.last_used_at).total_seconds() < USED_EVERY_S:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE api_key SET last_used_at = now() WHERE id = (SELECT id FROM api_key WHERE id = %s "
                "AND (last_used_at IS NULL OR last_used_at <= now() - make_interval(secs => %s)) "
                "FOR NO KEY UPDATE SKIP LOCKED)",
                [key.pk, USED_EVERY_S],
            )
    except DatabaseError:
        logger.warning("last_used_at of an API key was not written", exc_info=True)


class HasScope(BasePermission):
    """Lets through what the key's scopes name. A view that declares no scope for a method is closed to everybody."""

    METHODS_LIKE: ClassVar[Mapping[str, str]] = {"HEAD": "GET"}

    def has_permission(self, request: Request, view: "APIView") -> bool:
        method = request.method or ""
        if not isinstance(request.auth, ApiKey):
            raise UnauthenticatedError("an API key is needed: Authorization: Bearer <API key>", field="Authorization")
        if method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
            return True  # answered with 405
        declared: Mapping[str, str] = getattr(view, "scopes", {})
        scope: Any = declared.get(self.METHODS_LIKE.get(method, method))
        if scope is None:
            raise ForbiddenError("no scope opens this", field="scope")
        if scope not in request.auth.scopes:
            raise ForbiddenError(
                f"this API key lacks the scope {scope!r}", field="scope", value=sorted(request.auth.scopes), limit=scope
            )
        return True
