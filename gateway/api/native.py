"""`/v1/generations`: ask, look, wait, list, end, erase."""

import threading
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, cast

from django.conf import settings
from django.db import connection
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import lifecycle, nudges
from gateway.api import schema
from gateway.api.errors import FieldProblem, invalid_query
from gateway.api.refusals import (
    BadRequestError,
    BodyTooLargeError,
    InvalidJsonError,
    InvalidRequestError,
    LengthRequiredError,
    UnsupportedMediaTypeError,
)
from gateway.api.requests import GenerationRequest, read_request
from gateway.api.resources import find_generation, generation_resource, generation_resources, generations_of
from gateway.api.schema import describe, header, query
from gateway.api.views import ApiView, actor_of, key_of, organization_of
from gateway.errors import (
    IdempotencyKeyReusedError,
    NotCancelableError,
    NotFoundError,
    OverloadedError,
    StaleStatusError,
    TooMuchUnfinishedError,
)
from gateway.models import UNFINISHED, Generation, GenerationStatus

MAX_WAIT_S = 30
RETRY_AFTER_S = 1
POLL_FIRST_S, POLL_MAX_S = 0.05, 0.5
MAX_PAGE, DEFAULT_PAGE = 100, 20
MAX_IDEMPOTENCY_KEY = 255
BODY_ERRORS = (
    BadRequestError,
    BodyTooLargeError,
    InvalidJsonError,
    InvalidRequestError,
    LengthRequiredError,
    UnsupportedMediaTypeError,
)


class Generations(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"POST": "generate", "GET": "read"}
    query_parameters: ClassVar[Mapping[str, tuple[str, ...]]] = {"GET": ("limit", "cursor", "status")}

    @describe(
        "Ask for pictures",
        "Answers at once; the pictures follow. With `Idempotency-Key` a retry gets the same generation, not a second.",
        operation="createGeneration", tag="Generations",
        scope="generate",
        request=GenerationRequest,
        responses={202: schema.Generation},
        errors=(
            *BODY_ERRORS, IdempotencyKeyReusedError, TooMuchUnfinishedError, OverloadedError,
        ),
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER,
                description="1 to 255 printable ASCII characters, new for each new request; kept for a week.",
            ),
            header("Location", "Where the generation is.", on=[202]),
            header("Retry-After", "Seconds until it is worth asking again.", on=[202, 429, 503]),
            header("Idempotency-Replayed", "`true`: the key was used before, for this.", on=[202]),
        ],
        examples=[
            OpenApiExample("smallest", value={"prompt": "a red apple on a white background"}, request_only=True),
            OpenApiExample(
                "whole",
                value={
                    "prompt": "a red apple on a white background", "negative_prompt": "blurry", "n": 2,
                    "size": "128x128", "steps": 12, "guidance_scale": 3.0, "seed": 7, "model": "pocket",
                    "output_format": "webp", "user": "customer-4711",
                },
                request_only=True,
            ),
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        key = key_of(request)
        idempotency_key = _idempotency_key(request)
        asked = read_request(cast("dict[str, Any]", request.data), key)
        generation_id, is_new = lifecycle.accept(asked, idempotency_key=idempotency_key)
        if is_new:
            nudges.nudge_on_commit("screening")
        generation = find_generation(generation_id, key.organization_id)
        headers = {"Location": f"/v1/generations/{generation_id}", **_retry_after(generation)}
        if not is_new:
            headers["Idempotency-Replayed"] = "true"
        return Response(generation_resource(generation), status=202, headers=headers)

    @describe(
        "List generations",
        "Newest first, in pages.",
        operation="listGenerations",
        tag="Generations",
        scope="read",
        responses={200: schema.GenerationPage},
        parameters=[
            query("limit", int, f"1 to {MAX_PAGE}; {DEFAULT_PAGE} if absent."),
            query("cursor", str, "`next_cursor` of the page before."),
            query("status", str, "Only those of this status.", enum=GenerationStatus.values),
        ],
    )
    def get(self, request: Request) -> Response:
        limit = _whole_number(request, "limit", default=DEFAULT_PAGE, low=1, high=MAX_PAGE)
        found = generations_of(organization_of(request)).order_by("-id")
        if (cursor := request.query_params.get("cursor")) is not None:
            found = found.filter(id__lt=_cursor(cursor))
        if (status := request.query_params.get("status")) is not None:
            if status not in GenerationStatus.values:
                known = list(GenerationStatus.values)
                raise invalid_query(
                    FieldProblem("unknown_value", "status", f"status must be one of {', '.join(known)}", status, known)
                )
            found = found.filter(status=status)
        page = list(found[: limit + 1])
        more = len(page) > limit
        shown = page[:limit]
        return Response({"data": generation_resources(shown), "next_cursor": str(shown[-1].pk) if more else None})


class OneGeneration(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"GET": "read", "DELETE": "delete"}
    query_parameters: ClassVar[Mapping[str, tuple[str, ...]]] = {"GET": ("wait",)}

    @describe(
        "Look at a generation",
        "With `wait` it answers when the status changes, or when the time is up; at once when nothing more can.",
        operation="getGeneration",
        tag="Generations",
        scope="read",
        responses={200: schema.Generation},
        errors=(NotFoundError,),
        parameters=[
            query("wait", int, f"Seconds to wait at most, 0 to {MAX_WAIT_S}."),
            header("Retry-After", "Seconds until it is worth asking again; absent once it has ended.", on=[200, 503]),
        ],
    )
    def get(self, request: Request, generation_id: uuid.UUID) -> Response:
        wait_s = _whole_number(request, "wait", default=0, low=0, high=MAX_WAIT_S)
        generation = find_generation(generation_id, organization_of(request))
        if wait_s and generation.status in UNFINISHED and _wait_for_change(generation, wait_s):
            generation = find_generation(generation_id, organization_of(request))
        return Response(generation_resource(generation), headers=_retry_after(generation))

    @describe(
        "Erase a generation",
        "Ends what can still end, withdraws what was released, erases prompt and pictures. The audit entries stay, and "
        "so does the generation, without its words. Erasing it again changes nothing.",
        operation="eraseGeneration",
        tag="Generations",
        scope="delete",
        responses={204: None},
        errors=(NotFoundError, StaleStatusError),
    )
    def delete(self, request: Request, generation_id: uuid.UUID) -> Response:
        find_generation(generation_id, organization_of(request))
        lifecycle.erase(generation_id, actor=actor_of(request))
        return Response(status=204)


class Cancellation(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"POST": "cancel"}

    @describe(
        "Cancel a generation",
        "Ends every picture of it that still can end, and answers with what it is then.",
        operation="cancelGeneration",
        tag="Generations",
        scope="cancel",
        responses={200: schema.Generation},
        errors=(NotFoundError, NotCancelableError, StaleStatusError),
    )
    def post(self, request: Request, generation_id: uuid.UUID) -> Response:
        find_generation(generation_id, organization_of(request))
        lifecycle.cancel(generation_id, actor=actor_of(request))
        return Response(generation_resource(find_generation(generation_id, organization_of(request))))


def _retry_after(generation: Generation) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_S)} if generation.status in UNFINISHED else {}


