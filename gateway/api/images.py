"""`/v1/images`: the bytes of what was released, to the organization they were made for, and nothing else to anybody."""

import uuid
from collections.abc import Mapping
from functools import cache
from typing import ClassVar

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import lifecycle
from gateway.api.refusals import ImageDamagedError
from gateway.api.resources import shown_status
from gateway.api.schema import describe
from gateway.api.views import ApiView, actor_of, organization_of
from gateway.delivery.released import ReleasedStore
from gateway.delivery.stores import open_store
from gateway.errors import NotFoundError, NotWithdrawableError, StaleStatusError
from gateway.models import Image, Publication

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@cache
def released_store() -> ReleasedStore:
    """The store of published files, opened once a process."""
    return ReleasedStore(open_store(settings.CONFIGURATION.released_url))


class OneImage(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"GET": "read", "DELETE": "delete"}

    @describe(
        "Fetch a picture",
        "The bytes of a released picture of your organization. Everything else, whatever its state, is `not_found`. "
        "Whole files only: no ranges.",
        operation="getImage",
        tag="Images",
        scope="read",
        responses={(200, content_type): bytes for content_type in EXTENSIONS},
        errors=(NotFoundError, ImageDamagedError),
    )
    def get(self, request: Request, image_id: uuid.UUID) -> HttpResponse:
        file = _released_file(image_id, organization_of(request))
        connection.close()  # a slow store holds up no connection
        data = released_store().read(file.object_key, bytes(file.encoded_sha256).hex())
        return HttpResponse(
            data,
            content_type=file.content_type,
            headers={
                "Cache-Control": "private, no-store",
                "X-Content-Type-Options": "nosniff",
                "Content-Disposition": f'attachment; filename="{image_id}.{EXTENSIONS[file.content_type]}"',
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Accept-Ranges": "none",
            },
        )

    @describe(
        "Withdraw a picture",
        "It is served no more from the moment this answers, and its file is removed. Doing it again changes nothing.",
        operation="withdrawImage",
        tag="Images",
        scope="delete",
        responses={204: None},
        errors=(NotFoundError, NotWithdrawableError, StaleStatusError),
    )
    def delete(self, request: Request, image_id: uuid.UUID) -> Response:
        organization_id = organization_of(request)
        try:
            lifecycle.withdraw(image_id, actor=actor_of(request), organization_id=organization_id)
        except NotFoundError:
            raise _nothing(image_id) from None
        except NotWithdrawableError:
            shown = shown_status(Image.objects.get(pk=image_id))  # the record's own words would tell of a seal
            raise NotWithdrawableError(
                f"image {image_id} is {shown}: only a released image can be withdrawn",
                field="status", value=shown, limit="released",
            ) from None  # fmt: skip
        return Response(status=204)


def _released_file(image_id: uuid.UUID, organization_id: uuid.UUID) -> Publication:
    """The published file of an image that is released, this organization's, and granted for exactly these bytes.

    Raises:
        NotFoundError: anything else; the answer is the same whatever it is.
    """
    found = list(
        Publication.objects.raw(
            "SELECT p.* FROM image i "
            "JOIN generation g ON g.id = i.generation_id "
            "JOIN release_grant r ON r.id = i.grant_id AND r.image_id = i.id AND r.master_sha256 = i.master_sha256 "
            "JOIN publication p ON p.grant_id = r.id AND p.encoded_sha256 = i.encoded_sha256 "
            "WHERE i.id = %s AND g.organization_id = %s AND i.status = 'released' AND g.sealed_at IS NULL "
            "AND p.purged_at IS NULL",
            [image_id, organization_id],
        )
    )
    if not found:
        raise _nothing(image_id)
    return found[0]


def _nothing(image_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"there is no released image {image_id}")
