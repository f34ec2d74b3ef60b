"""Stage 2: cut the artwork out, recolour it, and train the tokenizer.

Run: python -m training.pocket.compose

Writes `cutouts.npz` (every picture trimmed to its outline, premultiplied), `strangers.json` (ordinary words outside
the vocabulary) and `tokenizer/`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from training.pocket import fetch
from training.pocket.architecture import CAPTION_TOKENS, PICTURE_PX
from training.pocket.captions import known_words
from training.pocket.stages import stage_parser, work_folder
from training.pocket.vocabulary import Vocabulary, load_vocabulary

CUTOUT_PX = 160
SPAN = (0.74, 0.84)
"""The longer side of a thing, as a share of the frame."""

SHIFT = 0.03
HUE_REACH = 50
TOKENS = 1600
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
    """

    pixels: NDArray[np.uint8]
    thing: NDArray[np.int64]
    colour: list[str]


def load_cutouts(work: Path) -> Cutouts:
    """What this stage wrote."""
    with np.load(work / "cutouts.npz") as arrays:
        return Cutouts(arrays["pixels"], arrays["thing"], [str(name) for name in arrays["colour"]])


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
    """The picture with its dominant hue, and what lies within 50 degrees of it, turned to `hue` (degrees)."""
    hsv = np.asarray(picture.convert("RGB").convert("HSV")).astype(np.int64)
    alpha = np.asarray(picture.getchannel("A"))
    weight = hsv[..., 1] * hsv[..., 2] * (alpha > 128)
    histogram = np.bincount(hsv[..., 0].ravel(), weights=weight.ravel().astype(float), minlength=256)
    smooth = np.convolve(np.tile(histogram, 3), np.ones(15), mode="same")[256:512]
    offset = (hsv[..., 0] - int(smooth.argmax()) + 128) % 256 - 128
    near = np.abs(offset) <= HUE_REACH * 256 / 360
    hsv[..., 0] = np.where(near, (round(hue * 256 / 360) + offset // 3) % 256, hsv[..., 0])
    turned = Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB").convert("RGBA")
    turned.putalpha(picture.getchannel("A"))
    return turned


def place(cutout: NDArray[np.uint8], ground: tuple[int, int, int], generator: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 [128, 128, 3]: a cutout on a plain ground, a little moved and scaled, the ground's brightness too."""
    side = round(PICTURE_PX * generator.uniform(*SPAN))
    middle = (PICTURE_PX - side) / 2
    left, top = (round(middle + PICTURE_PX * generator.uniform(-SHIFT, SHIFT)) for _ in range(2))
    resized = Image.fromarray(cutout, "RGBa").resize((side, side), Image.Resampling.BICUBIC)
    small = np.asarray(resized).astype(np.float32)
    frame = np.empty((PICTURE_PX, PICTURE_PX, 3), np.float32)
    frame[:] = np.asarray(ground, np.float32) + generator.uniform(-3, 3)
    window = frame[top : top + side, left : left + side]
    window *= 1 - small[..., 3:] / 255
    window += small[..., :3]
    return frame.clip(0, 255).round().astype(np.uint8)


def _compose_cutouts(work: Path, vocabulary: Vocabulary) -> None:
    assets = fetch.pack(fetch.ARTWORK, work / "artwork") / "assets"
    pixels, thing_rows, colours = [], [], []
    for row, thing in enumerate(vocabulary.things):
        drawn = cut_out(Image.open(assets / f"{thing.code}.webp"))
        for colour in ("", *thing.recolour):
            picture = recolour(drawn, vocabulary.hues[colour]) if colour else drawn
            pixels.append(np.asarray(picture.convert("RGBa")))
            thing_rows.append(row)
            colours.append(colour)
    np.savez(work / "cutouts.npz", pixels=np.stack(pixels), thing=np.array(thing_rows), colour=np.array(colours))
    print(f"{len(pixels)} pictures of {len(vocabulary.things)} things")


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
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator([*(f"{word} " * 200 for word in known), *strangers], trainer)
    folder.mkdir(exist_ok=True)
    tokenizer.model.save(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    for byte in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocab.setdefault(f"{byte}</w>", len(vocab))
    merges = [tuple(line.split(" ")) for line in (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]]
    clip = CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=CAPTION_TOKENS)
    split = [word for word in known if word.isalpha() and len(clip.tokenize(word)) != 1]
    if split:
        raise ValueError(f"these known words are not one token each: {', '.join(split)}")
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
