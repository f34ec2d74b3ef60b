"""Every problem a client can be told of: what it means and what to do. The pages under /problems/ show this."""

from dataclasses import dataclass

from gateway import errors
from gateway.api import refusals
from gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Explanation:
    """One problem, for people."""

    code: str
    http_status: int
    title: str
    meaning: str
    advice: str


_ADVICE: dict[type[GatewayError], str] = {
    errors.NotFoundError: "Check the address and the id. What belongs to another organization, and a picture that is "
    "not released, is answered in the same way as what does not exist.",
    errors.StaleStatusError: "Read the resource again; if you still want the change, ask again.",
    errors.NotCancelableError: "Nothing is left to end: read the generation to see how it ended.",
    errors.NotWithdrawableError: "Only a released picture can be withdrawn. Cancel or erase its generation instead.",
    errors.IdempotencyKeyReusedError: "Use a new Idempotency-Key for every new request, and the old one only to repeat "
    "exactly the same request.",
    errors.TooMuchUnfinishedError: "Wait until some of your organization's generations have ended, or cancel some. "
    "Retry-After says when it is worth trying again.",
    errors.OverloadedError: "The whole gate is full. Try again after Retry-After, with the same Idempotency-Key.",
    refusals.InvalidRequestError: "errors names each field that is wrong, the value that came and what is allowed. "
    "GET /v1/models has every model's limits.",
    refusals.InvalidQueryError: "errors names each query parameter that is wrong or unknown, and what is allowed.",
    refusals.InvalidJsonError: "Send one JSON object in UTF-8, each name once, with no NaN, no lone surrogates and no "
    "deep nesting.",
    refusals.BadRequestError: "A header, the host or the path is malformed; errors names it where it is known.",
    refusals.BodyTooLargeError: "No valid request is this large. Shorten the prompt.",
    refusals.LengthRequiredError: "Send the body whole, with Content-Length, not in chunks.",
    refusals.UnsupportedMediaTypeError: "Send Content-Type: application/json.",
    refusals.MethodNotAllowedError: "The Allow header names the methods of this address.",
    refusals.UnauthenticatedError: "Send Authorization: Bearer and an API key that is neither revoked nor expired. "
    "Keys are made by the operator, are shown once, and cannot be shown again.",
    refusals.ApiKeyMalformedError: "The last six characters of a key are a check of the others: copy it again, whole.",
    refusals.ForbiddenError: "Ask the operator for a key with the scope that errors names.",
    refusals.UnavailableError: "Nothing was changed. Try again after Retry-After, with the same Idempotency-Key.",
    refusals.NotReadyError: "Some part is still starting or has stopped; missing names it. Accepted requests wait.",
    refusals.ImageDamagedError: "Bytes that are not exactly those that were released are never served. Tell the "
    "operator the image's id.",
    refusals.InternalError: "This is a fault of the gate, not of your request. Tell the operator when it happened.",
}

EXPLANATIONS: dict[str, Explanation] = {
    kind.code: Explanation(kind.code, kind.http_status, kind.title, (kind.__doc__ or "").strip(), advice)
    for kind, advice in sorted(_ADVICE.items(), key=lambda item: (item[0].http_status, item[0].code))
}
