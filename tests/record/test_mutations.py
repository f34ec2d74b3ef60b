"""Each safeguard taken away once: its attacks then get through, or meet the second safeguard that is named here.

Without this an attack could fail for a reason of its own, and nobody would notice a safeguard that does nothing.
"""

from dataclasses import dataclass

import pytest

from tests.databases import Record
from tests.record.attacks import ATTACKS, refusal_of
from tests.record.attacks.intruder import GETS_THROUGH


@dataclass(frozen=True)
class Mutation:
    """What is taken away, and what then meets each attack it stood against."""

    name: str
    statement: str
    then: dict[str, str]


def without_trigger(name: str, *tables: str) -> str:
    return "; ".join(f"DROP TRIGGER {name} ON {table}" for table in tables)


def without_constraint(name: str, table: str) -> str:
    return f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"


def through(*attacks: str) -> dict[str, str]:
    return dict.fromkeys(attacks, GETS_THROUGH)


ANY_STEP = (
    "INSERT INTO edge SELECT 'image', was, becomes, NULL FROM "
    "unnest('{rejected,canceled,withdrawn,sealed,granted}'::text[]) was, "
    "unnest('{generated,pending,released,failed}'::text[]) becomes WHERE (was, becomes) NOT IN "
    "(SELECT was, becomes FROM edge WHERE kind = 'image'); "
    "UPDATE edge SET roles = NULL WHERE kind = 'image'; "
    "INSERT INTO edge VALUES ('generation', 'completed', 'generating', NULL)"
)
# What any role might do if its rights were those of the owner.
ALL_RIGHTS = "GRANT ALL ON ALL TABLES IN SCHEMA public TO clients, people, screening, generation, delivery, sweeper"
MONTHS_UNGUARDED = (
    "DO $$ DECLARE a_month regclass; BEGIN FOR a_month IN SELECT inhrelid FROM pg_inherits "
    "WHERE inhparent = 'audit'::regclass LOOP "
    "EXECUTE format('DROP TRIGGER no_truncate ON %s', a_month); END LOOP; END $$"
)

