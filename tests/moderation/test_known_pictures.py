"""Known pictures: what is found again, how it scores, and what a release of the same bytes may and may not change."""

import hashlib
import io
import json
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from moderation.assessments import Allowance, Assessment, ImageInput, Picture
from moderation.hashes import fingerprint
from moderation.known_pictures import ALIKE, SAME, KnownPictureChecker, KnownPictures, Refused, Released, stand_in
from moderation.policy import Policy, PolicyError, Verdict, default_policy
from moderation.screens import ImageScreen, load_image_screen
from moderation.taxonomy import HARMS, UnknownCategoryError
from tests.moderation.test_hashes import noise, recoded, scaled, waves
from tests.moderation.test_policy import document, said

Pixels = NDArray[np.uint8]
OURS = "organization 1"


def png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def sha256(pixels: Pixels) -> str:
    return hashlib.sha256(png(pixels)).hexdigest()


def refused(pixels: Pixels, category: str = "weapons", *, look_alikes: bool = True) -> Refused:
    return Refused(sha256(pixels), category, fingerprint(pixels) if look_alikes else None)


def found(lists: KnownPictures, pixels: Pixels, *, scope: str = OURS) -> Assessment:
    """What the checker says of this picture."""
    ((assessment,),) = KnownPictureChecker(lambda: lists).assess([Picture(pixels, sha256(pixels), scope)])
    return assessment


# ---- the checker


def test_the_very_bytes_score_one_and_a_look_alike_less_in_the_category_that_the_person_gave() -> None:
    lists = KnownPictures([refused(waves())])

    assert found(lists, waves()).scores == {"weapons": SAME}
    assert found(lists, recoded(waves(), 60)).scores == {"weapons": ALIKE}
    assert found(lists, scaled(waves(), 0.5)).scores == {"weapons": ALIKE}
    assert ALIKE < SAME


def test_other_pictures_get_no_score_at_all_since_nobody_looked_for_a_harm() -> None:
    lists = KnownPictures([refused(waves())])

    assert found(lists, noise(240, 320, seed=1)).scores == {}
    assert KnownPictureChecker.coverage.categories == ()


def test_a_picture_that_was_refused_for_two_reasons_scores_in_both() -> None:
    lists = KnownPictures([refused(waves()), refused(recoded(waves(), 60), "violence")])

    assert found(lists, waves()).scores == {"weapons": SAME, "violence": ALIKE}


def test_without_its_look_a_refused_picture_is_found_by_its_bytes_alone() -> None:
    lists = KnownPictures([refused(waves(), look_alikes=False)])

    assert found(lists, waves()).scores == {"weapons": SAME}
    assert found(lists, recoded(waves(), 90)).scores == {}


def test_a_plain_picture_is_found_by_its_bytes_alone() -> None:
    plain = np.full((128, 128, 3), 200, dtype=np.uint8)
    lists = KnownPictures([refused(plain)])

    assert found(lists, plain).scores == {"weapons": SAME}
    assert found(lists, plain - 1).scores == {}


def test_every_assessment_carries_the_pictures_fingerprint() -> None:
    assert found(KnownPictures(), waves()).fingerprint == fingerprint(waves())


def test_the_lists_are_asked_for_anew_with_every_batch() -> None:
    lists = [KnownPictures(), KnownPictures([refused(waves())])]
    checker = KnownPictureChecker(lambda: lists.pop(0))
    picture = Picture(waves(), sha256(waves()))

    assert [checker.assess([picture])[0][0].scores for _ in range(2)] == [{}, {"weapons": SAME}]


def test_a_category_that_nobody_knows_never_comes_onto_a_list() -> None:
    with pytest.raises(UnknownCategoryError):
        KnownPictures([Refused("0" * 64, "rudeness")])


