"""Real turns of real workers in this process: shipped checkers that are light, the test card, real stores."""

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from kombu import pools

from gateway import catalogue
from gateway.celery import app
from gateway.delivery import access
from gateway.delivery.vault import vault
from gateway.sweep import Sweeper
from gateway.work import delivery, generation, screening
from gateway.work.worker import Worker
from moderation.policy import default_policy
from tests.databases import Record
from tests.record.world import SWEEPER, World

LIGHT = {"prompt": [{"family": "terms"}], "image": [{"family": "opennsfw"}]}
BROKEN = {"prompt": [{"family": "terms"}], "image": [{"family": "opennsfw", "limit_s": 0.001}]}
WORKS: dict[str, Any] = {"screening": screening, "generation": generation, "delivery": delivery}
CARD = {"width": 64, "height": 64, "steps": 2, "guidance_scale": "1.0", "output_format": "webp"}

Turn = Callable[..., Worker]


@pytest.fixture
def world(record: Record) -> World:
    return World(record)


def ask(world: World, prompt: str = "a card", *, without: str = "", **asked: Any) -> uuid.UUID:
    """A generation of the test card's, accepted; `without` one parameter that the door would never leave out."""
    parameters = {name: value for name, value in CARD.items() if name != without}
    return world.accept(prompt=prompt, **{"parameters": parameters, **asked})


def through(turn: Turn, *kinds: str) -> None:
    """A turn of each kind; of all of them in their order where none is named."""
    for kind in kinds or ("screening", "generation", "screening", "delivery"):
        turn(kind)


def sweep(world: World, sweeper: Sweeper | None = None) -> None:
    """One round of this sweeper, or of one that has just begun."""
    with world.record.acting_as("sweeper"):
        (sweeper or Sweeper(SWEEPER)).round()


def make_due(world: World) -> None:
    """What was put off is due now."""
    with world.record.admin() as admin:
        for table in ("generation", "image"):
            admin.execute(f"UPDATE {table} SET not_before = NULL")


def row(world: World, table: str, row_id: uuid.UUID) -> tuple[bool, uuid.UUID | None, int, bool]:
    """(leased, leased_by, crashes, put off) of a row."""
    with world.record.admin() as admin:
        found = admin.execute(
            f"SELECT leased, leased_by, crashes, not_before IS NOT NULL FROM {table} WHERE id = %s", [row_id]
        ).fetchone()
    assert found is not None
    return found[0], found[1], found[2], found[3]


def wait_for(fact: Callable[[], object], limit_s: float = 10.0) -> None:
    """Until `fact()` is true."""
    ends_at = time.monotonic() + limit_s
    while not fact():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.02)


def worker_of(world: World, kind: str) -> Worker:
    """A worker of this kind that has a row, and no heartbeat."""
    worker = Worker(kind, WORKS[kind].self_test, WORKS[kind].serves())
    worker.boot_id = world.boot_ids[kind]
    return worker


@pytest.fixture(autouse=True)
def light_checkers(configured: Callable[..., None], tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Checkers that load in a second, under a policy that relies on these and is else the one that ships."""
    document = json.loads(json.dumps(default_policy().document))
    document["required"] = {"prompt": ["terms", "canary-prompt"], "image": ["opennsfw", "canary-image"]}
    document["rules"] = [rule for rule in document["rules"] if not _names_another(rule)]
    (tmp_path / "policy.json").write_text(json.dumps(document))

    def choose(checkers: dict[str, Any]) -> None:
        (tmp_path / "checkers.json").write_text(json.dumps(checkers))
        configured(
            checkers_file=tmp_path / "checkers.json", policy_file=tmp_path / "policy.json", default_model="test-card"
        )
        screening.screens.cache_clear()

    choose(LIGHT)
    yield choose
    screening.screens.cache_clear()


def _names_another(rule: dict[str, Any]) -> bool:
    named = {rule.get("checker")} | {condition.get("checker") for condition in rule.get("all_of", [])}
    return bool(named - {None, "terms", "opennsfw", "canary-prompt", "canary-image"})


@pytest.fixture
def turn(world: World) -> Turn:
    """`turn("screening")`: one turn of a worker of this kind, as its role."""

    def take(kind: str, **more: Any) -> Worker:
        worker = worker_of(world, kind)
        with world.record.whole_process_as(kind):
            WORKS[kind].turn(worker, **more)
            worker.let_go()
        return worker

    return take


@pytest.fixture
def models(configured: Callable[..., None], tmp_path: Path) -> Iterator[Callable[..., None]]:
    """`models("slow-card", step_delay_s=0.05)`: one more test card in the registry."""

    def add(name: str, *, step_delay_s: float = 0.0) -> None:
        card = {
            "name": name,
            "family": "test-card",
            "defaults": {"width": 64, "height": 64, "steps": 2, "guidance_scale": 1.0},
            "limits": {"min_size_px": 64, "max_size_px": 256, "max_steps": 1000},
            "step_delay_s": step_delay_s,
        }
        (tmp_path / "models.json").write_text(json.dumps({"models": [card]}))
        configured(models_file=tmp_path / "models.json")
        catalogue.registry.cache_clear()

    yield add
    catalogue.registry.cache_clear()
    generation.model.cache_clear()


@pytest.fixture
def keys_changed(configured: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """`keys_changed(officers_public_key_file=None)`: this process has other keys until the end of the test."""
    caches = (access.quarantine_reader, vault)

    def change(**files: Any) -> None:
        configured(**files)
        for cache in caches:
            cache.cache_clear()

    yield change
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def quarantine() -> Path:
    """The folder where masters lie."""
    return Path(settings.CONFIGURATION.quarantine_url.removeprefix("file://"))


@pytest.fixture
def broker() -> Iterator[Callable[[str], None]]:
    """`broker("redis://…")`: nudges go there until the end of the test."""
    before = app.conf.broker_url

    def change(url: str) -> None:
        app.conf.update(broker_url=url)
        app.amqp._producer_pool = None  # Celery keeps that of the first broker
        pools.reset()

    yield change
    change(before)


@contextlib.contextmanager
def database_away() -> Iterator[None]:
    """No thread of this process finds the database."""
    wanted = connections.settings["default"]
    host = wanted["HOST"]
    connection.close()
    wanted["HOST"] = "/nowhere"
    connection.settings_dict["HOST"] = "/nowhere"
    try:
        yield
    finally:
        wanted["HOST"] = host
        connection.close()
        connection.settings_dict["HOST"] = host
