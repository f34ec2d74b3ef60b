"""The one place that shapes an error: RFC 9457 problems, each with a stable code and a page that explains it.

Nothing of a fault's inside leaves: no message of a driver, no statement, no traceback. Values that a client sent are
shown back shortened, and those of a prompt never.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as rest

from gateway.api.refusals import (
    BadRequestError,
    ForbiddenError,
    ImageDamagedError,
    InternalError,
    InvalidQueryError,
    InvalidRequestError,
    MethodNotAllowedError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaTypeError,
)
from gateway.delivery.quarantine import IntegrityError
from gateway.delivery.stores import StoreError
from gateway.errors import GatewayError, NotFoundError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S: Mapping[str, int] = {"too_much_unfinished": 5, "overloaded": 10, "unavailable": 2, "not_ready": 2}
MAX_ECHO = 100
_Refusal = TypeVar("_Refusal", bound=GatewayError)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field: its name, the value that came (shortened), what is allowed, and a sentence."""

    code: str
    field: str
    message: str
    value: Any = None
    limit: Any = None

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "field": self.field,
            "value": echo(self.value),
            "limit": self.limit,
            "message": self.message,
        }


def echo(value: Any) -> Any:
    """A client's value as it is shown back: short, and of arrays and objects only the kind."""
    if isinstance(value, str):
        return value if len(value) <= MAX_ECHO else value[:MAX_ECHO] + "…"
    if isinstance(value, Mapping):
        return "(object)"
    if isinstance(value, list | tuple):
        return "(array)"
    # A number of thousands of digits is as long as a text.
    return value if isinstance(value, bool | float) or value is None or abs(value) < 10**20 else "(number)"


def invalid_request(problems: Iterable[FieldProblem]) -> InvalidRequestError:
    """The refusal of a body for these fields."""
    return _of(InvalidRequestError, problems)


def invalid_query(*problems: FieldProblem) -> InvalidQueryError:
    """The refusal of a query for these parameters."""
    return _of(InvalidQueryError, problems)


def _of(kind: type[_Refusal], problems: Iterable[FieldProblem]) -> _Refusal:
    found = list(problems)
    return kind("; ".join(problem.message for problem in found), errors=[problem.as_json() for problem in found])


def problem_document(error: GatewayError) -> dict[str, Any]:
    """The JSON of an error: RFC 9457's members, `code`, and `errors` with field, value and limit of each."""
    extra = dict(error.extra)
    errors = extra.pop("errors", None)
    if errors is None:
        errors = []
        if "field" in extra:
            errors = [
                FieldProblem(
                    code=error.code, field=extra.pop("field"), value=extra.pop("value", None),
                    limit=extra.pop("limit", None), message=error.message,
                ).as_json()
            ]  # fmt: skip
    return {
        "type": f"{settings.CONFIGURATION.public_url.rstrip('/')}/problems/{error.code}",
        "title": error.title,
        "status": error.http_status,
        "detail": error.message,
        "code": error.code,
        "errors": errors,
        **extra,
    }


def problem(error: GatewayError, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The response that tells a client of an error."""
    response = HttpResponse(
        json.dumps(problem_document(error), default=str).encode(), status=error.http_status, content_type=CONTENT_TYPE
    )
    response["Cache-Control"] = "no-store"
    if error.code in RETRY_AFTER_S:
        response["Retry-After"] = str(RETRY_AFTER_S[error.code])
    if error.http_status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Imprimatur"'
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def problem_response(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's exception handler: whatever a view raised, as a problem."""
    request = context.get("request")
    method = getattr(request, "method", "")
    headers = {}
    if isinstance(error, rest.MethodNotAllowed):
        view = context.get("view")
        headers["Allow"] = ", ".join(getattr(view, "allowed_methods", []))
    return problem(translate(error, method=method), headers=headers)


_NEEDS_KEY = "an API key is needed: Authorization: Bearer <API key>"


def translate(error: Exception, *, method: str = "") -> GatewayError:
    """The error a client may see for one that happened; what is a fault of ours is logged."""
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, Http404):
        return NotFoundError("there is nothing here")
    if isinstance(error, rest.APIException):
        return _of_the_framework(error, method)
    return _fault(error)


def _of_the_framework(error: rest.APIException, method: str) -> GatewayError:
    said: GatewayError
    match error:
        case rest.MethodNotAllowed():
            said = MethodNotAllowedError(f"{method} is not allowed here", field="method", value=method)
        case rest.NotFound():
            said = NotFoundError("there is nothing here")
        case rest.UnsupportedMediaType():
            said = UnsupportedMediaTypeError(
                "the body must be application/json, in UTF-8", field="Content-Type", limit="application/json"
            )
        case rest.NotAuthenticated() | rest.AuthenticationFailed():
            said = UnauthenticatedError(_NEEDS_KEY, field="Authorization")
        case rest.PermissionDenied():
            said = ForbiddenError("no scope opens this", field="scope")
        case _:
            said = BadRequestError("the request is malformed") if error.status_code < 500 else _fault(error)
    return said


def _fault(error: Exception) -> GatewayError:
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("the record does not answer", exc_info=error)
        return UnavailableError("the record does not answer just now; nothing was changed")
    if isinstance(error, IntegrityError):
        logger.error("a released file is missing or of another hash", exc_info=error)
        return ImageDamagedError("the released file is not the one that was released; the operator has been told")
    if isinstance(error, StoreError):
        logger.warning("the released store does not answer", exc_info=error)
        return UnavailableError("the store does not answer just now")
    if isinstance(error, DjangoValidationError):
        logger.error("a value reached a model unchecked", exc_info=error)
        return InternalError("something went wrong here; the operator's log has it")
    logger.error("a request failed", exc_info=error)
    return InternalError("something went wrong here; the operator's log has it")


# Django's own way to an error, for what no view of ours took; it names the arguments.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return problem(BadRequestError("the request is malformed"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return problem(ForbiddenError("no scope opens this"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return problem(NotFoundError("there is nothing here"))


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    return problem(InternalError("something went wrong here; the operator's log has it"))
