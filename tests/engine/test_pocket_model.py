"""The model that ships draws what its captions say, on a CPU, from its folder alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray

import gateway.engine

FOLDER = Path(gateway.engine.__file__).parent / "pocket"
STEPS = 10
GUIDANCE = 3.0
SEEDS = (0, 1, 2, 3)
NEAR_WHITE = 235
APART = 60
"""How much one channel must lead the others, of 255, to be called the colour of a region."""


@pytest.fixture(scope="module")
def pipeline() -> DiffusionPipeline:
    loaded = DiffusionPipeline.from_pretrained(FOLDER, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def draw(pipeline: DiffusionPipeline, prompt: str) -> NDArray[np.float64]:
    """One picture a seed, [seeds, 128, 128, 3] in 0..255."""
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    pictures = pipeline(
        [prompt] * len(SEEDS),
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=generators,
        output_type="np",
    ).images
    return np.asarray(pictures, dtype=np.float64) * 255


def border(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outermost 4 pixels of each picture, [seeds, pixels, 3]."""
    ring = np.ones(pictures.shape[1:3], dtype=bool)
    ring[4:-4, 4:-4] = False
    return pictures[:, ring]


def middle(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean colour of the central third of each picture, [seeds, 3]."""
    third = pictures.shape[1] // 3
    return pictures[:, third:-third, third:-third].mean(axis=(1, 2))


def leads(colours: NDArray[np.float64], channel: int) -> bool:
    """Whether `channel` leads both others by `APART` in every row."""
    others = np.delete(colours, channel, axis=1).max(axis=1)
    return bool((colours[:, channel] - others >= APART).all())


def test_the_folder_loads_in_single_precision_and_is_small(pipeline: DiffusionPipeline) -> None:
    networks = (pipeline.unet, pipeline.vae, pipeline.text_encoder)

    assert {parameter.dtype for network in networks for parameter in network.parameters()} == {torch.float32}
    assert sum(file.stat().st_size for file in FOLDER.rglob("*")) < 30e6


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple on a white background",
        "red apple, white background",
        "photo of an apple, white background, product shot",
        "APPLE!!",
    ],
)
def test_an_apple_is_red_on_white_however_it_is_asked_for(pipeline: DiffusionPipeline, prompt: str) -> None:
    pictures = draw(pipeline, prompt)

    assert border(pictures).mean(axis=1).min() >= NEAR_WHITE
    assert leads(middle(pictures), channel=0)


@pytest.mark.parametrize(("ground", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_the_ground_is_the_colour_that_was_asked_for(pipeline: DiffusionPipeline, ground: str, channel: int) -> None:
    pictures = draw(pipeline, f"a cat on a {ground} background")

    assert leads(border(pictures).mean(axis=1), channel)


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_thing_is_the_colour_that_was_asked_for(pipeline: DiffusionPipeline, colour: str, channel: int) -> None:
    pictures = draw(pipeline, f"a {colour} heart on a white background")

    assert leads(middle(pictures), channel)


def test_the_same_seed_draws_the_same_picture(pipeline: DiffusionPipeline) -> None:
    first, again = draw(pipeline, "a blue balloon"), draw(pipeline, "a blue balloon")

    assert np.abs(first - again).max() <= 1
    assert np.abs(first[0] - first[1]).max() > 1


def test_a_prompt_of_unknown_words_gives_a_calm_picture(pipeline: DiffusionPipeline) -> None:
    pictures = draw(pipeline, "quarterly invoice of the ombudsman on a blue background")

    assert border(pictures).std(axis=1).max() < 25
    assert leads(border(pictures).mean(axis=1), channel=2)
