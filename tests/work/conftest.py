"""Real turns of real workers in this process: shipped checkers that are light, the test card, real stores."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from gateway.work import delivery, generation, screening
from gateway.work.worker import Worker
from moderation.policy import default_policy
from tests.databases import Record
from tests.record.world import World

LIGHT = {"prompt": [{"family": "terms"}], "image": [{"family": "opennsfw"}]}
BROKEN = {"prompt": [{"family": "terms"}], "image": [{"family": "opennsfw", "limit_s": 0.001}]}
WORKS: dict[str, Any] = {"screening": screening, "generation": generation, "delivery": delivery}


@pytest.fixture
def world(record: Record) -> World:
    return World(record)


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
def turn(world: World) -> Callable[[str], Worker]:
    """`turn("screening")`: one turn of a worker of this kind, as its role."""

    def take(kind: str) -> Worker:
        work = WORKS[kind]
        worker = Worker(kind, work.self_test, work.serves())
        worker.boot_id = world.boot_ids[kind]
        with world.record.whole_process_as(kind):
            work.turn(worker)
            worker.let_go()
        return worker

    return take


@pytest.fixture
def quarantine() -> Path:
    """The folder where masters lie."""
    return Path(settings.CONFIGURATION.quarantine_url.removeprefix("file://"))
