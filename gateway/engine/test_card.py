"""A model that draws the canary's cards: no weights, no network, and every path of the gate at a word's notice."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import NDArray

from gateway.engine.hub import Call, ask
from gateway.engine.registry import ModelSpec
from gateway.engine.requests import ImageRequest
from moderation import canary


class _Pace:
    """Stands where a denoiser would: one step of everybody, which takes as long as the spec says."""

    denoises = True

    def __init__(self, step_delay_s: float) -> None:
        self._step_delay_s = step_delay_s

    def run(self, calls: Sequence[None]) -> Sequence[None]:
        if self._step_delay_s:
            time.sleep(self._step_delay_s)
        return calls


class TestCardModel:
    """Draws the card that words in the prompt choose, after as many steps as were asked for."""

    __test__ = False  # its name begins as pytest's classes do

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._step = Call(_Pace(spec.step_delay_s), key=None, arguments=None)

    def inference(self) -> AbstractContextManager[None]:
        return nullcontext()

    def draw(self, request: ImageRequest) -> NDArray[np.uint8]:
        for _ in range(request.steps):
            ask(self._step)
        return canary.draw(canary.card_for(request.prompt), request.width, request.height, request.seed)

    def self_test(self) -> list[str]:
        """Empty when the card of a plain prompt reads as that card again."""
        card = canary.card_for("a test card")
        pixels = canary.draw(card, self.spec.default_width, self.spec.default_height, 0)
        read = canary.read(pixels)
        return [] if read == card else [f"drew the card {card!r} and read {read!r}"]