def test_a_hundred_thousand_refused_pictures_cost_milliseconds_a_picture() -> None:
    random = np.random.default_rng(1)
    own = fingerprint(waves())
    lists = KnownPictures(
        [Refused(f"{number:064x}", "weapons", type(own)(random.bytes(32), 100, bytes(48))) for number in range(100_000)]
    )
    checker = KnownPictureChecker(lambda: lists)
    picture = Picture(waves(), "0" * 64)

    took = []
    for _ in range(5):
        began = time.perf_counter()
        checker.assess([picture])
        took.append(time.perf_counter() - began)

    assert min(took) < 0.05


def screen(lists: KnownPictures) -> ImageScreen:
    return load_image_screen({"image": [{"family": "opennsfw"}]}, lambda: lists)


def test_every_image_screen_has_the_checker_and_it_passes_its_self_test_with_whatever_is_on_the_lists() -> None:
    full = screen(KnownPictures([refused(waves()), refused(stand_in())]))
    shown = ImageInput(png(waves()), sha256(waves()))

    assert full.self_test() == []
    (assessments,) = full.assess([shown])
    assert {each.checker: each.scores for each in assessments}["known-pictures"] == {"weapons": SAME}


def test_lists_that_cannot_be_had_are_an_error_and_never_an_empty_list() -> None:
    def gone() -> KnownPictures:
        raise LookupError("no lists")

    broken = load_image_screen({"image": [{"family": "opennsfw"}]}, gone)
    (assessments,) = broken.assess([ImageInput(png(waves()), sha256(waves()))])

    (own,) = [each for each in assessments if each.checker == "known-pictures"]
    assert own.error == "LookupError: no lists"
    assert any(fault.startswith("known-pictures: ") for fault in broken.self_test())


# ---- what people let go


def test_leave_is_found_for_the_very_bytes_of_its_own_scope_alone() -> None:
    leave = Allowance("decision 1", "f" * 64, 1)
    lists = KnownPictures(released=[Released(sha256(waves()), OURS, leave)])

    assert found(lists, waves()).allowed_by == leave
    assert found(lists, waves(), scope="organization 2").allowed_by is None
    assert found(lists, recoded(waves(), 95)).allowed_by is None


@pytest.mark.parametrize("look_alikes", [True, False])
def test_what_stands_on_both_lists_has_no_leave(look_alikes: bool) -> None:
    leave = Released(sha256(waves()), OURS, Allowance("decision 1", "f" * 64, 1))
    lists = KnownPictures([refused(waves(), look_alikes=look_alikes)], [leave])

    assert found(lists, waves()).allowed_by is None


def judged(scores: dict[str, float], *, allow: bool = True, **changes: Any) -> Verdict:
    """The verdict of a policy that holds `sexual` from 0.5 on; `changes`: of the leave, or of what was seen."""
    rules = [*document()["rules"], *changes.pop("rules", [])]
    required = {"prompt": ["words"], "image": ["left", "known-pictures"]}
    rules = [rule for rule in rules if rule["name"] != "both"]
    policy = Policy.parse(
        json.dumps(document(rules=rules, required=required, **({"known": {"allow": True}} if allow else {}))).encode()
    )
    leave = Allowance(
        changes.pop("decision", "decision 1"),
        changes.pop("policy_sha256", policy.sha256),
        changes.pop("approvals", 1),
    )
    known = said({}, checker="known-pictures", modality="image", allowed_by=changes.pop("leave", leave), **changes)
    return policy.judge([said(scores, checker="left", modality="image"), known], stage="image")


@pytest.mark.parametrize(("score", "allowed_by"), [(0.499, None), (0.5, "decision 1"), (0.501, "decision 1")])
def test_a_hold_by_score_becomes_allow_and_the_verdict_says_by_whose_word(score: float, allowed_by: str | None) -> None:
    verdict = judged({"sexual": score})

    assert (verdict.outcome, verdict.allowed_by) == ("allow", allowed_by)
    if allowed_by:
        assert verdict.reasons[0].rule == "known: allowed by decision decision 1"
        assert [reason.rule for reason in verdict.reasons[1:]] == ["either"]


