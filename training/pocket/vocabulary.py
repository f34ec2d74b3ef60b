"""What the pocket model knows: things, colours and backgrounds, read from vocabulary.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.toml")


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing the model can draw.

    Attributes:
        name: what a caption calls it.
        code: its Unicode code points in hex, as the artwork packages name their files.
        also: other names a caption may use.
        natural: colour words that are true of the picture as it is drawn.
        recolour: colours it is drawn in besides.
    """

    name: str
    code: str
    also: tuple[str, ...] = ()
    natural: tuple[str, ...] = ()
    recolour: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Background:
    """What a thing stands on or before.

    Attributes:
        name: the colour of a plain ground, or a scene's name.
        rgb: in 0..255; above the horizon, where there is one.
        also: other words for a plain ground's colour.
        floor: the colour below the horizon of a scene, in 0..255; None for a plain ground.
        phrases: how captions name a scene.
    """

    name: str
    rgb: tuple[int, int, int]
    also: tuple[str, ...] = ()
    floor: tuple[int, int, int] | None = None
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything a caption can name. `hues` gives each colour's hue in degrees."""

    things: tuple[Thing, ...]
    backgrounds: tuple[Background, ...]
    hues: Mapping[str, float]

    def as_json(self) -> dict[str, object]:
        """The names alone, as the shipped model's folder shows them."""
        return {
            "things": {
                thing.name: {"also": thing.also, "colours": thing.natural + thing.recolour} for thing in self.things
            },
            "colours": list(self.hues),
            "backgrounds": {ground.name: {"also": ground.also} for ground in self.backgrounds if not ground.floor},
            "scenes": [ground.phrases[0] for ground in self.backgrounds if ground.floor],
        }


def load_vocabulary(file: Path = VOCABULARY_FILE) -> Vocabulary:
    """The vocabulary in `file`.

    Raises:
        KeyError, TypeError: an entry lacks a field or has one that is not known.
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    return Vocabulary(
        things=tuple(
            Thing(name=name, **{key: value if key == "code" else tuple(value) for key, value in entry.items()})
            for name, entry in document["things"].items()
        ),
        backgrounds=tuple(
            Background(name=name, **{key: tuple(value) for key, value in entry.items()})
            for name, entry in document["backgrounds"].items()
        ),
        hues=document["colours"],
    )
