"""Tiny models, made once, and the entries of the registry that name them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gateway.engine.diffusion import DiffusionModel
from gateway.engine.families import load
from gateway.engine.registry import POCKET, Family, ModelSpec
from tests.engine import tiny_models


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_spec(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], ModelSpec]:
    """The entry of a tiny model of a family; its folder is made when it is first asked for."""
    specs: dict[Family, ModelSpec] = {}

    def spec(family: Family) -> ModelSpec:
        if family not in specs:
            folder = tiny_models.save(family, tmp_path_factory.mktemp(family))
            specs[family] = spec_of(folder, family=family)
        return specs[family]

    return spec


def spec_of(folder: Path, *, family: Family = "stable-diffusion") -> ModelSpec:
    return dataclasses.replace(
        POCKET,
        name="tiny",
        family=family,
        source=str(folder),
        default_width=32,
        default_height=32,
        min_size_px=16,
        max_size_px=64,
        size_multiple=8,
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_spec: Callable[[Family], ModelSpec]) -> DiffusionModel:
    """A Stable-Diffusion-shaped model, loaded."""
    model = load(tiny_spec("stable-diffusion"), device="cpu", threads=1)
    assert isinstance(model, DiffusionModel)
    return model
