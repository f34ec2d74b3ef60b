"""The clients' door as a client sees it: its own URLs and middleware, its own role, a real record."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from gateway import settings as gateway_settings
from gateway.api import keys
from gateway.lifecycle import Request
from gateway.models import ApiKey, Organization
from tests.databases import Record, cloned
from tests.record.world import World
from tests.servers import Services

ALL_SCOPES = tuple(keys.SCOPES)


PARAMETERS = {
    "width": 64, "height": 64, "steps": 4, "guidance_scale": 1.0, "seed": 7, "output_format": "webp",
}  # fmt: skip


class DoorWorld(World):
    """Its requests have the parameters that the clients' door writes."""

    def request(self, **asked: Any) -> Request:
        return super().request(**{"parameters": PARAMETERS, **asked})


class DoorClient:
    """One organization's client with one API key."""

    def __init__(self, record: Record, organization: Organization, *, scopes: tuple[str, ...] = ALL_SCOPES) -> None:
        self.record = record
        self.organization = organization
        self.text, parts = keys.mint()
        with record.acting_as("people"):
            self.key = ApiKey.objects.create(
                organization=organization,
                name="test",
                public_id=parts.public_id,
                secret_hmac=keys.fingerprint(parts.secret),
                scopes=list(scopes),
            )
        self._http = Client(raise_request_exception=False)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        key: str | None = None,
        **headers: str,
    ) -> Any:
        """A request with this client's key; `body` bytes go as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"HTTP_AUTHORIZATION": f"Bearer {key or self.text}", "content_type": "application/json", **headers}
        with self.record.acting_as("clients"):
            response = self._http.generic(method, path, data, **sent)
            if response.streaming:
                response.whole = b"".join(response.streaming_content)
            return response

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body=body, **headers)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)

    def generate(self, prompt: str = "a red apple", **fields: Any) -> dict[str, Any]:
        """An accepted generation."""
        response = self.post("/v1/generations", {"prompt": prompt, "model": "test-card", **fields})
        assert response.status_code == 202, response.content
        return dict(response.json())

    def generation(self, generation_id: str | uuid.UUID) -> dict[str, Any]:
        return dict(self.get(f"/v1/generations/{generation_id}").json())


@pytest.fixture(autouse=True)
def _clients_door(settings: Any) -> None:
    settings.ROOT_URLCONF = "gateway.urls"
    settings.MIDDLEWARE = gateway_settings._CLIENTS_MIDDLEWARE
    settings.APPEND_SLASH = False


@pytest.fixture
def world(record: Record) -> World:
    """An organization, people, and a worker of each kind."""
    return DoorWorld(record)


@pytest.fixture
def client(record: Record, world: World) -> DoorClient:
    """The client of the world's organization, with every scope."""
    return DoorClient(record, world.organization)


@pytest.fixture(scope="module")
def refused_client(services: Services, _template: None, django_db_blocker: DjangoDbBlocker) -> Iterator[DoorClient]:
    """A client of one record for a whole module: for requests that are refused and leave nothing behind."""
    with django_db_blocker.unblock(), cloned(services) as shared:
        yield DoorClient(shared, DoorWorld(shared).organization)


@pytest.fixture
def stranger(record: Record, world: World) -> DoorClient:
    """Another organization's client, with every scope."""
    with record.acting_as("people"):
        return DoorClient(record, world.new_organization("second"))


@pytest.fixture
def anonymous(record: Record) -> Callable[..., Any]:
    """`anonymous(path)` without any key."""

    def get(path: str, **headers: str) -> Any:
        with record.acting_as("clients"):
            return Client(raise_request_exception=False).get(path, **headers)

    return get
