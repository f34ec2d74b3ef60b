"""What nobody looks for is said, not left out."""

import pytest

from moderation.coverage import Coverage, not_looked_for
from moderation.screens import ImageScreen, PromptScreen
from moderation.taxonomy import HARMS, UnknownCategoryError


def covers(*categories: str, modality: str = "image") -> Coverage:
    return Coverage("test", (modality,), categories, None, None)  # type: ignore[arg-type]


def test_what_no_checker_covers_is_named_in_the_taxonomys_order() -> None:
    missing = not_looked_for([covers("sexual"), covers("violence")], "image")

    assert missing == tuple(name for name in HARMS if name not in ("sexual", "violence"))


def test_a_checker_for_another_modality_covers_nothing_here() -> None:
    assert "sexual" in not_looked_for([covers("sexual", modality="prompt")], "image")


def test_a_checker_cannot_claim_what_the_taxonomy_does_not_name() -> None:
    with pytest.raises(UnknownCategoryError):
        covers("nudity")


def test_the_shipped_image_checkers_admit_that_they_see_nudity_only(image_screen: ImageScreen) -> None:
    missing = not_looked_for(image_screen.coverages, "image")

    assert set(HARMS) - set(missing) == {"sexual"}


def test_no_prompt_checker_claims_languages_without_naming_them(prompt_screen: PromptScreen) -> None:
    coverages = {coverage.checker: coverage for coverage in prompt_screen.coverages}

    assert coverages["prompt-e5"].languages
    assert "en" in coverages["prompt-e5"].languages
