"""What varies in a training picture is named in its caption; else the model would have to guess."""

import pytest

from training.pocket.captions import CaptionWriter, known_words, plural
from training.pocket.vocabulary import Vocabulary, load_vocabulary

STRANGERS = ("invoice", "ombudsman")
DRAWS = 200


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


@pytest.fixture
def writer(vocabulary: Vocabulary) -> CaptionWriter:
    return CaptionWriter(vocabulary, STRANGERS, seed=0)


def test_every_ground_but_white_is_named(vocabulary: Vocabulary, writer: CaptionWriter) -> None:
    apple = vocabulary.things[0]

    for ground in vocabulary.backgrounds[1:]:
        names = (ground.name, *ground.also)
        captions = [writer.write(apple, None, ground) for _ in range(DRAWS)]
        assert all(any(name in caption for name in names) for caption in captions)


def test_the_colour_a_picture_was_turned_to_is_named(vocabulary: Vocabulary, writer: CaptionWriter) -> None:
    apple, white = vocabulary.things[0], vocabulary.backgrounds[0]

    assert all("green" in writer.write(apple, "green", white) for _ in range(DRAWS))


def test_a_bare_ground_is_never_captioned_with_a_thing(vocabulary: Vocabulary, writer: CaptionWriter) -> None:
    nouns = {noun for thing in vocabulary.things for noun in (thing.name, *thing.also)}

    for _ in range(DRAWS):
        caption = writer.write(None, None, vocabulary.backgrounds[0])
        assert not nouns & set(caption.replace(",", "").rstrip(".!").split())


def test_the_same_seed_writes_the_same_captions(vocabulary: Vocabulary) -> None:
    first, again = (CaptionWriter(vocabulary, STRANGERS, seed=4) for _ in range(2))
    apple, white = vocabulary.things[0], vocabulary.backgrounds[0]

    assert [first.write(apple, None, white) for _ in range(20)] == [again.write(apple, None, white) for _ in range(20)]


@pytest.mark.parametrize(
    ("noun", "many"),
    [("apple", "apples"), ("cherry", "cherries"), ("key", "keys"), ("fox", "foxes"), ("maple leaf", "maple leaves")],
)
def test_plurals_follow_english(noun: str, many: str) -> None:
    assert plural(noun) == many


def test_no_colour_a_thing_is_turned_to_lacks_a_hue(vocabulary: Vocabulary) -> None:
    assert {colour for thing in vocabulary.things for colour in thing.recolour} <= set(vocabulary.hues)


def test_every_name_is_made_of_known_words(vocabulary: Vocabulary) -> None:
    known = set(known_words(vocabulary))

    assert all(word in known for thing in vocabulary.things for word in thing.name.replace("-", " ").split())
