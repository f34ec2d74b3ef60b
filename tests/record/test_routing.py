"""Which queue a case waits in, when it opens and when the rules change."""

import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gateway.models import Case, Queue, QueueAssignment, RoutingRule
from tests.record.world import SCORE, World


@pytest.fixture
def routing(world: World, tmp_path: Path) -> Any:
    """`routing(queues=[...], rules=[...])` carries a document out, as an operator does; what the command said."""

    def carry_out(*flags: str, **document: Any) -> str:
        file = tmp_path / "routing.json"
        file.write_text(json.dumps(document))
        said = io.StringIO()
        with world.record.acting_as("people"):
            call_command("routing", f"--file={file}", *flags, stdout=said)
        return said.getvalue()

    return carry_out


def opened_at(case_id: uuid.UUID) -> datetime:
    return datetime.fromtimestamp((case_id.int >> 80) / 1000, tz=UTC)


def queue_of(world: World, case: Case) -> str:
    with world.record.acting_as("people"):
        return Case.objects.select_related("queue").get(pk=case.pk).queue.name


def held(world: World, upto: Any = "held", **more: Any) -> Case:
    generation_id, _ = world.one(upto, **more)
    return world.case(generation_id)


def rule(name: str, queue: str, **fits: Any) -> dict[str, Any]:
    return {"name": name, "queue": queue, **fits}


def test_a_case_that_no_rule_names_waits_in_the_default_queue(world: World) -> None:
    case = held(world)

    assert queue_of(world, case) == "default"
    assert (case.category, case.score) == ("canary/hold", SCORE)
    assert case.due_at - opened_at(case.pk) == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=2))


def test_the_first_rule_that_fits_chooses_queue_priority_and_when_it_is_due(world: World, routing: Any) -> None:
    routing(
        queues=[{"name": "quick", "due_after_s": 60}, {"name": "slow"}],
        rules=[
            rule("prompts", "slow", kind="prompt"),
            rule("all", "quick", priority=7),
            rule("late", "slow", kind="image"),
        ],
    )

    image, prompt = held(world), held(world, "held prompt")

    assert [queue_of(world, case) for case in (image, prompt)] == ["quick", "slow"]
    assert [case.priority for case in (image, prompt)] == [7, 0]
    assert image.due_at - opened_at(image.pk) == pytest.approx(timedelta(seconds=60), abs=timedelta(seconds=2))


@pytest.mark.parametrize(
    ("band", "fits"),
    [
        ({"min_score": SCORE}, True),
        ({"min_score": SCORE + 0.0001}, False),
        ({"max_score": SCORE}, False),
        ({"max_score": SCORE + 0.0001}, True),
        ({"category": "canary/hold"}, True),
        ({"category": "violence"}, False),
        ({"organization": "first"}, True),
        ({"organization": "second"}, False),
        ({"kind": "prompt"}, False),
        ({"category": "canary/hold", "kind": "image", "min_score": 0.5, "max_score": 0.9}, True),
        ({"category": "unscreened"}, False),
    ],
)
def test_a_rule_fits_where_every_field_it_names_does(
    world: World, routing: Any, band: dict[str, Any], *, fits: bool
) -> None:
    with world.record.acting_as("people"):
        world.new_organization("second")
    routing(queues=[{"name": "other"}], rules=[rule("one", "other", **band)])

    assert queue_of(world, held(world)) == ("other" if fits else "default")


def test_what_nobody_could_judge_has_a_category_of_its_own_and_fits_no_band(world: World, routing: Any) -> None:
    routing(
        queues=[{"name": "unseen"}, {"name": "scored"}],
        rules=[rule("any score", "scored", min_score=0.0), rule("unscreened", "unseen", category="unscreened")],
    )

    assert queue_of(world, held(world, picture="unscreened")) == "unseen"


def test_the_images_of_one_request_wait_in_one_queue(world: World, routing: Any) -> None:
    routing(queues=[{"name": "unseen"}], rules=[rule("unscreened", "unseen", category="unscreened")])
    generation_id = world.accept(num_images=2)
    world.settle_prompt(world.lease("prompt", generation_id), "allow")
    for lease in world.claim("pending"):
        world.settle_generated(lease)
    first, second = world.claim("generated")

    world.settle_image(first, "hold")
    world.settle_image(second, "unscreened")

    with world.record.acting_as("people"):
        assert set(Case.objects.values_list("queue__name", "lane")) == {
            ("default", "ordinary"),
            ("default", "unscreened"),
        }


def test_open_cases_stay_until_they_are_routed_anew(world: World, routing: Any) -> None:
    case = held(world)
    routing(queues=[{"name": "other", "due_after_s": 600}], rules=[rule("all", "other", priority=3)])
    assert queue_of(world, case) == "default"

    with world.record.acting_as("people"):
        call_command("routing", "--reroute", stdout=io.StringIO())

    moved = world.case(case.generation_id)
    assert queue_of(world, case) == "other"
    assert (moved.priority, moved.version) == (3, case.version)
    assert moved.due_at - opened_at(case.pk) == pytest.approx(timedelta(seconds=600), abs=timedelta(milliseconds=1))
    assert world.actions(case.pk)[-1] == "case.rerouted"


