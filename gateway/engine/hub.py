"""Where requests meet: each runs as a greenlet, and waits here whenever it needs a part of the model they share."""

from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from greenlet import getcurrent, greenlet
from numpy.typing import NDArray

from gateway.engine.registry import ModelSpec
from gateway.engine.requests import ImageRequest

Arguments = Any
Answer = Any


class Component(Protocol):
    """A part of a model, such as its denoiser, that can serve several requests in one call."""

    @property
    def denoises(self) -> bool:
        """Whether a call of it is a denoising step; anything else is a side call, done before the next step."""

    def run(self, calls: Sequence[Arguments]) -> Sequence[Answer]:
        """One answer for each of the calls, which have equal keys."""


class Model(Protocol):
    """What the engine drives. `draw` is written as if its request were alone."""

    spec: ModelSpec

    def inference(self) -> AbstractContextManager[object]:
        """The state of the thread (gradients off, say) under which everything of this model runs."""

    def draw(self, request: ImageRequest) -> NDArray[np.uint8]:
        """The picture, uint8 [height, width, 3]. Runs inside a `Drawing` and calls `ask` for shared components."""

    def self_test(self) -> list[str]:
        """What is wrong with a picture whose looks are known; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a drawing waits for. Calls of one component with equal keys can be answered together."""

    component: Component
    key: Hashable
    arguments: Arguments


class Drawing(greenlet):  # type: ignore[misc]  # greenlet has no types
    """One request on its way through the model: a greenlet that comes back with the next Call, or with its pixels."""

    def __init__(self, request: ImageRequest, model: Model) -> None:
        super().__init__()
        self.request = request
        self.model = model
        self.steps = 0

    def run(self) -> NDArray[np.uint8]:
        return self.model.draw(self.request)


def current_drawing() -> Drawing | None:
    """The drawing whose code is running, or None in the hub itself."""
    current = getcurrent()
    return current if isinstance(current, Drawing) else None


def ask(call: Call) -> Answer:
    """Wait in the hub until `call` was run, perhaps with others like it, and return its answer.

    Raises:
        Whatever the component raised for this call.
    """
    hub = getcurrent().parent
    if hub is None:
        raise RuntimeError("only a drawing can ask: this code runs outside of an engine")
    return hub.switch(call)
