"""Changes of status that are no step, or no step of this role, or have no entry."""

from gateway.models import Purpose
from tests.record.attacks.intruder import Intruder, attack
from tests.record.world import World


@attack("audited")
def change_without_entry(world: World, x: Intruder) -> None:
    _, image_id = world.one("pending")
    x.do("sweeper", "UPDATE image SET status = 'expired' WHERE id = %s", image_id)


@attack("audited")
def change_under_an_entry_that_names_another_from(world: World, x: Intruder) -> None:
    _, image_id = world.one("pending")
    x.move("sweeper", "image", image_id, "generated", "expired")


@attack("audited")
def change_under_an_entry_of_an_earlier_transaction(world: World, x: Intruder) -> None:
    _, image_id = world.one("pending")
    x.entry("sweeper", image_id, "pending", "expired")
    x.commit()
    x.do("sweeper", "UPDATE image SET status = 'expired' WHERE id = %s", image_id)


@attack("edge")
def canceled_image_back_to_work(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("pending")
    world.cancel(generation_id)
    x.move("sweeper", "image", image_id, "canceled", "pending")


@attack("edge")
def rejected_image_made_anew(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, "deny")
    x.move("screening", "image", image_id, "rejected", "generated")


@attack("edge")
def withdrawn_image_back_to_released(world: World, x: Intruder) -> None:
    _, image_id = world.one("released")
    x.move("clients", "image", image_id, "released", "withdrawn")
    x.commit()
    x.move("clients", "image", image_id, "withdrawn", "released")


@attack("edge")
def sealed_image_back_to_released(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("released")
    world.seal(generation_id)
    x.move("clients", "image", image_id, "sealed", "released")


@attack("edge")
def step_of_another_role(world: World, x: Intruder) -> None:
    _, image_id = world.one("granted")
    x.move("clients", "image", image_id, "granted", "failed")


@attack("edge")
def ended_generation_opened_again(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("released")
    x.move("sweeper", "generation", generation_id, "completed", "generating")


@attack("blocked_iff_refused_or_sealed")
def seal_taken_off_by_status(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    world.seal(generation_id)
    x.move("people", "generation", generation_id, "blocked", "in_review", sealed_at=None)


@attack("audited")
def seal_taken_off_without_entry(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    world.seal(generation_id)
    world.open_seal(generation_id, Purpose.LIFT)
    x.do("people", "UPDATE generation SET sealed_at = NULL WHERE id = %s", generation_id)


@attack("rights")
def seal_taken_off_by_a_client(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    world.seal(generation_id)
    x.do("clients", "UPDATE generation SET sealed_at = NULL WHERE id = %s", generation_id)


# ---- held if and only if one case


@attack("held_iff_case")
def held_without_a_case(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.move("screening", "image", image_id, "generated", "held", held_why="score")


@attack("held_image_says_why")
def held_without_a_reason(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.move("screening", "image", image_id, "generated", "held")


@attack("held_prompt_is_in_review")
def prompt_held_without_a_reason(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("waiting")
    x.move("screening", "generation", generation_id, "screening", "in_review", prompt_state="held")


@attack("held_iff_case")
def case_closed_and_image_left_held(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held")
    x.move("sweeper", "review_case", world.case(generation_id).pk, "open", "closed")


@attack("held_iff_case")
def image_moved_and_case_left_open(world: World, x: Intruder) -> None:
    _, image_id = world.one("held")
    x.move("clients", "image", image_id, "held", "canceled")


# ---- the prompt first


@attack("cleared_first")
def picture_begun_before_its_prompt_is_cleared(world: World, x: Intruder) -> None:
    _, image_id = world.one("waiting")
    x.move("sweeper", "image", image_id, "waiting", "pending", tag=1)


@attack("image_tag_from_pending_on")
def picture_begun_without_a_tag(world: World, x: Intruder) -> None:
    _, image_id = world.one("waiting")
    x.move("screening", "image", image_id, "waiting", "pending")


@attack("prompt_step")
def unscored_prompt_cleared_by_the_sweeper(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("waiting")
    x.move("sweeper", "generation", generation_id, "screening", "generating", prompt_state="cleared")


@attack("prompt_step")
def refused_prompt_cleared(world: World, x: Intruder) -> None:
    generation_id = world.accept()
    world.settle_prompt(world.lease("prompt", generation_id), "block")
    x.move("screening", "generation", generation_id, "blocked", "generating", prompt_state="cleared")


# ---- back to the checkers once


@attack("look_again")
def picture_held_by_its_score_sent_back(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("held")
    x.move("sweeper", "image", image_id, "held", "generated", looked_again=True)
    x.move("sweeper", "review_case", world.case(generation_id).pk, "open", "closed")


@attack("look_again")
def reason_rewritten_so_that_it_may_go_back(world: World, x: Intruder) -> None:
    _, image_id = world.one("held")
    x.do("sweeper", "UPDATE image SET held_why = 'unscreened-no-checker' WHERE id = %s", image_id)


@attack("image_looked_again_once")
def picture_sent_back_twice(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.do("sweeper", "UPDATE image SET looked_again = true WHERE id = %s", image_id)
    x.move("sweeper", "image", image_id, "generated", "held", held_why="unscreened-no-checker")


@attack("look_again")
def forgotten_that_it_was_sent_back(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.do("sweeper", "UPDATE image SET looked_again = true WHERE id = %s", image_id)
    x.do("sweeper", "UPDATE image SET looked_again = false WHERE id = %s", image_id)


@attack("look_again")
def held_prompt_sent_back(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held prompt")
    x.move("sweeper", "generation", generation_id, "in_review", "screening", prompt_state="unscored", looked_again=True)
    x.move("sweeper", "review_case", world.case(generation_id).pk, "open", "closed")


# ---- what only moves on


@attack("attempt_grows")
def fence_moved_back_for_a_late_worker(world: World, x: Intruder) -> None:
    _, image_id = world.one("pending")
    world.lease("pending", image_id)
    x.do("generation", "UPDATE image SET attempt = attempt - 1 WHERE id = %s", image_id)


@attack("attempt_grows")
def fence_of_a_prompt_moved_back(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("waiting")
    world.lease("prompt", generation_id)
    x.do("screening", "UPDATE generation SET attempt = attempt - 1 WHERE id = %s", generation_id)


@attack("words_stay")
def prompt_changed_after_it_was_cleared(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    x.do("clients", "UPDATE prompt SET text = 'another' WHERE generation_id = %s", generation_id)


@attack("words_stay")
def negative_prompt_changed_after_it_was_cleared(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    x.do("screening", "UPDATE prompt SET negative_text = 'another' WHERE generation_id = %s", generation_id)


@attack("words_stay")
def forgotten_prompt_written_anew(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    x.do("clients", "UPDATE prompt SET text = NULL WHERE generation_id = %s", generation_id)
    x.do("clients", "UPDATE prompt SET text = 'another' WHERE generation_id = %s", generation_id)