def test_what_is_claimed_stays_where_it_is_with_the_whole_request(world: World, routing: Any) -> None:
    generation_id = world.accept(num_images=2)
    world.settle_prompt(world.lease("prompt", generation_id), "allow")
    for lease in world.claim("pending"):
        world.settle_generated(lease)
    for lease in world.claim("generated"):
        world.settle_image(lease, "hold")
    with world.record.acting_as("people"):
        first, second = Case.objects.order_by("id")
    world.take(world.ada, first.pk)

    said = routing("--reroute", queues=[{"name": "other"}], rules=[rule("all", "other")])

    assert [queue_of(world, case) for case in (first, second)] == ["default", "default"]
    assert "0 of 1 open cases moved" in said


def test_a_request_that_somebody_is_changing_is_left_for_the_next_time(world: World, routing: Any) -> None:
    case = held(world)
    with world.record.connect("people") as elsewhere:
        elsewhere.execute("SELECT FROM generation WHERE id = %s FOR NO KEY UPDATE", [case.generation_id])

        routing("--reroute", queues=[{"name": "other"}], rules=[rule("all", "other")])

    assert queue_of(world, case) == "default"


def test_routing_anew_twice_moves_nothing_the_second_time(world: World, routing: Any) -> None:
    for _ in range(3):
        held(world)
    document = {"queues": [{"name": "other"}], "rules": [rule("all", "other")]}

    assert "3 of 3" in routing("--reroute", **document)
    again = routing("--reroute", **document)

    assert "nothing to change" in again
    assert "0 of 3" in again


def test_what_is_printed_can_be_read_again(world: World, routing: Any, tmp_path: Path) -> None:
    routing(
        queues=[{"name": "quick", "due_after_s": 60.0, "undo_window_s": 3.0, "reviewers": ["ada"]}],
        rules=[rule("near miss", "quick", category="violence", min_score=0.25, max_score=0.5, organization="first")],
    )
    printed = io.StringIO()
    with world.record.acting_as("people"):
        call_command("routing", stdout=printed)

    assert "nothing to change" in routing(**json.loads(printed.getvalue()))


def test_each_change_of_the_rules_has_its_entry(world: World, routing: Any) -> None:
    routing(queues=[{"name": "other"}], rules=[rule("first", "other"), rule("second", "default", kind="prompt")])
    routing(queues=[{"name": "other", "due_after_s": 60}], rules=[rule("first", "other")])

    with world.record.acting_as("people"):
        other = Queue.objects.get(name="other")
        first, second = RoutingRule.objects.order_by("position")
    assert world.actions(uuid.UUID(int=other.pk)) == ["queue.created", "queue.changed"]
    assert world.actions(first.pk) == ["rule.created"]
    assert world.actions(second.pk) == ["rule.created", "rule.retired"]


def test_an_entry_about_a_rule_does_not_say_what_it_looks_for(world: World, routing: Any) -> None:
    routing(rules=[rule("near miss", "default", category="violence", min_score=0.3125)])

    with world.record.acting_as("people"):
        entry = str(world.entries(RoutingRule.objects.get().pk))
    assert not any(word in entry for word in ("near miss", "violence", "0.3125"))


def test_a_new_queue_has_the_undo_window_of_the_settings(world: World, routing: Any, configured: Any) -> None:
    configured(undo_window_s=21.0)

    routing(queues=[{"name": "other"}])

    with world.record.acting_as("people"):
        assert Queue.objects.get(name="other").undo_window_s == 21.0


def test_reviewers_are_assigned_and_taken_off(world: World, routing: Any) -> None:
    routing(queues=[{"name": "default", "reviewers": ["ada", "ben"]}])
    routing(queues=[{"name": "default", "reviewers": ["ben"]}])

    with world.record.acting_as("people"):
        assert list(QueueAssignment.objects.values_list("user__username", flat=True)) == ["ben"]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"rules": [rule("one", "default", min_score=1.5)]}, "rules[0].min_score is 1.5: Input should be less than"),
        ({"rules": [rule("one", "default", category="rude")]}, "rules[0].category is 'rude': is no category"),
        ({"rules": [rule("one", "nowhere")]}, "rules 'one': queue is 'nowhere', which is not there"),
        ({"rules": [rule("one", "default", organization="x")]}, "organization is 'x', which is not there"),
        ({"rules": [rule("one", "default", kind="picture")]}, "rules[0].kind is 'picture'"),
        ({"rules": [rule("one", "default", colour="red")]}, "rules[0].colour is 'red'"),
        ({"rules": [rule("one", "default"), rule("one", "default")]}, "the name 'one' stands there twice"),
        (
            {"rules": [rule("one", "default", min_score=0.5, max_score=0.5)]},
            "rules[0]: min_score 0.5 is not below max_score 0.5",
        ),
        ({"queues": [{"name": "x", "undo_window_s": 61}]}, "queues[0].undo_window_s is 61"),
        ({"queues": [{"name": "x", "reviewers": ["officer"]}]}, "'officer', who is no reviewer or senior"),
        ({"queues": [{"name": str(n)} for n in range(12)]}, "queues: 13 with those there are; the limit is 12"),
    ],
)
def test_a_wrong_document_is_refused_whole_and_names_field_value_and_limit(
    world: World, routing: Any, document: dict[str, Any], named: str
) -> None:
    with pytest.raises(CommandError) as refused:
        routing(**{"queues": [{"name": "first of all"}], **document})

    assert named in str(refused.value)
    with world.record.acting_as("people"):
        assert not RoutingRule.objects.exists()
        assert list(Queue.objects.values_list("name", flat=True)) == ["default"]


def test_what_is_no_json_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")

    with world.record.acting_as("people"), pytest.raises(CommandError, match="Invalid JSON"):
        call_command("routing", f"--file={tmp_path / 'broken.json'}")
