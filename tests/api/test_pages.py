"""What a browser finds, whether the gate is ready, and what the door itself loads."""

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway import errors
from gateway.api import refusals
from gateway.api.explanations import EXPLANATIONS
from gateway.errors import GatewayError
from tests.api.conftest import DoorClient
from tests.databases import Record
from tests.environment import Environment
from tests.record.world import World


def _ready(record: Record) -> None:
    with record.admin() as admin:
        admin.execute("UPDATE gate SET counted_at = now()")


def test_the_process_lives_without_a_database(anonymous: Callable[..., Any], record: Record) -> None:
    with record.admin() as admin:
        admin.execute(f"ALTER DATABASE {record.name} CONNECTION LIMIT 0")

    assert anonymous("/healthz").json() == {"status": "ok"}
    not_ready = anonymous("/readyz")
    assert (not_ready.status_code, not_ready.json()["missing"]) == (503, ["the database"])


def test_nothing_there_is_not_ready_and_says_what_is_missing(anonymous: Callable[..., Any]) -> None:
    response = anonymous("/readyz")

    assert (response.status_code, response.json()["code"]) == (503, "not_ready")
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Retry-After"]) > 0
    for part in ("screening", "generation", "delivery", "sweeper"):
        assert part in response.json()["detail"]


def test_everything_there_is_ready(anonymous: Callable[..., Any], world: World, record: Record) -> None:
    _ready(record)

    assert anonymous("/readyz").json() == {"status": "ready", "blind": []}


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        ("UPDATE workers SET self_test_at = NULL WHERE kind = 'screening'", "screening"),
        ("UPDATE workers SET last_beat = now() - interval '1 hour' WHERE kind = 'generation'", "generation"),
        ("DELETE FROM workers WHERE kind = 'delivery'", "delivery"),
        ("UPDATE gate SET counted_at = now() - interval '31 s'", "sweeper"),
        ("UPDATE gate SET counted_at = NULL", "sweeper"),
    ],
)
def test_one_part_missing_is_not_ready(
    anonymous: Callable[..., Any], world: World, record: Record, without: str, missing: str
) -> None:
    _ready(record)
    with record.admin() as admin:
        admin.execute(without)

    [part] = anonymous("/readyz").json()["missing"]
    assert missing in part


def test_a_model_is_served_while_a_tested_worker_of_it_beats(client: DoorClient, record: Record) -> None:
    def served() -> list[str]:
        return [model["id"] for model in client.get("/v1/models").json()["data"] if model["served"]]

    before = served()
    with record.admin() as admin:
        admin.execute("UPDATE workers SET serves = '{pocket}' WHERE kind = 'generation'")
    during = served()
    with record.admin() as admin:
        admin.execute("UPDATE workers SET last_beat = now() - %s", [timedelta(hours=1)])

    assert (before, during, served()) == ([], ["pocket"], [])


def test_the_front_page_says_what_runs_and_how_to_try_it(
    anonymous: Callable[..., Any], world: World, record: Record
) -> None:
    waiting = anonymous("/").content.decode()
    _ready(record)
    ready = anonymous("/").content.decode()

    assert "Not ready yet" in waiting
    assert "a sweeper" in waiting
    assert ">Ready<" in ready
    assert "/v1/generations" in ready
    assert "test-card" in ready
    assert 'href="/docs/"' in ready
    assert 'href="http://127.0.0.1:8001"' in ready


def test_the_front_page_is_there_without_a_database(anonymous: Callable[..., Any], record: Record) -> None:
    with record.admin() as admin:
        admin.execute(f"ALTER DATABASE {record.name} CONNECTION LIMIT 0")

    response = anonymous("/")

    assert response.status_code == 200
    assert "the database" in response.content.decode()


@pytest.mark.parametrize("path", ["/", "/docs/", "/problems/", "/problems/invalid_request"])
def test_every_page_works_under_a_policy_without_inline_code(anonymous: Callable[..., Any], path: str) -> None:
    response = anonymous(path)

    policy, page = response["Content-Security-Policy"], response.content.decode()
    assert response.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", page)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        static = anonymous(address)
        assert static.status_code == 200, address


def test_every_error_a_client_can_see_has_its_page(anonymous: Callable[..., Any]) -> None:
    people_only = {
        errors.AccessRefusedError,
        errors.ClaimLostError,
        errors.DecisionRefusedError,
        errors.SealRefusedError,
        GatewayError,
    }
    kinds = {
        kind
        for module in (errors, refusals)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, GatewayError)
    }

    assert {kind.code for kind in kinds - people_only} == set(EXPLANATIONS)
    for kind in kinds - people_only:
        page = anonymous(f"/problems/{kind.code}")
        assert page.status_code == 200
        assert kind.code in page.content.decode()
    assert anonymous("/problems/no_such").status_code == 404


def test_the_openapi_document_needs_no_key(anonymous: Callable[..., Any]) -> None:
    assert anonymous("/openapi.json").json()["openapi"].startswith("3.1")


def test_the_door_loads_no_checker_and_no_engine(environment: Environment) -> None:
    script = (
        "import django, sys; django.setup(); import gateway.urls, gateway.api.schema; gateway.api.schema.document(); "
        "heavy = {'torch', 'transformers', 'diffusers', 'onnxruntime'}; print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], env=environment.of("clients"), capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
