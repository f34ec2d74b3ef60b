"""One installation for all of these tests."""

import json
from collections.abc import Iterator

import pytest

from tests.stack import Stack, running_stack

SLOW_CARD = {
    "name": "slow-card",
    "family": "test-card",
    "defaults": {"width": 128, "height": 128, "steps": 20, "guidance_scale": 1.0},
    "limits": {"min_size_px": 64, "max_size_px": 256, "max_steps": 100},
    "step_delay_s": 0.5,
}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    models = tmp_path_factory.mktemp("models") / "models.json"
    models.write_text(json.dumps({"models": [SLOW_CARD]}))
    with running_stack(IMPRIMATUR_MODELS_FILE=str(models)) as running:
        yield running