def test_a_policy_that_does_not_ask_for_it_asks_people_every_time() -> None:
    assert judged({"sexual": 0.7}, allow=False).outcome == "hold"
    assert not default_policy().known_allow


def test_leave_given_under_another_policy_is_none() -> None:
    assert judged({"sexual": 0.7}, policy_sha256="e" * 64).outcome == "hold"


@pytest.mark.parametrize(("given", "outcome"), [(1, "hold"), (2, "allow"), (3, "allow")])
def test_leave_needs_as_many_people_as_would_be_asked_now(given: int, outcome: str) -> None:
    two = {"name": "two", "stage": "image", "categories": ["drugs"], "at": 0.5, "outcome": "hold", "approvals": 2}

    assert judged({"drugs": 0.7}, rules=[two], approvals=given).outcome == outcome


@pytest.mark.parametrize(("at", "outcome"), [(0.8, "hold"), (0.801, "allow")])
def test_a_block_stays_a_block_and_the_severe_lane_asks_every_time(at: float, outcome: str) -> None:
    severe = {
        "name": "severe", "stage": "image", "categories": ["sexual"], "at": at, "outcome": "hold", "lane": "severe",
    }  # fmt: skip
    block = {"name": "block", "stage": "image", "categories": ["drugs"], "at": 0.8, "outcome": "block"}

    assert judged({"sexual": 0.8}, rules=[severe]).outcome == outcome
    assert judged({"sexual": 0.8, "drugs": 0.8}, rules=[block]).outcome == "block"
    assert judged({"sexual": 0.8, "drugs": 0.799}, rules=[block]).outcome == "allow"


def test_what_is_sealed_stays_sealed() -> None:
    seal = {"name": "seal", "stage": "image", "categories": ["canary/seal"], "at": 0.5, "outcome": "block"}

    verdict = judged({"canary/seal": 1.0}, rules=[seal])

    assert (verdict.outcome, verdict.sealed, verdict.allowed_by) == ("block", True, None)


@pytest.mark.parametrize("gap", [{"error": "blind"}, {"unknown": ("too-long",)}])
def test_what_somebody_could_not_look_at_is_held_whoever_let_it_go_before(gap: dict[str, Any]) -> None:
    for score in (0.0, 0.7):
        verdict = judged({"sexual": score}, **gap)
        assert (verdict.outcome, verdict.allowed_by) == ("hold", None)


def test_leave_changes_nothing_at_the_prompt_stage() -> None:
    policy = Policy.parse(json.dumps(document(known={"allow": True})).encode())
    leave = Allowance("decision 1", policy.sha256, 2)
    ordinary = said({"violence/graphic": 0.3}, allowed_by=leave)

    assert policy.judge([ordinary, said({}, modality="negative_prompt")], stage="prompt").outcome == "flag"


@pytest.mark.parametrize(
    ("known", "field"), [({"allow": 1}, "known.allow"), ({"block": True}, "known.block"), ([], "known")]
)
def test_a_policy_says_true_or_false_of_it_and_nothing_else(known: object, field: str) -> None:
    with pytest.raises(PolicyError) as error:
        Policy.parse(json.dumps(document(known=known)).encode())

    assert error.value.field == field


# ---- the policy that ships


@pytest.mark.parametrize("category", HARMS)
@pytest.mark.parametrize(("score", "outcome"), [(SAME, "block"), (ALIKE, "hold"), (0.0, "allow")])
def test_the_shipped_policy_refuses_the_same_bytes_and_holds_what_looks_like_them(
    category: str, score: float, outcome: str
) -> None:
    assessments = [
        said({category: score} if checker == "known-pictures" else {}, checker=checker, modality="image")
        for checker in default_policy().required["image"]
    ]
    verdict = default_policy().judge(assessments, stage="image")

    if category == "sexual/minors" and score:
        assert (verdict.outcome, verdict.sealed) == ("block", True)  # a look-alike too: officers must look
    else:
        assert (verdict.outcome, verdict.sealed) == (outcome, False)
