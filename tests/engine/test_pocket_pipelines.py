"""The model that ships changes pictures too: image-to-image and inpainting by diffusers' own pipelines."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting, DiffusionPipeline
from numpy.typing import NDArray
from PIL import Image

import gateway.engine

FOLDER = Path(gateway.engine.__file__).parent / "pocket"
STEPS = 20
GUIDANCE = 3.0
WHOLE_PICTURE_PX = 128
"""As `padding_mask_crop`: the whole picture is the context, and what is not masked is put back unchanged."""


@pytest.fixture(scope="module")
def pipeline() -> DiffusionPipeline:
    loaded = DiffusionPipeline.from_pretrained(FOLDER, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    return loaded


@pytest.fixture(scope="module")
def red_apple(pipeline: DiffusionPipeline) -> Image.Image:
    return pipeline(
        "a red apple on a white background",
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=torch.Generator().manual_seed(0),
    ).images[0]


def pixels(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture.convert("RGB"), dtype=np.float64)


def outline(picture: Image.Image) -> NDArray[np.bool_]:
    """What is not the near-white ground."""
    return pixels(picture).min(axis=2) < 200


def test_noise_is_added_as_the_flow_has_it(pipeline: DiffusionPipeline) -> None:
    scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(STEPS)
    scheduler.set_begin_index(STEPS // 2)
    sigma = float(scheduler.sigmas[STEPS // 2])

    noisy = scheduler.add_noise(torch.ones(1), torch.full((1,), 3.0), scheduler.timesteps[STEPS // 2][None])

    assert sigma == pytest.approx(0.5, abs=0.01)
    assert noisy.item() == pytest.approx((1 - sigma) + 3 * sigma, abs=1e-5)


def test_an_apple_turns_green_and_keeps_its_outline(pipeline: DiffusionPipeline, red_apple: Image.Image) -> None:
    turned = AutoPipelineForImage2Image.from_pipe(pipeline)(
        "a green apple on a white background",
        image=red_apple,
        strength=0.8,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=torch.Generator().manual_seed(1),
    ).images[0]

    before, after = outline(red_apple), outline(turned)
    colour = pixels(turned)[48:80, 48:80].mean(axis=(0, 1))
    assert (before & after).sum() / (before | after).sum() > 0.7
    assert colour[1] > colour[0] + 20
    assert colour[1] > colour[2] + 20


def test_inpainting_draws_in_the_mask_and_leaves_the_rest(pipeline: DiffusionPipeline, red_apple: Image.Image) -> None:
    plain_unet = copy.copy(pipeline.unet)
    plain_unet.register_to_config(in_channels=4)
    mask = np.zeros((128, 128), np.uint8)
    mask[16:112, 16:112] = 255

    painted = AutoPipelineForInpainting.from_pipe(pipeline, unet=plain_unet)(
        "a blue heart on a white background",
        image=red_apple,
        mask_image=Image.fromarray(mask),
        padding_mask_crop=WHOLE_PICTURE_PX,
        strength=1.0,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=torch.Generator().manual_seed(1),
    ).images[0]

    changed = np.abs(pixels(painted) - pixels(red_apple))
    colour = pixels(painted)[48:80, 48:80].mean(axis=(0, 1))
    assert changed[mask == 0].max() == 0
    assert colour[2] > colour[0] + 60
    assert pipeline.unet.config.in_channels == pipeline.vae.config.latent_channels
