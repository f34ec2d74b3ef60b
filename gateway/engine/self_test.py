"""The picture whose looks are known: drawn when a model is loaded, to see that this machine draws what it should."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.engine.registry import ModelSpec
from gateway.engine.requests import ImageRequest, ModelError

FILE_NAME = "self_test.json"
GRID = 8

# Mean difference of the grid's colours, in levels of 255. On a model of the shipped one's shape bfloat16 moved them by
# 0.2 and another seed by 12.
MAX_MEAN_DIFFERENCE = 4.0

# A picture of one colour, or of almost one, is what broken weights draw.
MIN_DEVIATION = 2.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What to draw and how it looks: mean colours in a grid of 8 x 8 cells, [8][8][3], in [0, 255]."""

    prompt: str
    seed: int
    steps: int
    guidance_scale: float
    width: int
    height: int
    colours: list[list[list[float]]]


def expected_in(folder: Path) -> Expected | None:
    """What a model's folder says of its picture; None where it says nothing.

    Raises:
        ModelError: the file is there and cannot be understood.
    """
    file = folder / FILE_NAME
    if not file.exists():
        return None
    try:
        return Expected(**json.loads(file.read_bytes()))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{file}: {error}") from None


def request_for(spec: ModelSpec, expected: Expected | None) -> ImageRequest:
    """The request of the known picture; for a model without one, a short drawing at its default size."""
    if expected is None:
        steps = min(spec.default_steps, 4)
        size = (spec.default_width, spec.default_height)
        return ImageRequest("self-test", "a red apple", "", 0, *size, steps, spec.default_guidance_scale)
    return ImageRequest(
        id="self-test",
        prompt=expected.prompt,
        negative_prompt="",
        seed=expected.seed,
        width=expected.width,
        height=expected.height,
        steps=expected.steps,
        guidance_scale=expected.guidance_scale,
    )


def problems(pixels: NDArray[np.uint8], expected: Expected | None) -> list[str]:
    """What is wrong with the picture, in words; empty: nothing."""
    if expected is None:
        deviation = float(pixels.std(axis=(0, 1)).max())
        return [] if deviation >= MIN_DEVIATION else [f"drew one flat colour (deviation {deviation:.2f})"]
    difference = float(np.abs(colours(pixels) - np.asarray(expected.colours)).mean())
    if difference <= MAX_MEAN_DIFFERENCE:
        return []
    return [f"the known picture differs by {difference:.1f} levels: at most {MAX_MEAN_DIFFERENCE} is allowed"]


def colours(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean colours of a picture in a grid, float64 [8, 8, 3]. Its sides are multiples of 8."""
    height, width, _ = pixels.shape
    cells = pixels.reshape(GRID, height // GRID, GRID, width // GRID, 3)
    means: NDArray[np.float64] = cells.mean(axis=(1, 3))
    return means


def record(pixels: NDArray[np.uint8], request: ImageRequest, folder: Path) -> None:
    """Write the known picture of a model into its folder, once it was looked at and found good."""
    expected = Expected(
        prompt=request.prompt,
        seed=request.seed,
        steps=request.steps,
        guidance_scale=request.guidance_scale,
        width=request.width,
        height=request.height,
        colours=colours(pixels).round(1).tolist(),
    )
    (folder / FILE_NAME).write_text(json.dumps(asdict(expected)) + "\n")
