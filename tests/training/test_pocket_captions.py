"""What varies in a training picture is named in its caption; else the model would have to guess."""

import pytest

from training.pocket.captions import LOOKS, SMALL, CaptionWriter, Shown, known_words, plural
from training.pocket.vocabulary import Thing, Vocabulary, load_vocabulary

STRANGERS = ("invoice", "ombudsman")
DRAWS = 200


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


@pytest.fixture
def writer(vocabulary: Vocabulary) -> CaptionWriter:
    return CaptionWriter(vocabulary, STRANGERS, seed=0)


@pytest.fixture(scope="module")
def apple(vocabulary: Vocabulary) -> Thing:
    return next(thing for thing in vocabulary.things if thing.name == "apple")


def test_every_ground_but_white_is_named(vocabulary: Vocabulary, writer: CaptionWriter, apple: Thing) -> None:
    for ground in vocabulary.backgrounds[1:]:
        names = ground.phrases or (ground.name, *ground.also)
        captions = [writer.write(Shown(apple, ground)) for _ in range(DRAWS)]
        assert all(any(name in caption for name in names) for caption in captions)


def test_the_colour_a_picture_was_turned_to_is_named(
    vocabulary: Vocabulary, writer: CaptionWriter, apple: Thing
) -> None:
    shown = Shown(apple, vocabulary.backgrounds[0], colour="green")

    assert all("green" in writer.write(shown) for _ in range(DRAWS))


@pytest.mark.parametrize("look", [look for look in LOOKS if look])
def test_every_look_but_the_first_is_named(
    vocabulary: Vocabulary, writer: CaptionWriter, apple: Thing, look: str
) -> None:
    shown = Shown(apple, vocabulary.backgrounds[0], look=look)
    openings, sayings = LOOKS[look]

    captions = [writer.write(shown) for _ in range(DRAWS)]
    assert all(any(words in caption for words in (*openings, *sayings)) for caption in captions)


def test_a_small_thing_is_called_small(vocabulary: Vocabulary, writer: CaptionWriter, apple: Thing) -> None:
    shown = Shown(apple, vocabulary.backgrounds[0], small=True)

    assert all(set(SMALL) & set(writer.write(shown).replace(",", "").split()) for _ in range(DRAWS))


def test_a_bare_ground_is_never_captioned_with_a_thing(vocabulary: Vocabulary, writer: CaptionWriter) -> None:
    nouns = {noun for thing in vocabulary.things for noun in (thing.name, *thing.also)} - set(vocabulary.hues)

    for _ in range(DRAWS):
        caption = writer.write(Shown(None, vocabulary.backgrounds[0]))
        assert not nouns & set(caption.replace(",", "").rstrip(".!").split())


def test_the_same_seed_writes_the_same_captions(vocabulary: Vocabulary, apple: Thing) -> None:
    first, again = (CaptionWriter(vocabulary, STRANGERS, seed=4) for _ in range(2))
    shown = Shown(apple, vocabulary.backgrounds[0])

    assert [first.write(shown) for _ in range(20)] == [again.write(shown) for _ in range(20)]


@pytest.mark.parametrize(
    ("noun", "many"),
    [
        ("apple", "apples"),
        ("cherry", "cherries"),
        ("key", "keys"),
        ("fox", "foxes"),
        ("maple leaf", "maple leaves"),
        ("cherries", "cherries"),
    ],
)
def test_plurals_follow_english(noun: str, many: str) -> None:
    assert plural(noun) == many


def test_no_colour_a_thing_is_turned_to_lacks_a_hue(vocabulary: Vocabulary) -> None:
    assert {colour for thing in vocabulary.things for colour in thing.recolour} <= set(vocabulary.hues)


def test_every_name_is_made_of_known_words(vocabulary: Vocabulary) -> None:
    known = set(known_words(vocabulary))

    assert all(word in known for thing in vocabulary.things for word in thing.name.replace("-", " ").split())
