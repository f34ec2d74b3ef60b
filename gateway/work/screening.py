"""The screening worker's turn: prompts first, then pictures, many at once, until nothing waits or the turn is over."""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from gateway import lifecycle
from gateway.audit.log import Actor
from gateway.catalogue import registry
from gateway.delivery.access import quarantine_reader, read_master
from gateway.delivery.envelope import KeyUnavailableError
from gateway.delivery.quarantine import IntegrityError
from gateway.delivery.stores import StoreError
from gateway.delivery.vault import vault
from gateway.leases import Lease
from gateway.lifecycle import Judgement
from gateway.models import Image, Master, Prompt
from gateway.nudges import nudge
from gateway.work.known_pictures import known_lists
from gateway.work.worker import TRY_AGAIN_S, Worker
from moderation.policy import Policy, default_policy
from moderation.screens import (
    ImageInput,
    ImageScreen,
    PromptInput,
    PromptScreen,
    load_image_screen,
    load_prompt_screen,
)

logger = logging.getLogger(__name__)

PROMPT_BATCH = 32
IMAGE_BATCH = 8
UNJUDGED = Judgement(None)


@dataclass(frozen=True, slots=True)
class Screens:
    """What this process judges with."""

    prompts: PromptScreen
    images: ImageScreen
    policy: Policy


@cache
def screens() -> Screens:
    """The configured checkers and policy, loaded once; the policy is in the record before any verdict names it."""
    configuration = settings.CONFIGURATION
    checkers = None if configuration.checkers_file is None else json.loads(configuration.checkers_file.read_text())
    policy = default_policy() if configuration.policy_file is None else Policy.parse(_read(configuration.policy_file))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO policy_version (sha256, version, document) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [policy.sha256, policy.version, json.dumps(policy.document)],
        )
    return Screens(load_prompt_screen(checkers), load_image_screen(checkers, known_lists().now), policy)


def _read(path: Path) -> bytes:
    return path.read_bytes()


def serves() -> tuple[str, ...]:
    return ()


def self_test() -> Sequence[str]:
    """Whether every checker tells its harmless input from its canary, and this process can read and seal."""
    quarantine_reader()
    vault()
    return [*screens().prompts.self_test(), *screens().images.self_test()]


def turn(worker: Worker) -> None:
    """One turn."""
    ends_at = time.monotonic() + settings.CONFIGURATION.turn_s
    while not worker.stopping and worker.pass_self_test():
        prompts = worker.claim("prompt", PROMPT_BATCH)
        _screen_prompts(worker, prompts)
        images = worker.claim("generated", IMAGE_BATCH)
        _screen_images(worker, images)
        if not prompts and not images:
            return
        if time.monotonic() > ends_at:
            nudge("screening")
            return


def _screen_prompts(worker: Worker, taken: Sequence[Lease]) -> None:
    _give_up_spent(worker, taken)
    words = Prompt.objects.in_bulk([lease.row_id for lease in taken if not lease.spent])
    readable: list[tuple[Lease, PromptInput]] = []
    for lease in taken:
        prompt = words.get(lease.row_id)
        if prompt is not None and prompt.text is not None:
            readable.append((lease, PromptInput(prompt.text, prompt.negative_text or "")))
        elif not lease.spent:  # erased or sealed meanwhile: its generation has ended
            worker.drop(lease)
    assessed = screens().prompts.assess([given for _, given in readable])
    judged = [
        (lease, Judgement(screens().policy.judge(assessments, stage="prompt"), assessments))
        for (lease, _), assessments in zip(readable, assessed, strict=True)
    ]
    for lease, judgement in _without_failing_checkers(worker, judged):
        _settle_prompt(worker, lease, judgement)
    if judged:
        nudge("generation")


