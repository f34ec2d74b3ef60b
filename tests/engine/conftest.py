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
def tiny_spec(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ModelSpec]:
    """The entry of one of the tiny models; its folder is made when it is first asked for."""
    specs: dict[str, ModelSpec] = {}

    def spec(name: str) -> ModelSpec:
        if name not in specs:
            folder = tiny_models.save(name, tmp_path_factory.mktemp(name))
            specs[name] = spec_of(folder, family=tiny_models.TINY[name][0])
        return specs[name]

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
def tiny_model(tiny_spec: Callable[[str], ModelSpec]) -> DiffusionModel:
    """A Stable-Diffusion-shaped model, loaded."""
    model = load(tiny_spec("stable-diffusion"), device="cpu", threads=1)
    assert isinstance(model, DiffusionModel)
    return model
