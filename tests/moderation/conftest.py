"""What takes seconds to load, loaded once for all tests here."""

import pytest

from moderation.screens import ImageScreen, PromptScreen, load_image_screen, load_prompt_screen


@pytest.fixture(scope="session")
def prompt_screen() -> PromptScreen:
    """Every prompt checker that ships."""
    return load_prompt_screen()


@pytest.fixture(scope="session")
def image_screen() -> ImageScreen:
    """Every image checker that ships."""
    return load_image_screen()
