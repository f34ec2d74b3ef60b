"""Errors a client or a person can see, each with a stable code and an HTTP status; gateway/api/errors.py shapes the JSON.

`extra` holds the machine-readable parts (field, value, limit). A message never holds a prompt, a threshold or a key.
"""

from typing import Any, ClassVar


class GatewayError(Exception):
    """The root of them all."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class StaleStatusError(GatewayError):
    """Somebody else moved this row first; read it again."""

    code = "stale_status"
    http_status = 409
    title = "Somebody else was first"


class NotFoundError(GatewayError):
    """There is nothing of this id for this caller: absent, another tenant's, or not released."""

    code = "not_found"
    http_status = 404
    title = "Not found"


class NotCancelableError(GatewayError):
    """Nothing of this generation can still be ended."""

    code = "not_cancelable"
    http_status = 409
    title = "Too late to cancel"


class NotWithdrawableError(GatewayError):
    """Only a released image can be withdrawn."""

    code = "not_withdrawable"
    http_status = 409
    title = "Not released"


class IdempotencyKeyReusedError(GatewayError):
    """This Idempotency-Key was used with another body."""

    code = "idempotency_key_reused"
    http_status = 422
    title = "Idempotency key reused"


class TooMuchUnfinishedError(GatewayError):
    """The organization has as much under way as it may."""

    code = "too_much_unfinished"
    http_status = 429
    title = "Too much unfinished work"


class OverloadedError(GatewayError):
    """The whole gate has as much under way as it takes."""

    code = "overloaded"
    http_status = 503
    title = "Overloaded"


class DecisionRefusedError(GatewayError):
    """A rule stands against this decision; the message says which."""

    code = "decision_refused"
    http_status = 409
    title = "Decision refused"


class ClaimLostError(GatewayError):
    """The lease on this case is over or somebody else's."""

    code = "claim_lost"
    http_status = 409
    title = "Claim lost"


class SealRefusedError(GatewayError):
    """This generation is sealed already, or is not."""

    code = "seal_refused"
    http_status = 409
    title = "Seal refused"


class InvalidRequestError(GatewayError):
    """Fields that are missing, unknown, or out of their limits; `errors` names each."""

    code = "invalid_request"
    http_status = 422
    title = "Invalid request"


class InvalidQueryError(GatewayError):
    """A query parameter that is unknown or out of its limits; `errors` names each."""

    code = "invalid_query"
    http_status = 400
    title = "Invalid query"


class InvalidJsonError(GatewayError):
    """The body is not one JSON object that every reader reads alike."""

    code = "invalid_json"
    http_status = 400
    title = "Not JSON"


class BadRequestError(GatewayError):
    """The request itself is malformed: its host, its headers, its path."""

    code = "bad_request"
    http_status = 400
    title = "Bad request"


class BodyTooLargeError(GatewayError):
    """The body is larger than any request can be."""

    code = "body_too_large"
    http_status = 413
    title = "Body too large"


class LengthRequiredError(GatewayError):
    """The body came without Content-Length."""

    code = "length_required"
    http_status = 411
    title = "Length required"


class UnsupportedMediaTypeError(GatewayError):
    """Another kind of body than the one this takes."""

    code = "unsupported_media_type"
    http_status = 415
    title = "Unsupported media type"


class MethodNotAllowedError(GatewayError):
    """There is something at this address, and it does not take this method."""

    code = "method_not_allowed"
    http_status = 405
    title = "Method not allowed"


class UnauthenticatedError(GatewayError):
    """No API key, or one that is unknown, revoked or expired."""

    code = "unauthenticated"
    http_status = 401
    title = "API key needed"


class ApiKeyMalformedError(UnauthenticatedError):
    """The API key has a typing error; no database was asked."""

    code = "api_key_malformed"
    title = "API key malformed"


class ForbiddenError(GatewayError):
    """The API key is good and lacks the scope."""

    code = "forbidden"
    http_status = 403
    title = "Scope missing"


class UnavailableError(GatewayError):
    """The record or a store does not answer; nothing was changed. Try again."""

    code = "unavailable"
    http_status = 503
    title = "Unavailable"


class NotReadyError(GatewayError):
    """Some part of the gate is not there yet."""

    code = "not_ready"
    http_status = 503
    title = "Not ready"


class ImageDamagedError(GatewayError):
    """The released file is missing or not the one that was released; it is not served."""

    code = "image_damaged"
    http_status = 500
    title = "Image damaged"


class InternalError(GatewayError):
    """A fault of ours; the log has it."""

    code = "internal"
    http_status = 500
    title = "Internal error"
