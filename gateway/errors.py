"""Errors a client or a person can see, each with a stable code and a status; gateway/api/errors.py shapes the JSON.

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


class AccessRefusedError(GatewayError):
    """Two people, a written reason and an open time box are needed; the message says which is missing."""

    code = "access_refused"
    http_status = 409
    title = "Not opened"