MUTATIONS = [
    Mutation(
        "rights",
        ALL_RIGHTS,
        through(
            "clients_read_where_masters_lie",
            "delivery_reads_prompts",
            "generation_reads_cases",
            "clients_read_what_opens_commitments",
            "screening_reads_accounts",
            "client_moves_the_counter_of_the_gate",
            "edge_added_by_a_role",
            "approvals_lowered",
            "membership_ended_by_the_sweeper",
        )
        | {
            "generation_born_further_on": "audited",
            "image_born_further_on": "audited",
            "seal_taken_off_by_a_client": "two_agreed",
            "opening_born_agreed": "access_allowed",
            "opening_turned_into_a_lift": "access_allowed",
            "checker_asks_to_open": "edge",
            "score_holds_a_requester": "edge",
            "decision_that_was_made_yesterday": "decision_allowed",
            "delivery_grants": "grant_allowed",
            "masters_hash_rewritten": "image_has_its_master",
            "picture_remembered_by_a_checker": "known_picture_allowed",
            "picture_on_its_list_turned_into_another": "known_picture_retired",
            "entry_with_a_forged_transaction": "body_says_the_same",
            "entry_with_a_forged_era": "body_says_the_same",
        },
    ),
    Mutation(
        "step_allowed on image",
        without_trigger("step_allowed", "image"),
        through("change_without_entry", "change_under_an_entry_that_names_another_from")
        | through("change_under_an_entry_of_an_earlier_transaction"),
    ),
    Mutation(
        "birth_allowed",
        without_trigger("birth_allowed", "image", "generation", "review_case"),
        through("generation_born_without_entry", "image_added_later", "case_born_without_entry"),
    ),
    Mutation(
        "not_ones_own",
        without_trigger("not_ones_own", "decision", "look"),
        through(
            "release_of_work_of_ones_own_organization",
            "approve_of_work_of_ones_own_organization",
            "deny_of_work_of_ones_own_organization",
            "escalate_of_work_of_ones_own_organization",
            "look_at_work_of_ones_own_organization",
        ),
    ),
    Mutation(
        "known_picture_allowed",
        without_trigger("known_picture_allowed", "known_picture"),
        through(
            "picture_remembered_though_nobody_asked_for_it",
            "picture_remembered_inside_the_undo_window",
            "other_bytes_than_those_denied_on_the_list",
            "another_look_than_the_denied_pictures_on_the_list",
            "picture_on_the_list_for_another_reason",
            "denied_picture_on_the_allow_list",
            "released_picture_allowed_to_another_organization",
            "released_picture_allowed_by_more_people_than_said_so",
            "released_picture_allowed_under_another_policy",
        )
        | {"picture_refused_for_ever_by_nobody": "known_picture_decision_id_e07c8033_fk_decision_id"},
    ),
    Mutation(
        "known_retired_for_a_reason",
        without_trigger("known_retired_for_a_reason", "known_picture"),
        through(
            "picture_taken_off_its_list_by_a_reviewer",
            "picture_taken_off_its_list_without_a_reason",
            "sealed_picture_taken_off_its_list_by_a_senior",
        ),
    ),
    Mutation(
        "bulk_only_denies",
        without_trigger("bulk_only_denies", "decision"),
        through(
            "release_in_a_batch",
            "approval_in_a_batch",
            "batch_of_a_reviewer",
            "batch_joined_by_another_senior",
            "batch_for_two_reasons",
            "batch_of_a_hundred_and_one",
        ),
    ),
    Mutation(
        "one_yes_at_a_time",
        "DROP INDEX one_yes_at_a_time",
        through("two_releases_in_one_transaction"),
    ),
    Mutation(
        "known_picture_retired",
        without_trigger("known_picture_retired", "known_picture"),
        {"retired_picture_back_on_its_list": "edge"},
    ),
    Mutation(
        "step_allowed on known_picture",
        without_trigger("step_allowed", "known_picture"),
        through("picture_taken_off_its_list_without_entry"),
    ),
    Mutation(
        "birth_allowed on known_picture",
        without_trigger("birth_allowed", "known_picture"),
        through("picture_remembered_without_entry"),
    ),
    Mutation(
        "access_allowed",
        without_trigger("access_allowed", "sealed_access"),
        through(
            "reviewer_asks_to_open",
            "opening_asked_for_without_a_reason",
            "opening_asked_for_once_and_for_all",
            "lifted_seal_asked_for_again",
            "reviewer_agrees_to_an_opening",
            "senior_agrees_to_an_opening",
            "disabled_officer_agrees",
            "opening_without_end",
            "time_box_made_longer",
        )
        | {"officer_agrees_with_themselves": "access_needs_two_people", "ended_opening_opened_again": "edge"},
    ),
    Mutation(
        "step_allowed and birth_allowed on sealed_access and requester_hold",
        without_trigger("step_allowed", "sealed_access", "requester_hold")
        + ";"
        + without_trigger("birth_allowed", "sealed_access", "requester_hold"),
        through(
            "opening_asked_for_without_entry",
            "opening_agreed_without_entry",
            "requester_held_without_entry",
            "requester_let_go_without_entry",
        ),
    ),
    Mutation(
        "two_agreed",
        without_trigger("two_agreed", "generation", "image", "masters"),
        through(
            "seal_taken_off_by_one_person",
            "seal_taken_off_on_leave_to_look",
            "seal_taken_off_on_what_was_agreed_about_an_earlier_seal",
            "key_of_a_sealed_picture_thrown_away",
        )
        | {"sealed_picture_put_before_people": "held_iff_case"},
    ),
    Mutation(
        "hold_allowed",
        without_trigger("hold_allowed", "requester_hold"),
        through("reviewer_holds_a_requester", "requester_held_without_a_reason", "reviewer_lets_a_requester_go"),
    ),
    Mutation("one_hold_a_requester", "DROP INDEX one_hold_a_requester", through("requester_held_twice")),
    Mutation(
        "requester_not_held",
        without_trigger("requester_not_held", "generation", "release_grant"),
        through("prompt_of_a_held_requester_cleared_by_a_score")
        | {"picture_of_a_held_requester_granted_by_a_score": GETS_THROUGH},
    ),
    Mutation("seal_audited", without_trigger("seal_audited", "generation"), through("seal_taken_off_without_entry")),
    Mutation(
        "edges",
        ANY_STEP,
        through(
            "canceled_image_back_to_work",
            "rejected_image_made_anew",
            "withdrawn_image_back_to_released",
            "sealed_image_back_to_released",
            "step_of_another_role",
            "ended_generation_opened_again",
        ),
    ),
    Mutation(
        "prompt_step",
        without_trigger("prompt_step", "generation"),
        through("unscored_prompt_cleared_by_the_sweeper") | {"refused_prompt_cleared": "edge"},
    ),
    Mutation(
        "blocked_iff_refused_or_sealed",
        without_constraint("blocked_iff_refused_or_sealed", "generation"),
        {"seal_taken_off_by_status": "two_agreed"},
    ),
    Mutation(
        "cleared_first",
        without_trigger("cleared_first", "image"),
        through("picture_begun_before_its_prompt_is_cleared", "approved_prompt_whose_pictures_are_not_held"),
    ),
    Mutation(
        "image_tag_from_pending_on",
        without_constraint("image_tag_from_pending_on", "image"),
        {"picture_begun_without_a_tag": "cleared_first"},
    ),
    Mutation("flag_stays", without_trigger("flag_stays", "image"), through("flag_taken_off")),
    Mutation(
        "look_again",
        without_trigger("look_again", "image", "generation"),
        through(
            "picture_held_by_its_score_sent_back",
            "reason_rewritten_so_that_it_may_go_back",
            "forgotten_that_it_was_sent_back",
            "held_prompt_sent_back",
        ),
    ),
    Mutation(
        "image_looked_again_once",
        without_constraint("image_looked_again_once", "image"),
        {"picture_sent_back_twice": "held_iff_case"},
    ),
    Mutation(
        "held_image_says_why",
        without_constraint("held_image_says_why", "image"),
        {"held_without_a_reason": "held_iff_case"},
    ),
    Mutation(
        "held_prompt_is_in_review",
        without_constraint("held_prompt_is_in_review", "generation"),
        {"prompt_held_without_a_reason": "held_iff_case"},
    ),
    Mutation(
        "held_changed on image and generation",
        without_trigger("held_changed", "image", "generation"),
        through("held_without_a_case", "image_moved_and_case_left_open")
        | {"case_closed_and_image_left_held": "held_iff_case"},
    ),
    Mutation(
        "held_changed on case",
        without_trigger("held_changed", "review_case"),
        through("case_closed_and_image_left_held") | {"image_moved_and_case_left_open": "held_iff_case"},
    ),
    Mutation("one_case_an_image", "DROP INDEX one_case_an_image", {"second_case_for_a_held_image": "held_iff_case"}),
    Mutation(
        "one_case_an_image and held_born",
        "DROP INDEX one_case_an_image; DROP TRIGGER held_born ON review_case",
        through("second_case_for_a_held_image"),
    ),
    Mutation(
        "case_image_is_of_its_generation",
        without_constraint("case_image_is_of_its_generation", "review_case"),
        through("case_about_an_image_of_another_generation"),
    ),
    Mutation(
        "said_yes", without_trigger("said_yes", "generation"), {"held_prompt_cleared_with_no_decision": "held_iff_case"}
    ),
    Mutation(
        "said_no",
        without_trigger("said_no", "generation", "image"),
        through(
            "held_prompt_refused_with_no_decision",
            "held_image_rejected_with_no_decision",
            "held_image_rejected_on_a_release",
            "held_image_rejected_inside_the_undo_window",
        ),
    ),
    Mutation(
        "version_grows",
        without_trigger("version_grows", "review_case"),
        {"held_image_rejected_on_a_denial_that_was_undone": "said_so"},
    ),
    Mutation(
        "attempt_grows",
        without_trigger("attempt_grows", "image", "generation"),
        through("fence_moved_back_for_a_late_worker", "fence_of_a_prompt_moved_back"),
    ),
    Mutation(
        "words_stay",
        without_trigger("words_stay", "prompt"),
        through(
            "prompt_changed_after_it_was_cleared",
            "negative_prompt_changed_after_it_was_cleared",
            "forgotten_prompt_written_anew",
        ),
    ),
    Mutation(
        "decision_allowed",
        without_trigger("decision_allowed", "decision"),
        through(
            "decision_without_a_claim",
            "decision_on_another_persons_claim",
            "decision_when_the_claim_is_over",
            "decision_on_an_old_version",
            "release_without_a_look",
            "release_after_a_glance",
            "release_on_another_persons_look",
            "release_of_other_bytes",
            "prompt_released_like_a_picture",
            "undo_of_another_persons_decision",
        )
        | {"two_decisions_on_one_version": "one_decision_a_version", "both_approvals_by_one_person": "grant_allowed"},
    ),
    Mutation(
        "one_decision_a_version",
        without_constraint("one_decision_a_version", "decision"),
        through("two_decisions_on_one_version"),
    ),
    Mutation(
        "effective_within_a_minute",
        without_constraint("effective_within_a_minute", "decision"),
        through("decision_that_takes_effect_next_year"),
    ),
    Mutation(
        "grant_allowed",
        without_trigger("grant_allowed", "release_grant"),
        through(
            "sweeper_grants_a_held_image_with_no_decision",
            "sweeper_grants_a_held_image_and_calls_it_policy",
            "sweeper_grants_by_policy",
            "screening_grants_a_flagged_picture",
            "granted_inside_the_undo_window",
            "granted_on_a_release_that_was_undone",
            "granted_on_one_approval_of_two",
            "granted_on_the_release_of_another_image",
        )
        | {"grant_for_other_bytes": "grant_is_of_a_master"},
    ),
    Mutation(
        "granted_needs_grant", without_constraint("granted_needs_grant", "image"), through("granted_by_status_alone")
    ),
    Mutation(
        "image_has_its_grant",
        without_constraint("image_has_its_grant", "image"),
        through("granted_by_the_grant_of_another_image"),
    ),
    Mutation(
        "image_has_its_master",
        without_constraint("image_has_its_master", "image"),
        {"other_bytes_put_under_a_grant": "image_has_its_grant"},
    ),
    Mutation(
        "image_has_its_master and image_has_its_grant",
        without_constraint("image_has_its_master", "image") + ";" + without_constraint("image_has_its_grant", "image"),
        through("other_bytes_put_under_a_grant"),
    ),
    Mutation(
        "released_needs_publication",
        without_constraint("released_needs_publication", "image"),
        through("released_without_a_publication"),
    ),
    Mutation(
        "image_has_its_publication",
        without_constraint("image_has_its_publication", "image"),
        through("released_with_another_file", "file_swapped_after_release"),
    ),
    Mutation(
        "publication's key",
        without_constraint("publication_pkey", "publication"),
        through("second_publication_of_a_grant"),
    ),
    Mutation(
        "one_grant_a_case",
        without_constraint("one_grant_a_case", "release_grant"),
        through("second_grant_of_one_judgement"),
    ),
    Mutation(
        "grant_is_of_a_master",
        without_constraint("grant_is_of_a_master", "release_grant"),
        through("grant_before_there_are_bytes"),
    ),
    Mutation(
        "leases only on work",
        without_constraint("image_lease_only_on_work", "image")
        + ";"
        + without_constraint("generation_lease_only_in_screening", "generation"),
        through("lease_on_a_held_image", "lease_on_a_prompt_that_was_judged"),
    ),
    Mutation("usage's key", without_constraint("usage_pkey", "usage"), through("image_charged_twice")),
    Mutation(
        "masters' key", without_constraint("masters_pkey", "masters"), {"second_master_of_an_image": "master_of_image"}
    ),
    Mutation(
        "image_seed", without_constraint("image_seed", "image"), {"seed_that_canonical_json_cannot_carry": "audited"}
    ),
    Mutation(
        "body_says_the_same",
        without_constraint("body_says_the_same", "audit"),
        through("entry_whose_bytes_say_nothing", "entry_whose_bytes_name_another_target"),
    ),
    Mutation(
        "only_ever_inserted",
        "DROP TRIGGER no_change ON audit; DROP TRIGGER no_truncate ON audit; "
        + without_trigger("no_change", "decision", "release_grant", "look"),
        through(
            "entry_deleted_by_the_owner",
            "entry_deleted_with_triggers_of_replication_off",
            "decision_deleted_by_the_owner",
            "grant_edited_by_the_owner",
            "look_lengthened_by_the_owner",
        )
        | {"entry_edited_by_the_owner": "body_says_the_same", "log_truncated_by_the_owner": "only_ever_inserted"},
    ),
    Mutation("no_truncate of the months", MONTHS_UNGUARDED, through("month_truncated_by_the_owner")),
]


CASES = [
    pytest.param(mutation, attack, id=f"{attack} without {mutation.name}")
    for mutation in MUTATIONS
    for attack in mutation.then
]


@pytest.mark.parametrize(("mutation", "attack"), CASES)
def test_a_safeguard_is_what_stops_its_attack(mutation: Mutation, attack: str, record: Record) -> None:
    with record.admin() as admin:
        admin.execute(mutation.statement)  # type: ignore[arg-type]

    assert refusal_of(ATTACKS[attack], record) == mutation.then[attack]


def test_every_attack_was_seen_to_depend_on_its_safeguard() -> None:
    taken_away = {attack for mutation in MUTATIONS for attack in mutation.then}

    assert {name for name, attack in ATTACKS.items() if attack.stopped_by != "rights"} <= taken_away


# What keeps a fact at hand and refuses nothing: tests/review/test_care.py and test_log.py there fail without them.
_NO_GUARDS = {"remember_severe", "decision_place"}


def test_every_trigger_was_taken_away_once(record: Record) -> None:
    with record.admin() as admin:
        triggers = {row[0] for row in admin.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")}

    unproven = {name for name in triggers if not any(name in mutation.statement for mutation in MUTATIONS)}
    assert unproven == _NO_GUARDS
