"""Any text-to-image pipeline of diffusers as the engine drives it: unmodified, with its models shared by everybody."""

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray

from gateway.engine import self_test
from gateway.engine.collate import Rows, join, split
from gateway.engine.hub import Call, ask, current_drawing
from gateway.engine.registry import ModelSpec
from gateway.engine.requests import DeviceLostError, ImageRequest, NotFiniteError, OutOfMemoryError

DENOISERS = ("unet", "transformer")
TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")

# What PyTorch's own allocator for the CPU says, in a plain RuntimeError.
CPU_OUT_OF_MEMORY = "DefaultCPUAllocator"


class SharedFunction:
    """Stands in for a model's `forward` or `decode`: a call from a drawing waits in the hub for company."""

    def __init__(self, function: Callable[..., Any], *, denoises: bool) -> None:
        self.denoises = denoises
        self._function = function
        self._names = [
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        functools.update_wrapper(self, function)  # pipelines look at the signatures of what they call

    def __call__(self, *positional: Any, **named: Any) -> Any:
        drawing = current_drawing()
        if drawing is None:
            return self._function(*positional, **named)
        rows = Rows.of(dict(zip(self._names, positional, strict=False)) | named)
        # Two resolutions can have equal shapes (512 x 1024 and 1024 x 512 as tokens) and still not mix.
        size = (drawing.request.width, drawing.request.height)
        return ask(Call(self, key=(size, rows.key()), arguments=rows))

    def run(self, calls: Sequence[Rows]) -> list[Any]:
        """The answers to these calls, by one call of the model.

        Raises:
            OutOfMemoryError, DeviceLostError: of the device; anything else is as the model raised it.
        """
        try:
            if len(calls) == 1:
                return [self._function(**calls[0].arguments)]
            return split(self._function(**join(calls)), [call.count for call in calls])
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise OutOfMemoryError(str(error)) from error
        except torch.AcceleratorError as error:
            raise DeviceLostError(str(error)) from error
        except RuntimeError as error:
            if CPU_OUT_OF_MEMORY in str(error):
                raise OutOfMemoryError(str(error)) from error
            raise


class DiffusionModel:
    """A loaded pipeline. Each request runs the pipeline's own code on a shallow copy with a scheduler of its own.

    Args:
        pipeline: on its device and in its dtype already. It belongs to this object from now on.
        folder: where it was loaded from, for the picture that `self_test` compares with.
    """

    def __init__(self, spec: ModelSpec, pipeline: DiffusionPipeline, *, folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        self.pipeline = pipeline
        self._copy_class = _with_known_device(pipeline)
        pipeline.set_progress_bar_config(disable=True)
        for name in (*DENOISERS, *TEXT_ENCODERS):
            module = getattr(pipeline, name, None)
            if module is not None:
                module.forward = SharedFunction(module.forward, denoises=name in DENOISERS)
        pipeline.vae.decode = SharedFunction(_in_own_dtype(pipeline.vae), denoises=False)

    def inference(self) -> AbstractContextManager[object]:
        """Gradients off: one pipeline leaving its own `no_grad` would turn them on for its neighbours."""
        mode: AbstractContextManager[object] = torch.inference_mode()
        return mode

    def new_scheduler(self) -> Any:
        """A scheduler for one request alone: schedulers count steps and keep a history."""
        return copy.deepcopy(self.pipeline.scheduler)

    def _copy_with(self, scheduler: Any) -> Any:
        """A shallow copy of the pipeline: the same models, this scheduler."""
        pipeline: Any = object.__new__(self._copy_class)
        # Past the pipeline's own __setattr__, which would write the scheduler into the configuration that all share.
        pipeline.__dict__.update(self.pipeline.__dict__, scheduler=scheduler)
        return pipeline

    def draw(self, request: ImageRequest) -> NDArray[np.uint8]:
        """The picture, uint8 [height, width, 3]. Outside of an engine it is drawn alone.

        Raises:
            NotFiniteError: the model's numbers overflowed.
            Whatever the pipeline raises.
        """
        pipeline = self._copy_with(self.new_scheduler())
        arguments: dict[str, Any] = {"guidance_scale": request.guidance_scale}
        if request.negative_prompt:
            arguments["negative_prompt"] = request.negative_prompt
        pictures = pipeline(
            prompt=request.prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            # On the CPU whatever the device: CUDA's generators differ from card to card.
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type="pt",
            **arguments,
        ).images
        return _as_bytes(pictures[0])

    def self_test(self) -> list[str]:
        """What is wrong with a picture of known looks, in words; empty: nothing."""
        expected = self_test.expected_in(self.folder)
        request = self_test.request_for(self.spec, expected)
        try:
            with self.inference():
                pixels = self.draw(request)
        except NotFiniteError as error:
            return [str(error)]
        return self_test.problems(pixels, expected)


def _with_known_device(pipeline: DiffusionPipeline) -> type:
    """The pipeline's class, knowing its device: to find it in every module costs milliseconds for each picture."""
    known = pipeline.device
    return type(type(pipeline).__name__, (type(pipeline),), {"device": known, "_execution_device": known})


def _in_own_dtype(vae: Any) -> Callable[..., Any]:
    """`vae.decode`, taking latents of any floating type: where half precision overflows it is kept in float32.

    Pipelines pass a generator to decoders, which none of diffusers' image decoders reads.
    """
    decode = vae.decode

    def decode_cast(latents: torch.Tensor, *, return_dict: bool = True, generator: object = None) -> Any:  # noqa: ARG001
        return decode(latents.to(vae.dtype), return_dict=return_dict)

    return decode_cast


def _as_bytes(picture: torch.Tensor) -> NDArray[np.uint8]:
    """A picture, float [3, height, width] in [0, 1], as uint8 [height, width, 3]."""
    if not torch.isfinite(picture).all():
        raise NotFiniteError("the model drew numbers that are not finite")
    levels = (picture.float() * 255.0).round_().clamp_(0, 255).to(torch.uint8)
    pixels: NDArray[np.uint8] = levels.permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels
