"""What goes into the engine and what comes out: requests, results, and the errors between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One picture to make. Its seed alone, never its company in a batch, decides its noise.

    `width` and `height` are pixels, `seed` is in [0, 2**63), `id` is unique among the engine's active requests.
    """

    id: str
    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int
    steps: int
    guidance_scale: float


@dataclass(frozen=True, slots=True)
class ImageResult:
    """How a request ended: either `pixels` or `error` is there.

    Attributes:
        pixels: uint8 [height, width, 3], RGB.
        error: the `code` of an `EngineError`.
        steps: calls of the denoiser made for it.
        detail: the error in words for the operator's log; it may quote the pipeline, so clients never see it.
    """

    id: str
    pixels: NDArray[np.uint8] | None
    error: str | None
    steps: int
    detail: str = ""


class EngineError(Exception):
    """Base of everything the engine raises. `code` is stable."""

    code = "engine_error"


class RegistryError(EngineError):
    """The models file is wrong; the message names field, value and limit. The start stops."""

    code = "invalid_models_file"


class ModelError(EngineError):
    """A model cannot be loaded, or what was loaded is not what its entry says."""

    code = "model_unusable"


class InvalidRequestError(EngineError):
    """A request is outside what its model can draw."""

    code = "invalid_request"

    def __init__(self, field: str, value: object, limit: str) -> None:
        super().__init__(f"{field} is {value!r}: it must be {limit}")
        self.field = field
        self.value = value
        self.limit = limit


class EngineFullError(EngineError):
    """No slot is free; `Engine.free_slots` says so beforehand."""

    code = "engine_full"


class PipelineFailedError(EngineError):
    """A request's own pipeline raised; its neighbours are unharmed."""

    code = "pipeline_failed"


class NotFiniteError(EngineError):
    """The model drew numbers that are not finite, so there is no picture."""

    code = "not_finite"


class OutOfMemoryError(EngineError):
    """The batch does not fit the device. No request is lost: call `Engine.halve()`, then step on."""

    code = "out_of_memory"


class DeviceLostError(EngineError):
    """The device no longer answers. The process must end; whoever holds the leases starts again elsewhere."""

    code = "device_lost"
