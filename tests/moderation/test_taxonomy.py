"""One word per harm, and no word that nobody defined."""

import pytest

from moderation.taxonomy import CATEGORIES, HARMS, SEALED, UnknownCategoryError, category, require_known


def test_a_category_is_found_by_its_name() -> None:
    assert category("violence/graphic").title == "Gore"


@pytest.mark.parametrize("name", ["Violence", "gore", "", "sexual/minor"])
def test_a_name_outside_the_taxonomy_is_refused(name: str) -> None:
    with pytest.raises(UnknownCategoryError, match="unknown category"):
        category(name)


def test_one_unknown_name_among_known_ones_is_refused() -> None:
    with pytest.raises(UnknownCategoryError):
        require_known(["sexual", "sexuality"])


def test_canaries_and_qualities_are_no_harms() -> None:
    assert not any(name.startswith(("canary/", "quality/")) for name in HARMS)
    assert "quality/hands" in CATEGORIES
    assert "sexual/minors" in HARMS


def test_sealed_categories_exist_in_the_taxonomy() -> None:
    assert set(CATEGORIES) >= SEALED == {"sexual/minors", "canary/seal"}
