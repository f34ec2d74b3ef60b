"""`/healthz`, the process lives; `/readyz`, the gate can carry a request from end to end."""

from collections.abc import Sequence

from django.db import DatabaseError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.api import schema
from gateway.api.refusals import NotReadyError
from gateway.api.schema import describe, header
from gateway.api.views import ApiView
from gateway.api.workers import missing_parts, sight

DATABASE = "the database"


def waiting_for() -> Sequence[str]:
    """What the gate still waits for, the record itself included; empty: nothing."""
    try:
        return missing_parts()
    except DatabaseError:
        return [DATABASE]


class Open(ApiView):
    """Base of what anybody may ask without an API key: it tells nothing of anybody."""

    authentication_classes = []
    permission_classes = [AllowAny]


class Health(Open):
    @describe("Whether the process lives", operation="getHealth", tag="Health", responses={200: schema.Health})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - a view's signature
        return Response({"status": "ok"})


class Readiness(Open):
    @describe(
        "Whether the gate is ready",
        "Ready is: the database answers, a live worker of each kind has passed its self-test (the checkers' is the "
        "screening worker's), and a sweeper works. `blind` names the checkers that did not know their canaries: while "
        "no screening worker is without them everything is held, and the answer is 503.",
        operation="getReadiness",
        tag="Health",
        responses={200: schema.Readiness},
        errors=(NotReadyError,),
        parameters=[header("Retry-After", "Seconds until it is worth asking again.", on=[503])],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002 - a view's signature
        missing = list(waiting_for())
        if missing:
            blind = [] if DATABASE in missing else list(sight().blind)
            raise NotReadyError(f"waiting for {', '.join(missing)}", missing=missing, blind=blind)
        return Response({"status": "ready", "blind": list(sight().blind)})