@cache
def _waiting() -> threading.BoundedSemaphore:
    """Half of the door's threads may wait; the others stay for those who do not."""
    return threading.BoundedSemaphore(max(1, settings.CONFIGURATION.door_threads // 2))


def _wait_for_change(generation: Generation, wait_s: float) -> bool:
    """Wait until the status changes or time is up; whether it did. No database connection is held while asleep.

    When too many wait already it returns at once: the client has Retry-After.
    """
    if not _waiting().acquire(blocking=False):
        return False
    try:
        ends_at = time.monotonic() + wait_s
        pause_s = POLL_FIRST_S
        while (left_s := ends_at - time.monotonic()) > 0:
            connection.close()
            time.sleep(min(pause_s, left_s))
            pause_s = min(POLL_MAX_S, pause_s * 1.5)
            if not Generation.objects.filter(pk=generation.pk, status=generation.status).exists():
                return True
        return False
    finally:
        _waiting().release()


def _idempotency_key(request: Request) -> str | None:
    key: str | None = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY or not all("!" <= character <= "~" for character in key):
        raise BadRequestError(
            f"Idempotency-Key must be 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters without blanks",
            field="Idempotency-Key", value=len(key), limit=MAX_IDEMPOTENCY_KEY,
        )  # fmt: skip
    return key


def _whole_number(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
        raise invalid_query(
            FieldProblem(
                "out_of_range", name, f"{name} must be a whole number between {low} and {high}", text, [low, high]
            )
        )
    return int(text)


def _cursor(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise invalid_query(
            FieldProblem("wrong_form", "cursor", "cursor must be a next_cursor that you were given", text)
        ) from None
