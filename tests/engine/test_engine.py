"""The step loop: who shares a launch, who leaves when, and what a failure touches."""

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.engine.engine import Engine
from gateway.engine.requests import (
    DeviceLostError,
    EngineFullError,
    ImageRequest,
    InvalidRequestError,
    OutOfMemoryError,
)
from tests.engine.requesting import ask_for, draw_together, run_to_end
from tests.engine.scripted import ScriptedModel


def card(request_id: str, **changes: Any) -> ImageRequest:
    return ask_for(request_id, **({"width": 64, "height": 64} | changes))


def test_requests_at_different_steps_share_one_launch() -> None:
    model = ScriptedModel()
    engine = Engine(model, max_batch=3)
    engine.submit(card("early", steps=3))
    engine.step()

    engine.submit(card("late", steps=2))
    engine.step()

    assert model.denoised_together() == [["early"], ["early", "late"]]


def test_a_step_encodes_newcomers_before_and_decodes_the_finished_after_its_one_launch() -> None:
    model = ScriptedModel()
    engine = Engine(model, max_batch=2)
    engine.submit(card("a", steps=1))
    engine.submit(card("b", steps=2))

    finished = engine.step()

    assert model.launches == [("encode", "a", "b"), ("denoise", "a", "b"), ("decode", "a")]
    assert [result.id for result in finished] == ["a"]


def test_sizes_do_not_share_a_launch_and_everybody_advances() -> None:
    model = ScriptedModel()
    engine = Engine(model, max_batch=3)
    for request in (card("a"), card("wide", width=128), card("b")):
        engine.submit(request)

    engine.step()

    assert model.denoised_together() == [["a", "b"], ["wide"]]


def test_a_result_counts_its_own_steps() -> None:
    results = draw_together(Engine(ScriptedModel(), max_batch=2), [card("a", steps=1), card("b", steps=5)])

    assert (results["a"].steps, results["b"].steps) == (1, 5)


def test_a_full_engine_takes_no_more_until_a_picture_is_done() -> None:
    engine = Engine(ScriptedModel(), max_batch=1)
    engine.submit(card("a", steps=1))

    assert engine.free_slots == 0
    with pytest.raises(EngineFullError):
        engine.submit(card("b"))

    engine.step()
    engine.submit(card("b"))
    assert engine.active == ("b",)


def test_an_id_is_active_only_once() -> None:
    engine = Engine(ScriptedModel(), max_batch=3)
    engine.submit(card("a"))
    engine.step()

    with pytest.raises(InvalidRequestError, match="'a'"):
        engine.submit(card("a"))


def test_what_the_model_cannot_draw_is_refused_with_field_value_and_limit() -> None:
    engine = Engine(ScriptedModel(), max_batch=1)

    with pytest.raises(InvalidRequestError) as refusal:
        engine.submit(card("a", steps=101))

    assert (refusal.value.field, refusal.value.value, refusal.value.limit) == ("steps", 101, "between 1 and 100")
    assert engine.active == ()


def test_an_aborted_request_leaves_at_once_and_its_pipeline_is_unwound() -> None:
    model = ScriptedModel()
    engine = Engine(model, max_batch=2)
    engine.submit(card("stays"))
    engine.submit(card("goes"))
    engine.step()

    engine.abort("goes")

    assert model.left_early == ["goes"]
    assert engine.active == ("stays",)
    assert run_to_end(engine).keys() == {"stays"}
    assert model.denoised_together() == [["stays", "goes"], ["stays"], ["stays"]]


def test_a_newcomer_can_be_aborted_before_its_first_step_and_an_unknown_id_is_ignored() -> None:
    model = ScriptedModel()
    engine = Engine(model, max_batch=2)
    engine.submit(card("goes"))

    engine.abort("goes")
    engine.abort("never heard of")

    assert engine.active == ()
    assert engine.step() == []
    assert model.launches == []


def test_only_the_request_that_breaks_a_launch_fails() -> None:
    def break_on_bad(ids: Sequence[str]) -> None:
        if "bad" in ids:
            raise ValueError("bad is bad")

    engine = Engine(ScriptedModel(on_denoise=break_on_bad), max_batch=3)

    results = draw_together(engine, [card("a"), card("bad"), card("b")])

    assert results["bad"].error == "pipeline_failed"
    assert results["bad"].detail == "ValueError: bad is bad"
    assert results["bad"].pixels is None
    assert [results[name].error for name in ("a", "b")] == [None, None]
    assert [results[name].steps for name in ("a", "b")] == [3, 3]


class SmallDevice:
    """Has room for so many requests in a launch."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, ids: Sequence[str]) -> None:
        if len(ids) > self.room:
            raise OutOfMemoryError(f"{len(ids)} do not fit")


def test_out_of_memory_loses_nobody_and_halving_drops_the_youngest() -> None:
    engine = Engine(ScriptedModel(on_denoise=SmallDevice(2)), max_batch=4)
    for name in ("a", "b", "c", "d"):
        engine.submit(card(name, steps=2))

    with pytest.raises(OutOfMemoryError):
        engine.step()
    assert engine.active == ("a", "b", "c", "d")

    assert engine.halve() == ("c", "d")
    assert (engine.max_batch, engine.free_slots) == (2, 0)
    assert {name: result.error for name, result in run_to_end(engine).items()} == {"a": None, "b": None}


def test_pictures_finished_before_memory_ran_out_are_handed_out_by_the_next_step() -> None:
    device = SmallDevice(1)
    engine = Engine(ScriptedModel(on_denoise=device), max_batch=3)
    for request in (card("done", steps=1), card("wide", width=128), card("wide too", width=128)):
        engine.submit(request)
    with pytest.raises(OutOfMemoryError):
        engine.step()

    device.room = 3
    results = run_to_end(engine)

    assert {name: result.error for name, result in results.items()} == {"done": None, "wide": None, "wide too": None}


def test_a_request_too_large_even_alone_fails() -> None:
    engine = Engine(ScriptedModel(on_denoise=SmallDevice(0)), max_batch=4)
    engine.submit(card("a"))

    [result] = engine.step()

    assert (result.error, result.pixels) == ("out_of_memory", None)


def test_decoding_that_does_not_fit_goes_on_in_halves() -> None:
    model = ScriptedModel(on_decode=SmallDevice(1))
    engine = Engine(model, max_batch=3)

    results = draw_together(engine, [card(name) for name in ("a", "b", "c")])

    assert [result.error for result in results.values()] == [None, None, None]
    assert engine.max_batch == 3


def test_a_lost_device_ends_the_step() -> None:
    def lose(ids: Sequence[str]) -> None:
        raise DeviceLostError("fell off the bus")

    engine = Engine(ScriptedModel(on_denoise=lose), max_batch=2)
    engine.submit(card("a"))

    with pytest.raises(DeviceLostError):
        engine.step()
