"""Stage 2: cut the artwork out, recolour it, and train the tokenizer.

Run: python -m training.pocket.compose

Writes `cutouts.npz` (every picture trimmed to its outline, premultiplied), `strangers.json` (ordinary words outside
the vocabulary) and `tokenizer/`.
"""

import json
import re
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import Path

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from training.pocket import fetch
from training.pocket.architecture import CAPTION_TOKENS, PICTURE_PX
from training.pocket.captions import known_words
from training.pocket.contact import write_sheet
from training.pocket.stages import stage_parser, work_folder
from training.pocket.vocabulary import Background, Vocabulary, load_vocabulary

CUTOUT_PX = 160
DRAWN_PX = 320
SPAN = (0.77, 0.84)
"""The longer side of a thing, as a share of the frame."""

SMALL_SPAN = (0.46, 0.5)
SHIFT = 0.02
HORIZON = 0.64
"""Where the floor of a scene begins, as a share of the frame's height."""

HUE_REACH = 50
FEWEST_TOKENS = 1600
WORD = re.compile(r"[a-z]{3,}")
CLIP_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""How CLIP's tokenizer cuts text before byte pairs."""


@dataclass(frozen=True, slots=True)
class Cutouts:
    """All pictures there are of all things.

    Attributes:
        pixels: uint8 [n, 160, 160, 4], premultiplied RGBA.
        thing: [n], the row of each picture's thing in the vocabulary.
        colour: the colour each was turned to; "" as drawn.
        look: the artwork each comes from, a key of `captions.LOOKS`.
    """

    pixels: NDArray[np.uint8]
    thing: NDArray[np.int64]
    colour: list[str]
    look: list[str]


def load_cutouts(work: Path) -> Cutouts:
    """What this stage wrote."""
    with np.load(work / "cutouts.npz") as arrays:
        colour, look = ([str(name) for name in arrays[field]] for field in ("colour", "look"))
        return Cutouts(arrays["pixels"], arrays["thing"], colour, look)


def cut_out(picture: Image.Image) -> Image.Image:
    """The picture trimmed to what is visible, centred in a transparent square of 160 px; straight alpha."""
    picture = picture.convert("RGBA")
    box = picture.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox()
    picture = picture.crop(box)
    scale = CUTOUT_PX / max(picture.size)
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    square = Image.new("RGBA", (CUTOUT_PX, CUTOUT_PX))
    resized = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    square.paste(resized, ((CUTOUT_PX - size[0]) // 2, (CUTOUT_PX - size[1]) // 2))
    return square


def recolour(picture: Image.Image, hue: float) -> Image.Image:
    """The picture with its dominant hue, and what is within 50 degrees of it, turned to `hue` (degrees) and vivid."""
    hsv = np.asarray(picture.convert("RGB").convert("HSV")).astype(np.float64)
    seen = np.asarray(picture.getchannel("A")) > 128
    weight = hsv[..., 1] * hsv[..., 2] * seen
    histogram = np.bincount(hsv[..., 0].astype(int).ravel(), weights=weight.ravel(), minlength=256)
    smooth = np.convolve(np.tile(histogram, 3), np.ones(15), mode="same")[256:512]
    offset = (hsv[..., 0] - int(smooth.argmax()) + 128) % 256 - 128
    near = np.abs(offset) <= HUE_REACH * 256 / 360
    hsv[..., 0] = np.where(near, (round(hue * 256 / 360) + offset // 3) % 256, hsv[..., 0])
    for channel, least in ((1, 0.62), (2, 0.66)):
        mean = np.average(hsv[..., channel], weights=weight * near) / 255
        hsv[..., channel] = np.where(near, hsv[..., channel] * max(1.0, least / mean), hsv[..., channel]).clip(0, 255)
    turned = Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB").convert("RGBA")
    turned.putalpha(picture.getchannel("A"))
    return turned


def place(
    cutout: NDArray[np.uint8],
    background: Background,
    generator: np.random.Generator,
    *,
    span: tuple[float, float] = SPAN,
    shift: float = SHIFT,
) -> NDArray[np.uint8]:
    """uint8 [128, 128, 3]: a cutout on its ground, a little moved and scaled, the ground's brightness too."""
    side = round(PICTURE_PX * generator.uniform(*span))
    middle = (PICTURE_PX - side) / 2
    room = min(shift * PICTURE_PX, middle)
    left, top = (int(middle + generator.uniform(-room, room)) for _ in range(2))
    resized = Image.fromarray(cutout, "RGBa").resize((side, side), Image.Resampling.BICUBIC)
    small = np.asarray(resized).astype(np.float32)
    frame = np.empty((PICTURE_PX, PICTURE_PX, 3), np.float32)
    frame[:] = np.asarray(background.rgb, np.float32) + generator.uniform(-3, 3)
    if background.floor:
        frame[round(HORIZON * PICTURE_PX) :] = np.asarray(background.floor, np.float32) + generator.uniform(-3, 3)
    window = frame[top : top + side, left : left + side]
    window *= 1 - small[..., 3:] / 255
    window += small[..., :3]
    return frame.clip(0, 255).round().astype(np.uint8)


def _compose_cutouts(work: Path, vocabulary: Vocabulary) -> None:
    shaded = fetch.pack(fetch.SHADED, work / "artwork") / "assets"
    drawn = {look: Drawings(fetch.pack(package, work / "artwork")) for look, package in fetch.DRAWN.items()}
    pixels, things, colours, looks = [], [], [], []

    def add(picture: Image.Image, row: int, colour: str, look: str) -> None:
        pixels.append(np.asarray(picture.convert("RGBa")))
        things.append(row)
        colours.append(colour)
        looks.append(look)

    for row, thing in enumerate(vocabulary.things):
        picture = cut_out(Image.open(shaded / f"{thing.code}.webp"))
        add(picture, row, "", "")
        for colour in thing.recolour:
            add(recolour(picture, vocabulary.hues[colour]), row, colour, "")
        for look, drawings in drawn.items():
            add(cut_out(drawings.picture(thing.code)), row, "", look)
    np.savez(work / "cutouts.npz", pixels=np.stack(pixels), thing=np.array(things), colour=colours, look=looks)
    generator, ground = np.random.default_rng(0), vocabulary.backgrounds[2]
    placed = np.stack([place(cutout, ground, generator) for cutout in pixels])
    write_sheet(placed, work / "compose.png", columns=40, tile_px=48)
    print(f"{len(pixels)} pictures of {len(vocabulary.things)} things")


class Drawings:
    """The pictures of one Iconify package: a JSON document of SVG bodies, and one from code points to their names."""

    def __init__(self, package: Path) -> None:
        self._set = json.loads((package / "icons.json").read_text(encoding="utf-8"))
        self._names = json.loads((package / "chars.json").read_text(encoding="utf-8"))

    def picture(self, code: str) -> Image.Image:
        """The drawing of a code point, 320 px.

        Raises:
            KeyError: there is none.
        """
        name = self._names[code.replace("-fe0f", "")]
        name = self._set.get("aliases", {}).get(name, {"parent": name})["parent"]
        width, height = self._set["width"], self._set.get("height", self._set["width"])
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">{self._set["icons"][name]["body"]}</svg>'
        )
        return Image.open(BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=DRAWN_PX, height=DRAWN_PX))))


