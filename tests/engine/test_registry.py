"""The models file: what it adds, and that a wrong one stops the start with field, value and limit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.engine.registry import POCKET, TEST_CARD, load_registry
from gateway.engine.requests import InvalidRequestError, RegistryError

REVISION = "0123456789abcdef0123456789abcdef01234567"

GOOD: dict[str, Any] = {
    "name": "house-style",
    "family": "stable-diffusion",
    "source": "owner/name",
    "revision": REVISION,
    "defaults": {"width": 512, "height": 512, "steps": 20, "guidance_scale": 7.5},
    "limits": {"min_size_px": 256, "max_size_px": 768, "max_steps": 50},
}


def write(folder: Path, *entries: dict[str, Any]) -> Path:
    file = folder / "models.json"
    file.write_text(json.dumps({"models": entries}))
    return file


def test_two_models_ship() -> None:
    assert load_registry(None) == {"pocket": POCKET, "test-card": TEST_CARD}


def test_a_model_is_thought_to_draw_text_unless_its_entry_denies_it(tmp_path: Path) -> None:
    silent = {**GOOD, "name": "silent", "draws_text": False}
    models = load_registry(write(tmp_path, GOOD, silent))

    assert {name: spec.draws_text for name, spec in models.items()} == {
        "pocket": False,
        "test-card": False,
        "house-style": True,
        "silent": False,
    }


def test_a_file_adds_a_model_to_those_that_ship(tmp_path: Path) -> None:
    models = load_registry(write(tmp_path, GOOD))

    assert models.keys() == {"pocket", "test-card", "house-style"}
    added = models["house-style"]
    assert (added.source, added.revision) == ("owner/name", REVISION)
    assert (added.default_width, added.default_steps, added.default_guidance_scale) == (512, 20, 7.5)
    assert (added.min_size_px, added.max_size_px, added.size_multiple, added.max_steps) == (256, 768, 8, 50)


def test_a_relative_folder_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    models = load_registry(write(tmp_path, GOOD | {"source": "./weights", "revision": None}))

    assert models["house-style"].source == str(tmp_path / "weights")


def test_a_slow_test_card_can_be_added(tmp_path: Path) -> None:
    slow = {key: GOOD[key] for key in ("defaults", "limits")} | {"name": "slow", "family": "test-card"}

    assert load_registry(write(tmp_path, slow | {"step_delay_s": 0.25}))["slow"].step_delay_s == 0.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nmae": "x"}, r"models\.0\.nmae is 'x': Extra inputs are not permitted"),
        ({"name": "House Style"}, r"models\.0\.name is 'House Style'.*pattern"),
        ({"name": "pocket"}, "name is 'pocket': there is already a model of that name"),
        ({"family": "sorcery"}, r"models\.0\.family is 'sorcery'.*'stable-diffusion'"),
        ({"revision": "main"}, r"models\.0\.revision is 'main'.*\[0-9a-f\]\{40\}"),
        ({"revision": None}, "revision is absent.*40 hex digits"),
        ({"source": "./folder"}, "must be absent for a folder"),
        ({"source": "just-a-word"}, "source is 'just-a-word': it must be a folder"),
        ({"source": "https://example.org/model"}, "source is 'https://example.org/model'"),
        ({"step_delay_s": 1.0}, r"step_delay_s is 1\.0: only a test card"),
        ({"family": "test-card"}, "source and revision must be absent"),
        ({"defaults": GOOD["defaults"] | {"steps": "20"}}, r"models\.0\.defaults\.steps is '20'.*integer"),
        ({"defaults": GOOD["defaults"] | {"steps": 51}}, r"models\.0\.defaults: steps is 51.*between 1 and 50"),
        ({"defaults": GOOD["defaults"] | {"width": 516}}, r"defaults: width is 516.*multiple of 8"),
        ({"limits": GOOD["limits"] | {"max_steps": 1001}}, r"limits\.max_steps is 1001.*less than or equal to 1000"),
        ({"limits": GOOD["limits"] | {"min_size_px": 900}}, "between 900 and 768"),
    ],
)
def test_a_wrong_entry_is_named_with_its_value_and_limit(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        load_registry(write(tmp_path, GOOD | change))


def test_a_name_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="already a model of that name"):
        load_registry(write(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"models": {}}', '{"model": []}'])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "models.json"
    file.write_text(content)

    with pytest.raises(RegistryError, match=r"models\.json"):
        load_registry(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="nothing-here"):
        load_registry(tmp_path / "nothing-here")


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("width", (64, 65, 1024), (63, 1025, 0, -64)),
        ("height", (64, 65, 1024), (63, 1025)),
        ("steps", (1, 100), (0, 101)),
        ("guidance_scale", (0.0, 20.0), (-0.1, 20.1, float("nan"), float("inf"))),
        ("seed", (0, 2**63 - 1), (-1, 2**63)),
    ],
)
def test_limits_hold_at_and_just_beyond_them(field: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    request: dict[str, Any] = {"width": 128, "height": 128, "steps": 4, "guidance_scale": 1.0}
    for value in good:
        TEST_CARD.check(**request | {field: value})
    for value in bad:
        with pytest.raises(InvalidRequestError) as refusal:
            TEST_CARD.check(**request | {field: value})
        assert refusal.value.field == field


def test_cost_grows_with_pixels_and_steps() -> None:
    assert POCKET.cost(128, 128, 10) == 12 * 4
    assert POCKET.cost(128, 256, 10) == 2 * POCKET.cost(128, 128, 10)
    assert TEST_CARD.cost(8, 8, 1) == 1


def test_the_registry_and_the_engine_import_no_torch() -> None:
    code = (
        "import sys, gateway.engine.registry, gateway.engine.engine, gateway.engine.families, gateway.engine.png\n"
        "sys.exit(sorted({'torch', 'diffusers', 'transformers', 'django', 'celery'} & set(sys.modules)) or 0)"
    )

    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (imported.returncode, imported.stderr) == (0, "")


def test_a_model_of_few_words_says_what_it_knows_and_any_other_takes_every_prompt() -> None:
    assert "apple" in POCKET.vocabulary["things"]
    assert TEST_CARD.vocabulary is None
