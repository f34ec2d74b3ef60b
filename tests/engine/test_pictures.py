"""Same seed, same picture: compared with diffusers' own pipelines, run one request at a time, on tiny real models."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gateway.engine.diffusion import DiffusionModel
from gateway.engine.engine import Engine
from gateway.engine.families import PIPELINES, load
from gateway.engine.hub import current_drawing
from gateway.engine.registry import ModelSpec
from gateway.engine.requests import ImageRequest, InvalidRequestError
from tests.engine import tiny_models
from tests.engine.requesting import ask_for, draw_together, run_to_end

# Half a level is lost to rounding; the rest is what floating point may differ by.
TOLERANCE = 0.5 / 255 + 1e-4


def untouched_pipeline(spec: ModelSpec) -> Any:
    """The pipeline of a folder as diffusers loads it, which no engine has seen."""
    arguments: dict[str, Any] = {}
    if spec.family == "stable-diffusion":
        arguments = {"safety_checker": None, "requires_safety_checker": False}
    if spec.family == "stable-diffusion-3":
        arguments = {"text_encoder_3": None, "tokenizer_3": None}
    pipeline = getattr(diffusers, PIPELINES[spec.family]).from_pretrained(spec.source, **arguments)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def drawn_by_diffusers(spec: ModelSpec, request: ImageRequest, scheduler: Any = None) -> NDArray[np.float32]:
    """The picture, float32 [height, width, 3] in [0, 1], drawn by diffusers alone."""
    pipeline = untouched_pipeline(spec)
    pipeline.scheduler = scheduler or pipeline.scheduler
    negative = {"negative_prompt": request.negative_prompt} if request.negative_prompt else {}
    output = pipeline(
        request.prompt,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance_scale,
        generator=torch.Generator().manual_seed(request.seed),
        output_type="np",
        **negative,
    )
    picture: NDArray[np.float32] = output.images[0]
    return picture


def assert_same(pixels: NDArray[np.uint8] | None, picture: NDArray[np.float32]) -> None:
    assert pixels is not None
    assert pixels.shape == picture.shape
    assert np.abs(pixels / 255.0 - picture).max() <= TOLERANCE


@pytest.mark.parametrize("name", tiny_models.TINY)
def test_a_picture_does_not_depend_on_its_company(name: str, tiny_spec: Callable[[str], ModelSpec]) -> None:
    spec = tiny_spec(name)
    requests = [
        ask_for("a", seed=1, steps=2, guidance_scale=1.0),
        ask_for("b", seed=2, steps=4, guidance_scale=5.0, prompt="a blue boat on a lake"),
        ask_for("tall", seed=3, steps=3, height=64),
        ask_for("wide", seed=4, steps=3, width=64),
        ask_for("late", seed=5, steps=2, guidance_scale=7.5),
    ]
    engine = Engine(load(spec, device="cpu", threads=1), max_batch=5)

    for request in requests[:-1]:
        engine.submit(request)
    results = {result.id: result for result in engine.step()}
    engine.submit(requests[-1])
    results |= run_to_end(engine)

    for request in requests:
        assert results[request.id].error is None
        assert_same(results[request.id].pixels, drawn_by_diffusers(spec, request))


@contextmanager
def rows_of_launches(model: DiffusionModel) -> Iterator[list[int]]:
    """Rows of each real call of the denoiser, as its first layer sees them."""
    denoiser = getattr(model.pipeline, "unet", None) or model.pipeline.transformer
    first_layer = next(
        layer for name in ("conv_in", "x_embedder", "pos_embed") if (layer := getattr(denoiser, name, None))
    )
    rows: list[int] = []
    hook = first_layer.register_forward_hook(lambda _, given, __: rows.append(given[0].shape[0]))
    yield rows
    hook.remove()


@pytest.mark.parametrize("name", tiny_models.TINY)
def test_a_step_of_all_is_one_launch(name: str, tiny_spec: Callable[[str], ModelSpec]) -> None:
    model = load(tiny_spec(name), device="cpu", threads=1)
    assert isinstance(model, DiffusionModel)
    rows_each = 1 if name == "flux" else 2  # guidance by a second row, but where it is distilled

    with rows_of_launches(model) as rows:
        draw_together(Engine(model, max_batch=3), [ask_for(str(steps), steps=steps) for steps in (2, 3, 4)])

    assert rows == [3 * rows_each, 3 * rows_each, 2 * rows_each, rows_each]


def test_pictures_done_at_the_same_step_are_decoded_together(tiny_model: DiffusionModel) -> None:
    rows: list[int] = []
    decoder = tiny_model.pipeline.vae.decoder
    hook = decoder.register_forward_hook(lambda _, given, __: rows.append(given[0].shape[0]))

    draw_together(Engine(tiny_model, max_batch=3), [ask_for(name) for name in ("a", "b", "c")])
    hook.remove()

    assert rows == [3]


def test_a_negative_prompt_steers_its_own_picture_alone(
    tiny_spec: Callable[[str], ModelSpec], tiny_model: DiffusionModel
) -> None:
    requests = [ask_for("with", negative_prompt="blurry, dark"), ask_for("without")]

    results = draw_together(Engine(tiny_model, max_batch=2), requests)

    for request in requests:
        assert_same(results[request.id].pixels, drawn_by_diffusers(tiny_spec("stable-diffusion"), request))
    assert not np.array_equal(results["with"].pixels, results["without"].pixels)


SCHEDULERS = {
    "euler": diffusers.EulerDiscreteScheduler,
    "ancestral": diffusers.EulerAncestralDiscreteScheduler,
    "multistep": diffusers.DPMSolverMultistepScheduler,
    "ddim": diffusers.DDIMScheduler,
    "pndm": diffusers.PNDMScheduler,
    "heun": diffusers.HeunDiscreteScheduler,
}


class ManySchedulersModel(DiffusionModel):
    """Gives each request the scheduler that its id names."""

    def new_scheduler(self) -> Any:
        drawing = current_drawing()
        assert drawing is not None
        return SCHEDULERS[drawing.request.id].from_config(self.pipeline.scheduler.config)


def test_requests_with_different_schedulers_share_a_batch(tiny_spec: Callable[[str], ModelSpec]) -> None:
    spec = tiny_spec("stable-diffusion")
    model = ManySchedulersModel(spec, untouched_pipeline(spec), folder=Path(spec.source))
    requests = [ask_for(name, seed=seed, steps=3 + seed % 3) for seed, name in enumerate(SCHEDULERS)]

    with rows_of_launches(model) as rows:
        results = draw_together(Engine(model, max_batch=len(requests)), requests)

    assert rows[:3] == [2 * len(requests)] * 3
    for request in requests:
        scheduler = SCHEDULERS[request.id].from_config(model.pipeline.scheduler.config)
        assert_same(results[request.id].pixels, drawn_by_diffusers(spec, request, scheduler))


@pytest.mark.parametrize("max_batch", [1, 2, 5])
def test_the_seed_alone_chooses_the_noise_whatever_the_batch_size(
    tiny_spec: Callable[[str], ModelSpec], tiny_model: DiffusionModel, max_batch: int
) -> None:
    engine = Engine(tiny_model, max_batch=max_batch)

    results = draw_together(engine, [ask_for(f"same {n}", seed=7) for n in range(max_batch)])
    other = draw_together(engine, [ask_for("other", seed=8)])["other"]

    picture = drawn_by_diffusers(tiny_spec("stable-diffusion"), ask_for("alone", seed=7))
    for result in results.values():
        assert_same(result.pixels, picture)
        assert not np.array_equal(result.pixels, other.pixels)


def test_neighbours_of_an_aborted_request_draw_what_they_draw_alone(
    tiny_spec: Callable[[str], ModelSpec], tiny_model: DiffusionModel
) -> None:
    engine = Engine(tiny_model, max_batch=3)
    stays = [ask_for("a", seed=1, steps=4), ask_for("b", seed=2, steps=5)]
    for request in (stays[0], ask_for("goes", steps=5), stays[1]):
        engine.submit(request)
    engine.step()

    engine.abort("goes")
    results = run_to_end(engine)

    assert results.keys() == {"a", "b"}
    for request in stays:
        assert_same(results[request.id].pixels, drawn_by_diffusers(tiny_spec("stable-diffusion"), request))


def test_neighbours_of_a_request_whose_pipeline_raises_draw_what_they_draw_alone(
    tiny_spec: Callable[[str], ModelSpec],
) -> None:
    # The entry lets multiples of 4 pass, of which the pipeline refuses half.
    spec = dataclasses.replace(tiny_spec("stable-diffusion"), size_multiple=4)
    model = DiffusionModel(spec, untouched_pipeline(spec), folder=Path(spec.source))
    good = ask_for("good")

    results = draw_together(Engine(model, max_batch=2), [ask_for("bad", width=36), good])

    assert results["bad"].error == "pipeline_failed"
    assert "divisible by 8" in results["bad"].detail
    assert_same(results["good"].pixels, drawn_by_diffusers(spec, good))


def test_latents_are_decoded_in_the_precision_of_the_autoencoder(tiny_spec: Callable[[str], ModelSpec]) -> None:
    spec = tiny_spec("stable-diffusion")
    model = DiffusionModel(spec, untouched_pipeline(spec), folder=Path(spec.source))
    model.pipeline.vae.double()

    results = draw_together(Engine(model, max_batch=2), [ask_for("a", seed=1), ask_for("b", seed=2)])

    assert_same(results["a"].pixels, drawn_by_diffusers(spec, ask_for("a", seed=1)))


def test_gradients_are_as_they_were_after_a_step_and_after_an_abort(tiny_model: DiffusionModel) -> None:
    engine = Engine(tiny_model, max_batch=2)
    engine.submit(ask_for("a"))
    engine.submit(ask_for("b"))

    engine.step()
    after_step = torch.is_grad_enabled()
    engine.abort("a")
    after_abort = torch.is_grad_enabled()

    assert (after_step, after_abort) == (True, True)
    assert not torch.is_inference_mode_enabled()


def test_a_distilled_model_refuses_a_negative_prompt(tiny_spec: Callable[[str], ModelSpec]) -> None:
    engine = Engine(load(tiny_spec("flux"), device="cpu", threads=1), max_batch=1)

    with pytest.raises(InvalidRequestError, match="negative_prompt"):
        engine.submit(ask_for("a", negative_prompt="blurry"))


@contextmanager
def broken(parameter: torch.nn.Parameter) -> Iterator[None]:
    kept = parameter.detach().clone()
    with torch.no_grad():
        parameter.fill_(float("nan"))
    yield
    with torch.no_grad():
        parameter.copy_(kept)


def test_numbers_that_are_not_finite_are_no_picture(tiny_model: DiffusionModel) -> None:
    with broken(tiny_model.pipeline.unet.conv_out.weight):
        results = draw_together(Engine(tiny_model, max_batch=1), [ask_for("a")])

        assert tiny_model.self_test() == ["the model drew numbers that are not finite"]

    assert (results["a"].error, results["a"].pixels) == ("not_finite", None)
