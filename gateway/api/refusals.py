"""What only the clients' door refuses; the errors of the record itself are in gateway/errors.py."""

from gateway.errors import GatewayError


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