def _screen_images(worker: Worker, taken: Sequence[Lease]) -> None:
    _give_up_spent(worker, taken)
    whole = [lease for lease in taken if not lease.spent]
    images = Image.objects.select_related("generation").in_bulk([lease.row_id for lease in whole])
    masters = Master.objects.in_bulk([lease.row_id for lease in whole])
    readable: list[tuple[Lease, ImageInput]] = []
    for lease in whole:
        data = _read_back(worker, lease, images[lease.row_id], masters.get(lease.row_id))
        if data is not None:
            generation = images[lease.row_id].generation
            spec = registry().get(generation.model)
            given = ImageInput(
                data,
                hashlib.sha256(data).hexdigest(),
                scope=str(generation.organization_id),
                may_hold_text=spec is None or spec.draws_text,
            )
            readable.append((lease, given))
    known_lists().refresh()
    assessed = screens().images.assess([given for _, given in readable])
    judged = [
        (lease, Judgement(screens().policy.judge(assessments, stage="image"), assessments))
        for (lease, _), assessments in zip(readable, assessed, strict=True)
    ]
    hashes = {lease.row_id: bytes.fromhex(given.sha256) for lease, given in readable}
    for lease, judgement in _without_failing_checkers(worker, judged):
        _settle_image(worker, lease, judgement, hashes[lease.row_id])
    if judged:
        nudge("delivery")


def _read_back(worker: Worker, lease: Lease, image: Image, master: Master | None) -> bytes | None:
    """The bytes as they lie in quarantine; None when the image was settled or given back instead."""
    if master is None:
        _settle_image(worker, lease, UNJUDGED, None)
        return None
    try:
        return read_master(image, master)
    except IntegrityError:
        _settle_image(worker, lease, UNJUDGED, None)
    except KeyUnavailableError:  # the bytes may be good, and nobody here can look: a person must be asked
        _settle_image(worker, lease, UNJUDGED, bytes(image.master_sha256 or b""))
    except StoreError:
        logger.warning("quarantine did not answer", extra={"fields": {"image": str(lease.row_id)}})
        worker.give_back(lease, delay_s=TRY_AGAIN_S)
    return None


def _without_failing_checkers(
    worker: Worker, judged: Sequence[tuple[Lease, Judgement]]
) -> list[tuple[Lease, Judgement]]:
    """What can be settled. If a checker failed, the self-test tells whose fault it is: the input's, or the checker's.

    Where the checker is at fault its rows go back, and this worker takes none until it is well again; nobody living
    that can judge them, the sweeper holds them, to be looked at again before a person is asked. They are blamed all the
    same: an input that takes a checker with it for a while would come back for ever.
    """
    doubtful = {lease for lease, judgement in judged if judgement.verdict and judgement.verdict.worth_another_look}
    if not doubtful or worker.doubt("a checker did not answer"):
        return list(judged)
    for lease in doubtful:
        worker.give_back(lease, delay_s=TRY_AGAIN_S, blamed=True)
    return [(lease, judgement) for lease, judgement in judged if lease not in doubtful]


def _give_up_spent(worker: Worker, taken: Sequence[Lease]) -> None:
    """What took three workers with it no checker can judge: a person must."""
    for lease in taken:
        if lease.spent and lease.stage == "prompt":
            _settle_prompt(worker, lease, UNJUDGED)
        elif lease.spent:
            image = Image.objects.get(pk=lease.row_id)
            _settle_image(worker, lease, UNJUDGED, bytes(image.master_sha256 or b""))


def _settle_prompt(worker: Worker, lease: Lease, judgement: Judgement) -> None:
    with worker.settling(lease):
        lifecycle.settle_prompt(
            lease.generation_id, attempt=lease.attempt, judgement=judgement, actor=Actor("worker", worker.boot_id)
        )


def _settle_image(worker: Worker, lease: Lease, judgement: Judgement, sha256: bytes | None) -> None:
    with worker.settling(lease):
        lifecycle.settle_image(
            lease.generation_id,
            lease.row_id,
            attempt=lease.attempt,
            sha256=sha256,
            judgement=judgement,
            actor=Actor("worker", worker.boot_id),
        )
