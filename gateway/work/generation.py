"""The generation worker's turn: claim pictures of one model, keep the batch full between denoising steps, settle each.

What is finished is encoded, written to quarantine and settled on a second thread with a connection of its own, so that
the device goes on; no connection is held while a step runs.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import numpy as np
from django.conf import settings
from django.db import close_old_connections, connection
from numpy.typing import NDArray

from gateway import lifecycle
from gateway.audit.log import Actor
from gateway.catalogue import default_model, registry
from gateway.delivery.access import identity_of, quarantine_writer
from gateway.delivery.stores import StoreError
from gateway.engine.engine import Engine
from gateway.engine.families import load
from gateway.engine.hub import Model
from gateway.engine.png import encode_png
from gateway.engine.requests import (
    DeviceLostError,
    EngineError,
    ImageRequest,
    ImageResult,
    InvalidRequestError,
    OutOfMemoryError,
)
from gateway.leases import Lease
from gateway.lifecycle import StoredBytes
from gateway.models import Image
from gateway.nudges import nudge
from gateway.outages import OUTAGES
from gateway.work.worker import EXIT_CODE, TRY_AGAIN_S, Worker
from moderation.text.normalise import canonical

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.1  # how often a batch with free slots asks for newcomers
LOAD_AGAIN_S = 60.0  # a model that could not be loaded
MAX_SETTLING = 32  # pictures drawn and not yet stored; past it the drawing waits for the store


@cache
def model(name: str) -> Model:
    """A loaded model; loading may take minutes, and the heartbeat goes on meanwhile."""
    configuration = settings.CONFIGURATION
    return load(
        registry()[name],
        device=configuration.device,
        threads=configuration.torch_threads,
        allow_hub=configuration.allow_hub,
    )


def serves() -> tuple[str, ...]:
    return tuple(registry())


def self_test() -> Sequence[str]:
    """Whether the default model draws its known picture."""
    name = default_model()
    if name not in registry():
        return [f"IMPRIMATUR_DEFAULT_MODEL is {name!r}: none of {', '.join(registry())}"]
    try:
        return list(model(name).self_test())
    except EngineError as error:
        return [f"{name}: {error.code}: {error}"]


class Turn:
    """One turn at one model."""

    def __init__(self, worker: Worker, loaded: Model) -> None:
        self.worker = worker
        self.name = loaded.spec.name
        self.engine = Engine(loaded, max_batch=_fits.get(self.name, settings.CONFIGURATION.max_batch))
        self.under_way: dict[str, Lease] = {}
        self.images: dict[str, Image] = {}
        self.settling: list[Future[None]] = []
        self.alone = False
        self._ends_at = time.monotonic() + settings.CONFIGURATION.turn_s
        self._next_look = 0.0

    def run(self) -> bool:
        """Draw until nothing waits or the time is up; whether work may be left."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="settle") as settler:
            self.settler = settler
            while True:
                if self.worker.stopping:
                    break  # what is half drawn goes back with the end of the turn
                if time.monotonic() < self._ends_at:
                    self._claim()
                if not self.under_way:
                    if self._quiet():
                        break
                    continue
                self._leave_what_is_lost()
                self._step()
            for future in self.settling:
                future.result()
            settler.submit(_close_connection).result()
        return time.monotonic() >= self._ends_at

    def _quiet(self) -> bool:
        """Nothing under way: done, unless what is being settled makes room for a suspect's successor."""
        self.alone = False
        if time.monotonic() >= self._ends_at:
            return True
        taken = self._next_look
        self._next_look = 0.0
        self._claim()
        self._next_look = max(taken, self._next_look)
        return not self.under_way

    def _claim(self) -> None:
        free = self.engine.free_slots
        now = time.monotonic()
        if self.alone or free == 0 or now < self._next_look:
            return
        first = not self.under_way
        try:
            taken = self.worker.claim("pending", free, model=self.name, suspects=first)
        except OUTAGES:
            if first:
                raise
            connection.close()  # what is half drawn may still find the database back
            self._next_look = now + TRY_AGAIN_S
            return
        if not taken:
            self._next_look = now + LOOK_AGAIN_S
            return
        # A turn begins with at most one suspect, alone; what it does to this worker is then its own doing.
        self.alone = taken[0].suspect
        self._admit(taken)

    def _admit(self, taken: Sequence[Lease]) -> None:
        found = Image.objects.select_related("generation__prompt").in_bulk([lease.row_id for lease in taken])
        for lease in taken:
            if lease.spent:
                self._settle_failed(lease, "crashed")
                continue
            try:
                request = _request(found[lease.row_id])
                if request is None:  # erased or sealed meanwhile: its generation has ended
                    self.worker.drop(lease)
                    continue
                self.engine.submit(request)
            except (InvalidRequestError, KeyError, TypeError, ValueError) as error:
                logger.warning("a model refused a request", extra={"fields": {"error": type(error).__name__}})
                self._settle_failed(lease, InvalidRequestError.code)
                continue
            self.under_way[request.id] = lease
            self.images[request.id] = found[lease.row_id]

    def _leave_what_is_lost(self) -> None:
        lost = self.worker.lost_among(lease.row_id for lease in self.under_way.values())
        for row_id in lost:
            lease = self.under_way.pop(str(row_id))
            self.images.pop(str(row_id))
            self.engine.abort(str(row_id))
            self.worker.drop(lease)

    def _step(self) -> None:
        if not self.under_way:
            return
        try:
            results = self.engine.step()
        except OutOfMemoryError:
            for request_id in self.engine.halve():
                self.images.pop(request_id)
                self.worker.give_back(self.under_way.pop(request_id), delay_s=0)
            _fits[self.name] = self.engine.max_batch
            logger.warning(
                "out of memory: the batch was halved", extra={"fields": {"max_batch": self.engine.max_batch}}
            )
            return
        for result in results:
            lease = self.under_way.pop(result.id)
            image = self.images.pop(result.id)
            self.settling.append(self.settler.submit(self._settle, lease, image, result))
        while self.settling and (self.settling[0].done() or len(self.settling) > MAX_SETTLING):
            self.settling.pop(0).result()

    # ---- on the settling thread

    def _settle(self, lease: Lease, image: Image, result: ImageResult) -> None:
        close_old_connections()
        if result.pixels is None:
            self._settle_failed(lease, result.error or "engine_error")
            return
        try:
            with self.worker.settling(lease):
                self._settle_made(lease, image, result.pixels)
        except OUTAGES:
            logger.warning("not stored", extra={"fields": {"image": result.id, "error": "no database"}})
            connection.close()  # the lease lapses by itself
            self.worker.drop(lease)

    def _settle_made(self, lease: Lease, image: Image, pixels: NDArray[np.uint8]) -> None:
        try:
            stored = quarantine_writer().write(encode_png(pixels), identity_of(image, attempt=lease.attempt))
        except StoreError as error:
            why = type(error).__name__
            logger.warning("not stored", extra={"fields": {"image": str(lease.row_id), "error": why}})
            self.worker.give_back(lease, delay_s=TRY_AGAIN_S)
            return
        lifecycle.settle_generated(
            lease.generation_id,
            lease.row_id,
            attempt=lease.attempt,
            stored=StoredBytes(stored.object_key, bytes.fromhex(stored.sha256), stored.size_bytes, stored.wrapped_key),
            units=image.generation.cost,
            actor=Actor("worker", self.worker.boot_id),
        )
        nudge("screening")

    def _settle_failed(self, lease: Lease, why: str) -> None:
        with self.worker.settling(lease):
            lifecycle.settle_not_generated(
                lease.generation_id,
                lease.row_id,
                attempt=lease.attempt,
                why=why,
                actor=Actor("worker", self.worker.boot_id),
            )


