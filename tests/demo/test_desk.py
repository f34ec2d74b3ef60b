"""What the demo asks for so that there is something to review."""

import itertools
import unicodedata
from collections import Counter
from pathlib import Path

from gateway.api.requests import GenerationRequest
from gateway.demo import desk
from gateway.demo.desk import CLIENTS, WISHES, wishes
from gateway.management import routing


def test_every_wish_is_a_request_that_the_clients_door_takes() -> None:
    for wish in itertools.islice(wishes(drawn_by="pocket"), 400):
        _, problems = GenerationRequest().read({"prompt": wish.prompt, "user": CLIENTS[0], **wish.body})
        assert problems == [], wish.prompt


def test_the_same_wishes_come_at_every_run() -> None:
    first, again = (list(itertools.islice(wishes(drawn_by=None), 100)) for _ in range(2))

    assert first == again


def test_wishes_are_of_many_scripts_and_of_requests_up_to_four_images() -> None:
    some = list(itertools.islice(wishes(drawn_by="pocket"), 200))
    scripts = Counter(
        unicodedata.name(letter, "?").split()[0] for wish in some for letter in wish.prompt if letter.isalpha()
    )

    assert len(scripts) >= 12
    assert {wish.body.get("n", 1) for wish in some} == {1, 2, 4}
    assert {wish.body.get("model") for wish in some} == {None, "test-card", "pocket"}


def test_no_wish_asks_for_what_is_sealed_or_blocked() -> None:
    words = " ".join(text for texts in WISHES.values() for text in texts)

    assert not any(f"{path}" in words.upper() for path in ("SEAL", "BLOCK"))


def test_the_demos_queues_can_be_carried_out() -> None:
    document = routing.read(Path(desk.__file__).with_name("routing.json").read_text())

    assert {rule.queue for rule in document.rules} <= {queue.name for queue in document.queues}


def test_without_a_model_that_draws_the_test_card_draws_all() -> None:
    assert {wish.body.get("model") for wish in itertools.islice(wishes(drawn_by=None), 50)} <= {None, "test-card"}
