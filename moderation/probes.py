"""The inputs with known answers that an entry of a checkers file names for the self-test."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from moderation.assessments import Picture, PromptInput
from moderation.checker_fields import CheckerConfigurationError, category, known_fields, share, table, text
from moderation.checkers import Probe
from moderation.pictures import PictureError, decode

HARMLESS = PromptInput("a red apple on a white background", "blurry, low quality")
GREY = Picture(np.full((128, 128, 3), 127, dtype=np.uint8), "")
# Noise, the same each time; those that ship score the grey picture higher, which tells a live network from a dead one.
SPECKLED = Picture(np.random.default_rng(3).integers(0, 255, (128, 128, 3), dtype=np.uint8), "")


def _written(text: str) -> NDArray[np.uint8]:
    """A picture of a text, dark on light, uint8 [height, width, 3]."""
    image = Image.new("RGB", (512, 128), (236, 232, 224))
    ImageDraw.Draw(image).text((256, 64), text, font=ImageFont.load_default(24), fill=(24, 24, 40), anchor="mm")
    return np.asarray(image)


# The canary's word, for whoever reads what is written in pictures.
WRITTEN = Picture(_written("IMPRIMATUR-TEST-PROMPT-HOLD"), "")


def _hand() -> NDArray[np.uint8]:
    """An open hand as a child would draw it, uint8 [224, 224, 3]."""
    image = Image.new("RGB", (224, 224), (236, 232, 224))
    draw = ImageDraw.Draw(image)
    skin, edge = (222, 170, 134), (120, 70, 50)
    for tip, width in (((43, 103), 24), ((68, 41), 22), ((100, 23), 22), ((135, 32), 22), ((158, 60), 20)):
        for grown, colour in ((4, edge), (0, skin)):
            radius = (width + grown) / 2
            draw.line([(112, 140), tip], fill=colour, width=width + grown)
            draw.ellipse([tip[0] - radius, tip[1] - radius, tip[0] + radius, tip[1] + radius], fill=colour)
    draw.rounded_rectangle([72, 110, 152, 200], 24, fill=skin, outline=edge, width=2)
    draw.rectangle([86, 190, 138, 224], fill=skin)
    return np.asarray(image)


HAND = Picture(_hand(), "")

_BUILT_IN = {"grey": GREY, "noise": SPECKLED}
_BOUNDS = frozenset({"category", "at_least", "at_most"})

InputT = TypeVar("InputT")


def prompt_probes(entry: Mapping[str, object], field: str) -> tuple[Probe[PromptInput], ...]:
    """The probes of an entry; without any, a harmless prompt that no category may score above 0.5.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    probes = []
    for each, where in _listed(entry, field):
        known_fields(each, _BOUNDS | {"text", "negative_text"}, where)
        prompt = text(each.get("text"), f"{where}.text", "a text")
        negative = each.get("negative_text", "")
        if not isinstance(negative, str):
            raise CheckerConfigurationError(f"{where}.negative_text", negative, "a text")
        probes.append(_probe(PromptInput(prompt, negative), each, where))
    return tuple(probes) or (Probe(HARMLESS, None, 0.0, 0.5),)


def picture_probes(entry: Mapping[str, object], field: str) -> tuple[Probe[Picture], ...]:
    """The probes of an entry; without any, a grey picture and noise, which it must score somehow.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    probes = []
    for each, where in _listed(entry, field):
        known_fields(each, _BOUNDS | {"picture"}, where)
        probes.append(_probe(_picture(each.get("picture"), f"{where}.picture"), each, where))
    return tuple(probes) or (Probe(GREY, None, 0.0, 1.0), Probe(SPECKLED, None, 0.0, 1.0))


def _listed(entry: Mapping[str, object], field: str) -> list[tuple[Mapping[str, object], str]]:
    probes = entry.get("probes", [])
    if not isinstance(probes, (list, tuple)):
        raise CheckerConfigurationError(f"{field}.probes", probes, "a list of objects")
    return [
        (table(probe, f"{field}.probes[{number}]", "an object"), f"{field}.probes[{number}]")
        for number, probe in enumerate(probes)
    ]


def _probe(given: InputT, each: Mapping[str, object], where: str) -> Probe[InputT]:
    named = each.get("category")
    at_least = share(each.get("at_least", 0.0), f"{where}.at_least")
    at_most = share(each.get("at_most", 1.0), f"{where}.at_most")
    if at_least > at_most:
        raise CheckerConfigurationError(f"{where}.at_least", at_least, f"at most `at_most`, which is {at_most:g}")
    if named is None and at_least > 0.0:
        raise CheckerConfigurationError(f"{where}.at_least", at_least, "0 where `category` is null: it stands for all")
    return Probe(given, None if named is None else category(named, f"{where}.category"), at_least, at_most)


def _picture(value: object, field: str) -> Picture:
    name = text(value, field, "grey, noise or the absolute path of a PNG file")
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    path = Path(name)
    if not path.is_absolute():
        raise CheckerConfigurationError(field, name, "grey, noise or the absolute path of a PNG file")
    try:
        return Picture(decode(path.read_bytes()), "")
    except (OSError, PictureError) as error:
        raise CheckerConfigurationError(field, name, f"a PNG file that can be read: {type(error).__name__}") from error
