"""The shapes of what clients are sent, for OpenAPI 3.1 generated from the views, and the words for each operation."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from gateway.api.errors import CONTENT_TYPE, problem_document
from gateway.api.keys import SCOPES
from gateway.api.refusals import (
    ForbiddenError,
    InternalError,
    InvalidQueryError,
    UnauthenticatedError,
    UnavailableError,
)
from gateway.api.requests import OUTPUT_FORMATS
from gateway.errors import GatewayError
from gateway.models import GenerationStatus, ImageStatus

_View = TypeVar("_View", bound=Callable[..., Any])
SHOWN_IMAGE_STATUSES = [status for status in ImageStatus.values if status != ImageStatus.SEALED]
_ANYWHERE: tuple[type[GatewayError], ...] = (
    InvalidQueryError,
    UnauthenticatedError,
    ForbiddenError,
    UnavailableError,
    InternalError,
)


class Reason(serializers.Serializer[Any]):
    """Why something was refused or failed."""

    stage = serializers.CharField(help_text="Where: prompt, image, review, generation or delivery.")
    category = serializers.CharField(help_text="A category of the taxonomy, or `general`.")
    policy_version = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(help_text="policy, person or system.")
    appeal = serializers.CharField(help_text="What to do if it is wrong.")


class Image(serializers.Serializer[Any]):
    """One picture asked for. Its file is described from its release on."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(SHOWN_IMAGE_STATUSES)
    seed = serializers.IntegerField(min_value=0, max_value=2**53 - 1)
    url = serializers.URLField(required=False, help_text="Where the bytes are, for this organization's keys.")
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, help_text="Of the bytes at `url`.")
    content_type = serializers.CharField(required=False)
    width = serializers.IntegerField(required=False, help_text="Pixels.")
    height = serializers.IntegerField(required=False, help_text="Pixels.")
    size_bytes = serializers.IntegerField(required=False)
    reason = Reason(required=False)


class GenerationWarning(serializers.Serializer[Any]):
    """Something to know that is no error."""

    code = serializers.CharField()
    message = serializers.CharField()