def _close_connection() -> None:
    """Close the calling thread's own."""
    connection.close()


def _request(image: Image) -> ImageRequest | None:
    """What the engine is asked for. The generator gets the canonical words, those that the checkers judged."""
    prompt = image.generation.prompt
    if prompt.text is None:
        return None
    parameters = image.generation.parameters
    return ImageRequest(
        id=str(image.pk),
        prompt=canonical(prompt.text),
        negative_prompt=canonical(prompt.negative_text or ""),
        seed=image.seed,
        width=parameters["width"],
        height=parameters["height"],
        steps=parameters["steps"],
        guidance_scale=float(parameters["guidance_scale"]),
    )


def _loaded(worker: Worker, name: str, load_model: Callable[[str], Model]) -> Model | None:
    """This model, or None if it cannot be loaded here: it must not stand before those that can."""
    loaded = None
    try:
        loaded = load_model(name)
    except Exception:
        logger.exception("a model cannot be loaded", extra={"fields": {"model": name}})
        _unusable[name] = time.monotonic() + LOAD_AGAIN_S
    else:
        _unusable.pop(name, None)
    worker.now_serves([each for each in serves() if each not in _unusable])
    return loaded


def _next_model(last: str | None) -> str | None:
    """The model to draw with: the longest waiting, but the one that just had a whole turn only if no other waits."""
    now = time.monotonic()
    names = [name for name in registry() if _unusable.get(name, 0.0) <= now]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.name FROM unnest(%s::text[]) AS m(name) CROSS JOIN LATERAL "
            "(SELECT id FROM image WHERE model = m.name AND status = 'pending' AND NOT leased AND not_before IS NULL "
            "ORDER BY tag, id LIMIT 1) head ORDER BY m.name = %s, head.id",
            [names, last or ""],
        )
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def turn(worker: Worker, *, load_model: Callable[[str], Model] = model) -> None:
    """One turn: every model that has work, one after another; nudges itself when its time is over.

    Args:
        load_model: the model of a name, loaded now or before.

    Raises:
        SystemExit: the device is lost.
    """
    global _last  # noqa: PLW0603 - which model had the last whole turn
    while not worker.stopping and worker.pass_self_test():
        name = _next_model(_last)
        if name is None:
            return
        loaded = _loaded(worker, name, load_model)
        if loaded is None:
            continue
        try:
            unfinished = Turn(worker, loaded).run()
        except DeviceLostError:
            logger.exception("the device is lost: ending")
            raise SystemExit(EXIT_CODE) from None
        _last = name if unfinished else None
        if unfinished:
            nudge("generation")
            return


_last: str | None = None
_fits: dict[str, int] = {}  # what a model's batch was halved to, for as long as this child lives
_unusable: dict[str, float] = {}  # models that could not be loaded, and when that is tried again
