"""Several images of a request, chosen on the page of one of them and denied together."""

import re
from html import unescape

import pytest

from gateway.models import Case, Decision
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor, case_of


def boxes(rita: Visitor, case: Case) -> list[str]:
    """What the strip's boxes would send, in the order of the images."""
    text = rita.get(f"/review/cases/{case.pk}/").content.decode()
    return [unescape(value) for value in re.findall(r'name="several" value="([^"]*)"', text)]


def claimed(world: DeskWorld, rita: Visitor, num_images: int = 4) -> list[Case]:
    cases = world.held_images(num_images)
    assert rita.take() == cases[0].pk
    return cases


def test_two_of_four_are_denied_and_the_next_is_one_of_the_others(world: DeskWorld, rita: Visitor) -> None:
    cases = claimed(world, rita)
    chosen = boxes(rita, cases[0])

    response = rita.decide(cases[0].pk, "deny", category="hate", note="both", several=[chosen[1], chosen[3]])

    assert case_of(response) == cases[0].pk
    assert world.statuses(cases[0].generation_id)[1] == ["held", "rejected", "held", "rejected"]
    assert list(Decision.objects.values_list("category", "note")) == [("hate", "both")] * 2


@pytest.mark.parametrize("outcome", ["release", "escalate"])
def test_nothing_but_a_denial_takes_several(world: DeskWorld, rita: Visitor, outcome: str) -> None:
    cases = claimed(world, rita)
    chosen = boxes(rita, cases[0])

    response = rita.decide(cases[0].pk, outcome, several=chosen[:2], note="kept words")

    text = response.content.decode()
    assert response.status_code == 409
    assert f"Only a denial takes several images; {outcome} is for one at a time" in text
    assert "kept words" in text
    assert not Decision.objects.exists()


def test_if_one_was_decided_since_nothing_is_recorded_and_the_page_names_it(world: DeskWorld, rita: Visitor) -> None:
    cases = claimed(world, rita)
    chosen = boxes(rita, cases[0])
    rita.decide(cases[2].pk, "deny", category="hate")

    response = rita.decide(cases[0].pk, "deny", category="violence", note="kept words", several=chosen)

    text = response.content.decode()
    assert response.status_code == 409
    assert "Image 3: this case is closed at version 3; you were shown version 1" in text
    assert "image 1" not in text.lower().replace("image 1 of", "")
    assert "kept words" in text
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("value", ["", "a b c", "one two", "{0} 1", "{0} one 00", "{0} 1 zz"])
def test_a_box_that_says_nothing_readable_changes_nothing(world: DeskWorld, rita: Visitor, value: str) -> None:
    cases = claimed(world, rita)

    response = rita.decide(cases[0].pk, "deny", category="hate", several=[value.format(cases[1].pk)])

    assert response.status_code == 409
    assert not Decision.objects.exists()


def test_one_undo_takes_back_all_that_were_denied_together(world: DeskWorld, rita: Visitor) -> None:
    world.undo_window(60)
    cases = claimed(world, rita)
    rita.decide(cases[0].pk, "deny", category="hate", several=boxes(rita, cases[0])[:3])
    page = rita.get(f"/review/cases/{cases[3].pk}/").content.decode()
    assert "of 3 images" in page

    rita.post(re.findall(r'action="(/review/cases/[^"]*/undo)"', page)[0])

    assert world.statuses(cases[0].generation_id)[1] == ["held"] * 4
    assert len(boxes(rita, cases[0])) == 4


def test_a_request_of_which_one_image_is_held_has_no_boxes(world: DeskWorld, rita: Visitor) -> None:
    (case,) = claimed(world, rita, 1)

    assert boxes(rita, case) == []
