"""A model that does as a test says, of the same Protocol as the real ones: it notes each launch, and fails on order."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import NDArray

from gateway.engine.hub import Call, ask
from gateway.engine.registry import TEST_CARD
from gateway.engine.requests import ImageRequest

Check = Callable[[Sequence[str]], None]


def agree(ids: Sequence[str]) -> None:
    """Let every launch succeed."""


class ScriptedComponent:
    def __init__(self, name: str, launches: list[tuple[str, ...]], check: Check, *, denoises: bool) -> None:
        self.denoises = denoises
        self._name = name
        self._launches = launches
        self._check = check

    def run(self, calls: Sequence[str]) -> Sequence[str]:
        self._launches.append((self._name, *calls))
        self._check(calls)
        return calls


class ScriptedModel:
    """Encodes, denoises and decodes in name only; `launches` has the component and the ids of each launch.

    `on_denoise` and `on_decode` are called with the ids of a launch and raise what it shall fail with.
    """

    spec = TEST_CARD

    def __init__(self, *, on_denoise: Check = agree, on_decode: Check = agree) -> None:
        self.launches: list[tuple[str, ...]] = []
        self._encoder = ScriptedComponent("encode", self.launches, agree, denoises=False)
        self._denoiser = ScriptedComponent("denoise", self.launches, on_denoise, denoises=True)
        self._decoder = ScriptedComponent("decode", self.launches, on_decode, denoises=False)
        self.left_early: list[str] = []

    def inference(self) -> AbstractContextManager[None]:
        return nullcontext()

    def draw(self, request: ImageRequest) -> NDArray[np.uint8]:
        done = False
        try:
            ask(Call(self._encoder, None, request.id))
            for _ in range(request.steps):
                ask(Call(self._denoiser, (request.width, request.height), request.id))
            ask(Call(self._decoder, None, request.id))
            done = True
        finally:
            if not done:
                self.left_early.append(request.id)
        return np.full((request.height, request.width, 3), request.seed, dtype=np.uint8)

    def self_test(self) -> list[str]:
        return []

    def denoised_together(self) -> list[tuple[str, ...]]:
        return [ids for name, *ids in self.launches if name == "denoise"]
