"""`/v1/models` and `/v1/usage`: what can be asked for, and what was charged."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Count, Sum
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.api import schema
from gateway.api.schema import describe
from gateway.api.views import ApiView, organization_of
from gateway.api.workers import served_models
from gateway.catalogue import default_model, registry
from gateway.engine.registry import ModelSpec
from gateway.models import Usage


class Models(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"GET": "read"}

    @describe(
        "List models", "With defaults, limits, and whether a live worker serves each.",
        operation="listModels", tag="Models and usage", scope="read", responses={200: schema.ModelList},
    )  # fmt: skip
    def get(self, request: Request) -> Response:  # noqa: ARG002 - a view's signature
        served = served_models()
        return Response({"data": [_model(spec, served=spec.name in served) for spec in registry().values()]})


def _model(spec: ModelSpec, *, served: bool) -> dict[str, Any]:
    return {
        "id": spec.name,
        "description": spec.description,
        "default": spec.name == default_model(),
        "served": served,
        "revision": spec.revision,
        "takes_negative_prompt": spec.takes_negative_prompt,
        "defaults": {
            "size": f"{spec.default_width}x{spec.default_height}",
            "steps": spec.default_steps,
            "guidance_scale": spec.default_guidance_scale,
        },
        "limits": {
            "n": [1, settings.CONFIGURATION.max_images],
            "prompt_characters": [1, settings.CONFIGURATION.max_prompt_graphemes],
            "size_px": [spec.min_size_px, spec.max_size_px],
            "size_multiple_px": spec.size_multiple,
            "steps": [1, spec.max_steps],
            "guidance_scale": [0, spec.max_guidance_scale],
        },
        "vocabulary": spec.vocabulary,
    }


class UsageTotals(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"GET": "read"}

    @describe(
        "What was charged", "Each picture once, when it was made. What was refused before is not charged.",
        operation="getUsage", tag="Models and usage", scope="read", responses={200: schema.UsageTotal},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        totals = Usage.objects.filter(organization_id=organization_of(request)).aggregate(
            images=Count("pk"), units=Sum("units")
        )
        return Response({"images": totals["images"], "units": totals["units"] or 0})
