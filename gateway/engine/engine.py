"""The step loop: many requests, each at its own step, in one call of the denoiser."""

import logging
from collections.abc import Callable, Sequence

import numpy as np
from greenlet import GreenletExit
from numpy.typing import NDArray

from gateway.engine.hub import Answer, Call, Drawing, Model
from gateway.engine.requests import (
    DeviceLostError,
    EngineError,
    EngineFullError,
    ImageRequest,
    ImageResult,
    InvalidRequestError,
    OutOfMemoryError,
    PipelineFailedError,
)

log = logging.getLogger(__name__)

Waiting = tuple[Drawing, Call]


class Engine:
    """Draws up to `max_batch` requests of one model at a time, a denoising step of all of them per `step()`.

    Requests come and go between steps. Everything happens on the thread that calls `step()`; nothing here is
    safe to share between threads.
    """

    def __init__(self, model: Model, *, max_batch: int) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch is {max_batch}: it must be at least 1")
        self.model = model
        self.max_batch = max_batch
        self._newcomers: dict[str, ImageRequest] = {}
        self._waiting: dict[str, Waiting] = {}
        self._finished: list[ImageResult] = []

    @property
    def free_slots(self) -> int:
        """How many more requests `submit` takes now."""
        return max(0, self.max_batch - len(self._newcomers) - len(self._waiting))

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of the requests that have no result yet, oldest first."""
        return (*self._waiting, *self._newcomers)

    def submit(self, request: ImageRequest) -> None:
        """Take a request into the batch; it starts with the next step.

        Raises:
            EngineFullError: no slot is free.
            InvalidRequestError: the model cannot draw it, or its id is already active.
        """
        if request.id in self._newcomers or request.id in self._waiting:
            raise InvalidRequestError("id", request.id, "unique among the active requests")
        self.model.spec.check(
            width=request.width,
            height=request.height,
            steps=request.steps,
            guidance_scale=request.guidance_scale,
            seed=request.seed,
            negative_prompt=request.negative_prompt,
        )
        if not self.free_slots:
            raise EngineFullError(f"all {self.max_batch} slots are taken")
        self._newcomers[request.id] = request

    def abort(self, request_id: str) -> None:
        """Let a request leave at once and without a result. One that is not active any more is ignored."""
        self._newcomers.pop(request_id, None)
        waiting = self._waiting.pop(request_id, None)
        if waiting is not None:
            with self.model.inference():
                waiting[0].throw(GreenletExit)

    def halve(self) -> tuple[str, ...]:
        """Halve `max_batch` and drop the youngest requests that no longer fit; their ids, to be asked for again.

        The answer to `OutOfMemoryError`.
        """
        self.max_batch = max(1, min(self.max_batch, len(self.active)) // 2)
        dropped = self.active[self.max_batch :]
        for request_id in dropped:
            self.abort(request_id)
        return dropped

    def step(self) -> list[ImageResult]:
        """One denoising step of everybody in the batch; the results of those who are done.

        A request that fails is a result with an error and harms no other.

        Raises:
            OutOfMemoryError: the batch does not fit; every request is still there. Call `halve()` and step on.
            DeviceLostError: end the process.
        """
        with self.model.inference():
            self._admit_newcomers()
            self._finish_side_calls()
            self._denoise()
            self._finish_side_calls()
        return self._hand_out()

    def _admit_newcomers(self) -> None:
        while self._newcomers:
            request = self._newcomers.pop(next(iter(self._newcomers)))
            drawing = Drawing(request, self.model)
            self._resume(drawing, drawing.switch)

    def _finish_side_calls(self) -> None:
        """Until everybody waits for the denoiser or is done, so that the next launch of it is as full as can be."""
        while calls := [waiting for waiting in self._waiting.values() if not waiting[1].component.denoises]:
            self._serve(calls)

    def _denoise(self) -> None:
        """One call of the denoiser for each; those of one size share a launch, whatever their step or guidance."""
        self._serve([waiting for waiting in self._waiting.values() if waiting[1].component.denoises])

    def _hand_out(self) -> list[ImageResult]:
        finished, self._finished = self._finished, []
        return finished

    def _serve(self, waiting: Sequence[Waiting]) -> None:
        groups: dict[tuple[int, object], list[Waiting]] = {}
        for each in waiting:
            groups.setdefault((id(each[1].component), each[1].key), []).append(each)
        for group in groups.values():
            self._run_together(group)

    def _run_together(self, group: list[Waiting]) -> None:
        """Answer these calls in one launch; if that fails one by one, so that only who causes it fails."""
        component = group[0][1].component
        try:
            answers = component.run([call.arguments for _, call in group])
        except DeviceLostError:
            raise
        except OutOfMemoryError as error:
            self._make_room(group, error)
        except Exception as error:
            if len(group) == 1:
                self._fail(group[0][0], error)
                return
            log.warning("%d calls failed together and are made one by one", len(group), exc_info=True)
            for each in group:
                self._run_together([each])
        else:
            for (drawing, _), answer in zip(group, answers, strict=True):
                self._answer(drawing, answer, denoised=component.denoises)

    def _make_room(self, group: list[Waiting], error: OutOfMemoryError) -> None:
        """Side calls, made once for a picture, go on in halves; for the denoiser the batch must shrink for good."""
        if len(group) > 1 and not group[0][1].component.denoises:
            middle = len(group) // 2
            self._run_together(group[:middle])
            self._run_together(group[middle:])
        elif len(self._waiting) > 1:
            raise error
        else:
            self._fail(group[0][0], error)

    def _answer(self, drawing: Drawing, answer: Answer, *, denoised: bool) -> None:
        drawing.steps += denoised
        self._resume(drawing, lambda: drawing.switch(answer))

    def _fail(self, drawing: Drawing, error: Exception) -> None:
        self._resume(drawing, lambda: drawing.throw(error))

    def _resume(self, drawing: Drawing, switch: Callable[[], Call | NDArray[np.uint8]]) -> None:
        """Let a drawing run to its next call or its end, and keep what it comes back with."""
        request_id = drawing.request.id
        try:
            came_back = switch()
        except Exception as error:
            code = error.code if isinstance(error, EngineError) else PipelineFailedError.code
            log.warning("request %s failed: %s", request_id, code, exc_info=True)
            self._waiting.pop(request_id, None)
            detail = f"{type(error).__name__}: {error}"
            self._finished.append(ImageResult(request_id, None, code, drawing.steps, detail))
            return
        if isinstance(came_back, Call):
            self._waiting[request_id] = (drawing, came_back)
            return
        self._waiting.pop(request_id, None)
        self._finished.append(ImageResult(request_id, came_back, None, drawing.steps))
