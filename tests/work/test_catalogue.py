"""Which model a request gets, and any checkpoint by one variable."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import catalogue
from gateway.engine.requests import RegistryError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    catalogue.registry.cache_clear()
    yield
    catalogue.registry.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    checkpoint = tmp_path / "House Style v2"
    checkpoint.mkdir()
    (checkpoint / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}))
    return checkpoint


def test_a_folder_in_one_variable_is_the_default_model_of_its_own_family(
    configured: Callable[..., None], folder: Path
) -> None:
    configured(model=str(folder), default_model=None)

    spec = catalogue.registry()[catalogue.default_model()]

    assert (spec.name, spec.family, spec.default_width) == ("house-style-v2", "stable-diffusion-xl", 1024)


def test_a_hub_id_is_pinned_to_a_commit(configured: Callable[..., None]) -> None:
    configured(model=f"somebody/some-model@{COMMIT}", default_model=None)

    spec = catalogue.registry()["some-model"]

    assert (spec.source, spec.revision) == ("somebody/some-model", COMMIT)


@pytest.mark.parametrize("named", ["somebody/some-model", "somebody/some-model@main", "/nowhere/at/all", "just-a-name"])
def test_a_checkpoint_that_is_not_pinned_or_not_there_is_refused(configured: Callable[..., None], named: str) -> None:
    configured(model=named, default_model=None)

    with pytest.raises(RegistryError, match="IMPRIMATUR_MODEL"):
        catalogue.registry()


def test_without_any_variable_the_pocket_model_is_the_default(configured: Callable[..., None]) -> None:
    configured(model=None, default_model=None)

    assert catalogue.default_model() == "pocket"
