"""`manage.py demo --review N`: work to try the desk on, asked for at the clients' door as any client would.

Nothing is written behind the record's back: harmless words that stand for a hold (docs/checkers.md), texts in languages
that no checker covers, and borderline wishes of a catalogue make the cases, and the gate makes the pictures. So no case
is older than this run, and what the policy lets pass is released and stays out of the queues.
"""

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.demo.doors import Client, Reviewer, StoryError

HOLD_PROMPT, FLAG_PROMPT, HOLD_IMAGE = (f"IMPRIMATUR-TEST-{word}" for word in ("PROMPT-HOLD", "PROMPT-FLAG", "HOLD"))
FEW_STEPS = 6
WITHIN_S = 900
ESCALATED = 3
CLIENTS = tuple(f"demo customer {number}" for number in range(1, 8))  # whom the requests are made for

# Lists of words, harmless all of them: everyday wishes in many languages; some in languages that no checker declares,
# held unscreened; what a page or a reader could stumble over; what a policy may well ask about; things to draw.
WISHES: dict[str, list[str]] = json.loads(Path(__file__).with_name("wishes.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Wish:
    """One request, and how many cases it is expected to make."""

    prompt: str
    cases: int = 1
    body: dict[str, Any] = field(default_factory=dict)


def wishes(*, drawn_by: str | None) -> Iterator[Wish]:
    """Requests without end, of every kind in turn; the same ones at every run.

    Args:
        drawn_by: a model that draws, for some of the pictures; None: the test card makes them all.
    """
    rng = random.Random(10)  # noqa: S311 - variety, not secrecy
    ordinary, unknown, hostile, borderline, things = (itertools.cycle(each) for each in WISHES.values())
    for number in itertools.count(1):
        yield Wish(f"{next(ordinary)}, {HOLD_PROMPT}")
        yield Wish(f"{next(hostile)} {HOLD_PROMPT}")
        num_images = rng.choice((1, 1, 2, 4))
        yield Wish(
            f"{next(ordinary)}, card {number}, {HOLD_IMAGE}", num_images, {"model": "test-card", "n": num_images}
        )
        yield Wish(next(unknown))
        if drawn_by is not None:
            num_images = rng.choice((1, 2, 4))
            drawn = {"model": drawn_by, "n": num_images, "steps": FEW_STEPS}
            yield Wish(f"{next(things)} on a white background, {FLAG_PROMPT}", num_images, drawn)
        yield Wish(f"{next(hostile)} {HOLD_IMAGE}", 1, {"model": "test-card"})
        yield Wish(next(borderline), 0, {"model": "test-card"})


def fill(client: Client, cases: int, *, tell: Callable[[str], None]) -> None:
    """Ask until about so many cases should wait, then wait for the gate to have judged it all; tells what came of it.

    Raises:
        StoryError: a request was refused, or the gate is not through in time.
    """
    drawn_by = next((name for name in client.models() if name != "test-card"), None)
    expected, asked = 0, []
    for number, wish in enumerate(wishes(drawn_by=drawn_by)):
        if expected >= cases:
            break
        asked.append(client.ask(wish.prompt, user=CLIENTS[number % len(CLIENTS)], **wish.body)["id"])
        expected += wish.cases
    tell(f"Asked {len(asked)} times at the clients' door; waiting until each is judged.")
    judged = list(_judged(client, asked))
    statuses = Counter(generation["status"] for generation in judged)
    held = Counter(
        "images" if any(image["status"] == "held" for image in generation["images"]) else "prompts"
        for generation in judged
        if generation["status"] == "in_review"
    )
    pictures = sum(image["status"] == "held" for generation in judged for image in generation["images"])
    tell(
        f"{held['prompts']} prompts and {pictures} images of {held['images']} requests wait for a person; "
        f"{statuses['completed']} were let through, {statuses['blocked']} blocked."
    )


def _judged(client: Client, asked: list[str]) -> Iterator[dict[str, Any]]:
    """Each generation, once the gate is through with it or a person is asked."""
    ends_at = time.monotonic() + WITHIN_S
    for each in asked:
        while (generation := client.generation(each))["status"] in ("screening", "generating"):
            if time.monotonic() > ends_at:
                raise StoryError(f"still {generation['status']} after {WITHIN_S} s")
            time.sleep(1.0)
        yield generation


def escalate_some(reviewer: Reviewer, *, name: str, password: str, tell: Callable[[str], None]) -> None:
    """The demo's reviewer passes a few cases on to seniors, so that their lane is not empty."""
    reviewer.sign_in(name, password)
    passed_on = 0
    while passed_on < ESCALATED and (page := reviewer.take_case()) is not None:
        reviewer.decide(page, "escalate", note="for a senior's eyes, in the demo")
        passed_on += 1
        time.sleep(0.1)
    reviewer.sign_out()
    tell(f"The reviewer escalated {passed_on} of them.")
