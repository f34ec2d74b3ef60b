"""What every view of the clients' door is: closed unless it declares a scope, and strict about its query."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from gateway.api.errors import FieldProblem, invalid_query
from gateway.api.keys import ApiKeyAuthentication, HasScope
from gateway.api.refusals import LengthRequiredError
from gateway.audit.log import Actor
from gateway.models import ApiKey


class ApiView(APIView):
    """Base of the views under /v1.

    Attributes:
        scopes: the scope that each method needs. A method without one is closed to everybody.
        query_parameters: those that each method knows. Others are refused.
    """

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope]
    http_method_names = ["get", "head", "post", "delete"]
    scopes: ClassVar[Mapping[str, str]] = {}
    query_parameters: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else str(request.method)
        known = self.query_parameters.get(method, ())
        problems = [
            FieldProblem("unknown_parameter", name[:100], f"{name[:100]} is not a parameter of this", limit=list(known))
            for name in request.query_params
            if name not in known
        ]
        problems += [
            FieldProblem("repeated_parameter", name, f"{name} stands more than once")
            for name in known
            if len(request.query_params.getlist(name)) > 1
        ]
        if problems:
            raise invalid_query(*problems)
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequiredError("send Content-Length: a body in chunks is not read", field="Content-Length")

    def finalize_response(  # type: ignore[override]  # DRF takes Django's responses too, its stubs do not
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        finished: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        finished.setdefault("Cache-Control", "private, no-store")
        return finished


def key_of(request: Request) -> ApiKey:
    """The API key this request came with."""
    key = request.auth
    if not isinstance(key, ApiKey):
        raise TypeError("a view without authentication asked for the API key")
    return key


def actor_of(request: Request) -> Actor:
    """Who the audit log says it was."""
    return Actor("api_key", key_of(request).pk)


def organization_of(request: Request) -> uuid.UUID:
    """Whose data this request may see: the key's organization, whatever else it says."""
    organization_id: uuid.UUID = key_of(request).organization_id
    return organization_id
