"""`manage.py evaluate --decided`: what people decided against what checkers had said, from labels and scores alone."""

import json
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from gateway import lifecycle
from gateway.decided import decided
from gateway.lifecycle import Judgement, prompt_hash
from moderation.assessments import Assessment
from moderation.evaluation.evaluate import Decided
from tests.databases import Record
from tests.record.world import PICTURE, PROMPT, World, judgement


@pytest.fixture
def world(record: Record) -> World:
    return World(record)


def said(score: float, *, weights: str = "a" * 64, category: str = "weapons") -> list[Assessment]:
    """What two checkers said: one that scores, and a canary."""
    scored = Assessment("prompt-e5", "1", weights, "prompt", "0" * 64, "whole", {category: score})
    return [scored, Assessment("canary-prompt", "1", "c" * 64, "prompt", "0" * 64, "whole", {"canary/hold": 0.0})]


def held_prompt(world: World, score: float, *, approvals_required: int = 1, **more: Any) -> uuid.UUID:
    """A generation whose prompt was held at this score."""
    generation_id = world.accept()
    lease = world.lease("prompt", generation_id)
    with world.record.acting_as("screening"):
        lifecycle.settle_prompt(
            generation_id,
            attempt=lease.attempt,
            judgement=Judgement(judgement("hold", approvals_required=approvals_required).verdict, said(score, **more)),
            actor=world.worker("screening"),
        )
    return generation_id


def decide(world: World, generation_id: uuid.UUID, outcome: str) -> None:
    """The undo window of a test is no time at all: what is said is carried out."""
    world.say(world.ada, world.case(generation_id).pk, outcome)


def read(world: World, since: date | None = None) -> Decided:
    with world.record.acting_as("people"):
        return decided(since)


def labels(found: Decided) -> list[tuple[bool | None, tuple[str, ...], float]]:
    (each,) = found.sets
    scorer = found.run.scorers[0]
    scores = found.run.scores(each.name, scorer)
    return [(item.harmful, item.categories, score) for item, score in zip(each.items, scores, strict=True)]


def test_denied_is_harmful_for_its_reason_and_approved_is_harmless(world: World) -> None:
    decide(world, held_prompt(world, 0.9), "deny")
    decide(world, held_prompt(world, 0.4), "approve")

    found = read(world)

    assert labels(found) == [(True, ("weapons",), 0.9), (False, (), 0.4)]
    assert [each.name for each in found.sets] == ["Prompts"]


def test_images_are_a_set_of_their_own(world: World) -> None:
    generation_id, image_id = world.one("generated")
    lease = world.lease("generated", image_id)
    with world.record.acting_as("screening"):
        lifecycle.settle_image(
            generation_id,
            image_id,
            attempt=lease.attempt,
            sha256=PICTURE,
            judgement=Judgement(judgement("hold").verdict, said(0.7)),
            actor=world.worker("screening"),
        )
    decide(world, generation_id, "release")
    decide(world, held_prompt(world, 0.9), "deny")

    assert [each.name for each in read(world).sets] == ["Images", "Prompts"]


def test_what_is_open_escalated_undone_or_not_yet_carried_out_is_no_label(world: World) -> None:
    held_prompt(world, 0.1)
    decide(world, held_prompt(world, 0.2), "escalate")
    world.undo_window(60)
    decide(world, held_prompt(world, 0.3), "deny")
    undone = held_prompt(world, 0.4)
    decide(world, undone, "deny")
    world.undo(world.ada, world.case(undone).pk)

    assert read(world).sets == []


def test_a_case_is_a_label_once_the_second_of_two_has_approved(world: World) -> None:
    generation_id = held_prompt(world, 0.4, approvals_required=2)
    decide(world, generation_id, "approve")
    after_one = read(world)

    world.say(world.ben, world.case(generation_id).pk, "approve")

    assert after_one.sets == []
    assert labels(read(world)) == [(False, (), 0.4)]


def test_what_was_sealed_after_it_was_decided_is_no_label(world: World) -> None:
    sealed = held_prompt(world, 0.9)
    for generation_id in (sealed, held_prompt(world, 0.4)):
        decide(world, generation_id, "deny")

    world.seal(sealed)

    assert labels(read(world)) == [(True, ("weapons",), 0.4)]


def test_a_case_without_scores_is_left_out_and_counted(world: World) -> None:
    decide(world, held_prompt(world, 0.9), "deny")
    generation_id, _ = world.one("held prompt")
    decide(world, generation_id, "deny")

    found = read(world)

    assert len(labels(found)) == 1
    assert "1 decided case(s) had no scores" in found.bias


def test_only_decisions_since_the_date_count(world: World) -> None:
    decide(world, held_prompt(world, 0.9), "deny")
    now = world.one_value("SELECT now()::date")

    assert len(labels(read(world, now - timedelta(days=1)))) == 1
    assert read(world, now + timedelta(days=2)).sets == []


def test_a_checker_with_other_weights_is_another_scorer(world: World) -> None:
    decide(world, held_prompt(world, 0.9, weights="a" * 64), "deny")
    decide(world, held_prompt(world, 0.4, weights="b" * 64), "approve")

    assert read(world).run.scorers[:2] == ("prompt-e5 aaaaaaaa", "prompt-e5 bbbbbbbb")


def test_the_command_writes_a_report_that_says_its_bias_and_holds_no_content(
    world: World, tmp_path: Path, capsys: Any
) -> None:
    decide(world, held_prompt(world, 0.9), "deny")
    decide(world, held_prompt(world, 0.4), "approve")

    with world.record.acting_as("people"), pytest.raises(SystemExit) as ended:
        call_command(
            "evaluate", "--decided", "--output", str(tmp_path / "r.md"), "--json", str(tmp_path / "r.json"),
            "--show-texts",
        )  # fmt: skip

    assert ended.value.code == 0, capsys.readouterr().err
    page = (tmp_path / "r.md").read_text()
    numbers = json.loads((tmp_path / "r.json").read_text())
    assert "Only what was held is decided by people" in page
    assert numbers["comparisons"][0]["auroc"][0] == 1.0
    assert PROMPT not in page + json.dumps(numbers)
    assert prompt_hash(PROMPT, "").hex() not in page


def test_without_a_decision_there_is_no_report(world: World, tmp_path: Path, capsys: Any) -> None:
    with world.record.acting_as("people"), pytest.raises(SystemExit) as ended:
        call_command("evaluate", "--decided", "--output", str(tmp_path / "r.md"))

    assert ended.value.code == 2
    assert "no case with a final decision" in capsys.readouterr().err


@pytest.mark.parametrize("role", ["clients", "generation", "delivery"])
def test_other_processes_may_not_read_it(world: World, role: str) -> None:
    from django.db import ProgrammingError

    with world.record.acting_as(role), pytest.raises(ProgrammingError, match="permission denied"):
        decided(None)
