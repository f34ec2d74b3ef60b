"""A checker that goes blind: its worker takes nothing, everybody is told, everything is held, and it ends by itself."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from django.test import Client, override_settings
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from gateway import settings as gateway_settings
from gateway.api.workers import sight
from gateway.models.fields import new_id
from gateway.sweep import Sweeper
from gateway.work import screening
from gateway.work.worker import Worker
from tests.record.world import SWEEPER, World
from tests.work.conftest import LIGHT, Turn, ask, sweep, through, wait_for, worker_of

WORDS = ["[PAD]", "[UNK]", "a", "red", "apple"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a tiny classifier that finds nothing harmful in anything."""
    folder = tmp_path_factory.mktemp("classifier")
    config = BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=16, max_position_embeddings=34, pad_token_id=0,
                        id2label={0: "safe", 1: "violent"}, label2id={"safe": 0, "violent": 1})  # fmt: skip
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([3.0, -3.0]))
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    ).save_pretrained(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def weights(
    sound: dict[str, bytes], tmp_path: Path, light_checkers: Callable[[dict[str, Any]], None]
) -> Callable[..., None]:
    """`weights(damaged=True)`: the checkers file names a classifier, `mine`, whose weights are cut short."""
    folder = tmp_path / "mine"
    folder.mkdir()
    entry = {"family": "transformers-text-classification", "name": "mine", "source": str(folder), "languages": ["en"],
             "labels": {"safe": None, "violent": "violence"}}  # fmt: skip
    light_checkers({**LIGHT, "prompt": [{"family": "terms"}, entry]})

    def write(*, damaged: bool) -> None:
        for name, data in sound.items():
            (folder / name).write_bytes(data[: len(data) // 2] if damaged and name.endswith(".safetensors") else data)

    return write


def clients_door(world: World, path: str) -> Any:
    """What the clients' door answers to anybody."""
    ours = {"ROOT_URLCONF": "gateway.urls", "MIDDLEWARE": gateway_settings._CLIENTS_MIDDLEWARE, "APPEND_SLASH": False}
    with world.record.acting_as("clients"), override_settings(**ours):
        return Client().get(path)


def readiness(world: World) -> tuple[int, list[str], str]:
    """What `/readyz` says: status, blind checkers, all of it as text."""
    response = clients_door(world, "/readyz")
    return response.status_code, response.json().get("blind", []), response.content.decode()


@pytest.fixture(autouse=True)
def everything_else_is_there(world: World) -> None:
    """The sweeper has counted, and no screening worker lives but those of the test."""
    sweep(world)
    with world.record.admin() as admin:
        admin.execute("DELETE FROM workers WHERE kind = 'screening'")


def started(world: World, **more: Any) -> Worker:
    """A new screening worker with a row, as a child that has begun: its self-test is made or failed."""
    worker = Worker("screening", screening.self_test, (), **more)
    with world.record.whole_process_as("screening"):
        worker._beat()
        worker.pass_self_test()
    return worker


@contextlib.contextmanager
def beginning(world: World, worker: Worker) -> Iterator[None]:
    """This worker lives, with its heartbeat and its own tests, until the end."""
    with world.record.whole_process_as("screening"):
        worker.begin()
        try:
            yield
        finally:
            worker.end()
            time.sleep(0.5)


def test_a_worker_with_damaged_weights_takes_nothing_and_readyz_names_the_checker(
    world: World, weights: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    weights(damaged=True)
    generation_id = ask(world, "a red apple nobody should read about")

    worker = started(world)
    with world.record.whole_process_as("screening"):
        screening.turn(worker)

    assert world.statuses(generation_id) == ("screening", ["waiting"])
    status, blind, text = readiness(world)
    assert (status, blind) == (503, ["mine"])
    assert "nobody should read" not in text
    assert str(Path.home()) not in text
    (entry,) = [record for record in caplog.records if record.message == "self-test failed"]
    assert entry.levelno == logging.ERROR
    assert "mine: " in entry.__dict__["fields"]["problem"]


def test_every_page_of_both_doors_says_that_a_checker_is_blind(world: World, weights: Callable[..., None]) -> None:
    weights(damaged=True)
    started(world)

    for path in ("/", "/docs/", "/problems/", "/problems/not_ready"):
        assert "Blind: mine." in clients_door(world, path).content.decode(), path
    with world.record.acting_as("people"):
        assert "Blind: mine." in Client().get("/accounts/login/").content.decode()


def test_no_page_says_so_while_the_checkers_see(world: World, weights: Callable[..., None]) -> None:
    weights(damaged=False)
    started(world)

    assert readiness(world)[:2] == (200, [])
    page = clients_door(world, "/").content.decode()
    assert "Blind" not in page
    assert "No checker is running" not in page


def test_while_none_can_judge_everything_is_held_and_said_once_and_it_ends_by_itself(
    world: World, weights: Callable[..., None], configured: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    weights(damaged=True)
    generation_id = ask(world, "a red apple")
    worker = started(world)
    sweeper = Sweeper(SWEEPER)
    configured(no_checker_grace_s=0.0)

    sweep(world, sweeper)
    sweep(world, sweeper)

    assert world.statuses(generation_id) == ("in_review", ["waiting"])
    assert [each.levelname for each in caplog.records if "everything is held" in each.message] == ["ERROR"]

    weights(damaged=False)  # somebody puts the file back
    configured(no_checker_grace_s=60.0)
    worker._next_self_test = 0.0  # five seconds later
    with world.record.whole_process_as("screening"):
        assert worker.pass_self_test()
    sweep(world, sweeper)
    with world.record.whole_process_as("screening"):
        screening.turn(worker)

    assert world.statuses(generation_id) == ("generating", ["pending"])
    assert readiness(world)[:2] == (200, [])
    assert any("judges again" in each.message for each in caplog.records)


def test_one_blind_worker_stops_itself_alone_while_others_judge(
    world: World, weights: Callable[..., None], configured: Callable[..., None]
) -> None:
    weights(damaged=True)
    blind = started(world)
    screening.screens.cache_clear()
    weights(damaged=False)
    seeing = started(world)
    generation_id = ask(world, "a red apple")
    configured(no_checker_grace_s=0.0)

    sweep(world)
    assert not blind.ready
    assert readiness(world)[:2] == (200, ["mine"])
    with world.record.acting_as("people"):
        assert sight().judges
        assert "Blind in one screening worker: mine." in Client().get("/accounts/login/").content.decode()
    with world.record.whole_process_as("screening"):
        screening.turn(seeing)
    assert world.statuses(generation_id) == ("generating", ["pending"])


def test_a_checker_that_goes_blind_is_noticed_without_any_work_and_so_is_its_return(
    world: World, light_checkers: Callable[[dict[str, Any]], None]
) -> None:
    worker = Worker("screening", screening.self_test, (), self_test_every_s=0.2)
    with beginning(world, worker):
        assert worker.ready
        light_checkers({**LIGHT, "image": [{"family": "opennsfw", "limit_s": 0.001}]})
        wait_for(lambda: not worker.ready, 20)
        assert readiness(world)[1] == ["opennsfw"]

        light_checkers(LIGHT)
        wait_for(lambda: worker.ready, 20)
        assert readiness(world)[:2] == (200, [])


def test_a_self_test_waits_for_a_turn_under_way_and_a_turn_tests_for_itself(world: World) -> None:
    tests: list[int] = []
    worker = Worker("screening", lambda: tests.append(1) or [], (), self_test_every_s=0.2)  # type: ignore[func-returns-value]
    worker.boot_id = new_id()
    with beginning(world, worker):
        with worker.turn():
            before = len(tests)
            with pytest.raises(AssertionError):
                wait_for(lambda: len(tests) > before, 1)
        wait_for(lambda: len(tests) > before, 5)


@pytest.mark.parametrize(("passed_s", "tested"), [(59.9, 0), (60.0, 1), (60.1, 1)])
def test_a_self_test_that_passed_is_made_again_when_it_is_time(world: World, passed_s: float, tested: int) -> None:
    asked: list[int] = []
    worker = Worker("screening", lambda: asked.append(1) or [], (), self_test_every_s=60.0)  # type: ignore[func-returns-value]
    worker.boot_id = world.boot_ids["screening"]
    with world.record.acting_as("screening"):
        worker.pass_self_test()
        asked.clear()
        worker._next_self_test -= passed_s
        worker.pass_self_test()

    assert len(asked) == tested


def test_generation_and_delivery_test_themselves_once(world: World, turn: Turn) -> None:
    generation_id = ask(world)
    through(turn)

    assert world.statuses(generation_id)[0] == "completed"
    for kind in ("generation", "delivery"):
        worker = worker_of(world, kind)
        with world.record.acting_as(kind):
            worker.pass_self_test()
            assert worker._next_self_test == float("inf")
