"""Emoji in words, for an encoder that knows few of them."""

import pytest

from moderation.text.emoji_names import named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I would 🔪 him", "I would kitchen knife him"),
        ("🔪🔪", "kitchen knife kitchen knife"),
        ("a 🐀", "a rat"),
        ("👏🏽", "clapping hands"),
        ("plain words", "plain words"),
        ("Страна 🌍", "Страна globe showing Europe-Africa"),
        ("🅰pple 🇩🇪", "🅰pple 🇩🇪"),
        ("12 # *", "12 # *"),
    ],
)
def test_an_emoji_is_read_as_its_name_and_everything_else_as_it_is(text: str, expected: str) -> None:
    assert named(text) == expected