def _find_strangers(work: Path, known: set[str]) -> list[str]:
    """Words of emoji labels and tags that no caption template holds."""
    emoji = json.loads((fetch.pack(fetch.WORDS, work / "artwork") / "en" / "data.json").read_text(encoding="utf-8"))
    texts = (text for entry in emoji for text in (entry["label"], *entry.get("tags", ())))
    return sorted({word for text in texts for word in WORD.findall(text.lower())} - known)


def _train_tokenizer(folder: Path, known: list[str], strangers: list[str]) -> None:
    """A CLIP tokenizer in which every known word is one token and any other falls into pieces.

    The trainer leaves out bytes that end no word it saw; without them strange text would hold end-of-text tokens.
    """
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    folder.mkdir(exist_ok=True)
    for size in count(FEWEST_TOKENS, 100):
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=["<|startoftext|>", "<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            end_of_word_suffix="</w>",
            show_progress=False,
        )
        tokenizer.train_from_iterator([*(f"{word} " * 200 for word in known), *strangers], trainer)
        tokenizer.model.save(str(folder))
        vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        for byte in sorted(pre_tokenizers.ByteLevel.alphabet()):
            vocab.setdefault(f"{byte}</w>", len(vocab))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        clip = CLIPTokenizer(
            vocab=vocab, merges=[tuple(line.split(" ")) for line in lines], model_max_length=CAPTION_TOKENS
        )
        if all(len(clip.tokenize(word)) == 1 for word in known if word.isalpha()):
            break
    clip.save_pretrained(folder)
    print(f"tokenizer of {len(clip)} entries; {len(known)} known words")


def main() -> None:
    work = work_folder(stage_parser(__doc__).parse_args())
    vocabulary = load_vocabulary()
    _compose_cutouts(work, vocabulary)
    known = known_words(vocabulary)
    strangers = _find_strangers(work, set(known))
    (work / "strangers.json").write_text(json.dumps(strangers), encoding="utf-8")
    _train_tokenizer(work / "tokenizer", known, strangers)


if __name__ == "__main__":
    main()
