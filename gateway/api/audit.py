"""`/v1/audit/export`: everything that was recorded of an organization's work, as it was recorded."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request

from gateway.api.schema import describe
from gateway.api.views import ApiView, actor_of, organization_of
from gateway.audit import export


class AuditExport(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"GET": "audit"}

    @describe(
        "Export the audit log",
        "Your organization's entries as JSON Lines: `entry`, whose canonical bytes (RFC 8785) every reader gets "
        "alike, and `openings` of those commitments that are your organization's to read. "
        "The export is an entry itself.",
        operation="exportAudit",
        tag="Audit log",
        scope="audit",
        responses={(200, "application/jsonl"): OpenApiResponse(str, description="One entry a line.")},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        organization_id = organization_of(request)
        export.note(organization_id, actor=actor_of(request))
        return StreamingHttpResponse(
            export.iterate(organization_id, export.FOR_ORGANIZATION),
            content_type="application/jsonl; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="audit.jsonl"', "Cache-Control": "private, no-store"},
        )