class Generation(serializers.Serializer[Any]):
    """One accepted request, with what was made of it."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(GenerationStatus.values)
    model = serializers.CharField()
    prompt = serializers.CharField(allow_null=True, help_text="null once erased or past its time.")
    negative_prompt = serializers.CharField(allow_null=True)
    n = serializers.IntegerField(help_text="How many pictures were asked for.")
    size = serializers.CharField(help_text="WIDTHxHEIGHT in pixels.")
    steps = serializers.IntegerField()
    guidance_scale = serializers.FloatField()
    seed = serializers.IntegerField(min_value=0, max_value=2**53 - 1)
    output_format = serializers.ChoiceField(OUTPUT_FORMATS)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    erased_at = serializers.DateTimeField(allow_null=True)
    images = Image(many=True)
    reason = Reason(allow_null=True)
    warnings = GenerationWarning(many=True)


class GenerationPage(serializers.Serializer[Any]):
    """Generations, newest first."""

    data = Generation(many=True)  # type: ignore[assignment]  # a field, not Serializer.data
    next_cursor = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class ModelDefaults(serializers.Serializer[Any]):
    """What a request gets that does not say."""

    size = serializers.CharField()
    steps = serializers.IntegerField()
    guidance_scale = serializers.FloatField()


class ModelLimits(serializers.Serializer[Any]):
    """What a request may say; each pair is smallest and largest."""

    n = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    prompt_characters = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    size_px = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    size_multiple_px = serializers.IntegerField()
    steps = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    guidance_scale = serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2)


class Model(serializers.Serializer[Any]):
    """One model."""

    id = serializers.CharField()
    description = serializers.CharField()
    default = serializers.BooleanField(help_text="Whether a request gets it that names none.")
    served = serializers.BooleanField(help_text="Whether a live worker, its self-test passed, serves it now.")
    revision = serializers.CharField(allow_null=True)
    takes_negative_prompt = serializers.BooleanField()
    defaults = ModelDefaults()
    limits = ModelLimits()
    vocabulary = serializers.DictField(
        allow_null=True, help_text="What a model of few words can draw; null: it takes any prompt."
    )


class ModelList(serializers.Serializer[Any]):
    """Every model."""

    data = Model(many=True)  # type: ignore[assignment]  # likewise


class UsageTotal(serializers.Serializer[Any]):
    """What was charged: each picture once, when it was made."""

    images = serializers.IntegerField()
    units = serializers.IntegerField(help_text="Of the models' cost; a step of 64 x 64 pixels is one.")


class Health(serializers.Serializer[Any]):
    """That it lives, or is ready."""

    status = serializers.CharField()


class Readiness(serializers.Serializer[Any]):
    """That the gate can carry a request from end to end."""

    status = serializers.CharField()
    blind = serializers.ListField(
        child=serializers.CharField(),
        help_text="Checkers that did not know their canaries in some screening worker, which judges nothing meanwhile.",
    )


class FieldProblem(serializers.Serializer[Any]):
    """What is wrong with one field."""

    code = serializers.CharField()
    field = serializers.CharField()
    value = serializers.JSONField(help_text="What came, shortened.")
    limit = serializers.JSONField(help_text="What is allowed.")
    message = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """An error (RFC 9457). `code` is stable; `type` is a page that explains it."""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = FieldProblem(many=True)  # type: ignore[assignment]  # likewise


class _ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular has no types for it
    target_class = "gateway.api.keys.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 - its signature
        scopes = "; ".join(f"`{scope}`: {meaning}" for scope, meaning in SCOPES.items())
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "impr_live_…",
            "description": f"An API key of your organization. Scopes: {scopes}.",
        }


class _Closed(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # drf-spectacular has no types for it
    target_class = "gateway.api.fields.ClosedSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        shape = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001 - the documented way
        return {**shape, "additionalProperties": False}


def header(name: str, description: str, *, on: Sequence[int]) -> OpenApiParameter:
    """A header of the responses with these statuses."""
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, response=list(on))


def query(name: str, kind: Any, description: str, *, enum: Sequence[str] | None = None) -> OpenApiParameter:
    """A query parameter."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, enum=enum)


def describe(
    summary: str,
    description: str = "",
    *,
    operation: str,
    tag: str,
    responses: dict[Any, Any],
    errors: Iterable[type[GatewayError]] = (),
    scope: str | None = None,
    request: Any = None,
    parameters: Sequence[OpenApiParameter] = (),
    examples: Sequence[OpenApiExample] = (),
) -> Callable[[_View], _View]:
    """Say in OpenAPI what a method of a view does; its errors are grouped by status, each with an example.

    Args:
        scope: what the API key needs; None: no key is asked for.
    """
    known = [*errors, *(_ANYWHERE if scope else ())]
    by_status: dict[int, list[type[GatewayError]]] = {}
    for error in sorted(known, key=lambda error: (error.http_status, error.code)):
        by_status.setdefault(error.http_status, []).append(error)
    refused = {(status, CONTENT_TYPE): _refusal(kinds) for status, kinds in by_status.items()}
    needs = f"\n\nNeeds the scope `{scope}`." if scope else ""
    return extend_schema(
        operation_id=operation,
        tags=[tag],
        summary=summary,
        description=description + needs,
        request=request,
        parameters=list(parameters),
        responses={**responses, **refused},
        examples=list(examples),
        auth=None if scope else [],
    )


def _refusal(kinds: list[type[GatewayError]]) -> OpenApiResponse:
    return OpenApiResponse(
        Problem,
        description=" ".join(f"`{kind.code}`: {_meaning(kind)}" for kind in kinds),
        examples=[
            OpenApiExample(kind.code, value=problem_document(kind(_meaning(kind))), response_only=True)
            for kind in kinds
        ],
    )


def _meaning(kind: type[GatewayError]) -> str:
    return (kind.__doc__ or "").splitlines()[0]


@cache
def document() -> bytes:
    """The OpenAPI document, as JSON; made once a process."""
    generator = SchemaGenerator(urlconf="gateway.urls")  # type: ignore[no-untyped-call]
    return json.dumps(generator.get_schema(request=None, public=True)).encode()  # type: ignore[no-untyped-call]
