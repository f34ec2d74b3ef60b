"""Tiny vision models of the real architectures, trained on plain colours and written to folders as the hub has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
)

from moderation.assessments import Picture

SIDE_PX = 32
GREEN, YELLOW, ORANGE, RED = (20, 200, 20), (220, 220, 20), (230, 130, 10), (220, 20, 20)
COLOURS = {"green": GREEN, "yellow": YELLOW, "orange": ORANGE, "red": RED}
_WORDS = ["[PAD]", "[UNK]", "[BOS]", "a", "thing", *COLOURS, "[EOS]"]
_TOWER = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def plain(colour: tuple[int, int, int], height: int = 48, width: int = 48) -> Picture:
    """A picture of one colour."""
    return Picture(np.full((height, width, 3), colour, dtype=np.uint8), f"{colour}")


def green_with_a_red_end() -> Picture:
    """Four times as wide as high; what is red would be cut away by a crop of the middle."""
    pixels = plain(GREEN, 64, 256).pixels.copy()
    pixels[:, 208:] = RED
    return Picture(pixels, "end")


def graded_classifier(path: Path) -> Path:
    """A ViT with four labels: "neutral" for green, "low" yellow, "medium" orange, "high" red."""
    torch.manual_seed(0)
    names = ["neutral", "low", "medium", "high"]
    config = ViTConfig(**_TOWER, image_size=SIDE_PX, patch_size=16, id2label=dict(enumerate(names)),
                       label2id={name: number for number, name in enumerate(names)})  # fmt: skip
    model = ViTForImageClassification(config)
    processor = ViTImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX})
    pixels = _prepared(processor)["pixel_values"]
    _fit(model, lambda: model(pixel_values=pixels, labels=torch.arange(4)).loss)
    return _saved(path, model, processor)


def clip(path: Path) -> Path:
    """A CLIP that knows four colours by name; its own processor would cut out the middle."""
    torch.manual_seed(0)
    text = {**_TOWER, "vocab_size": len(_WORDS), "max_position_embeddings": 8, "projection_dim": 32,
            "bos_token_id": 2, "eos_token_id": len(_WORDS) - 1}  # fmt: skip
    vision = {**_TOWER, "image_size": SIDE_PX, "patch_size": 16, "projection_dim": 32}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=32))
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE_PX}, crop_size={"height": SIDE_PX, "width": SIDE_PX})
    tokenizer = _tokenizer()
    _fit(model, lambda: model(**_names(tokenizer), **_prepared(processor), return_loss=True).loss)
    return _saved(path, model, processor, tokenizer)


def siglip(path: Path) -> Path:
    """The same of SigLIP's kind."""
    torch.manual_seed(0)
    text = {**_TOWER, "vocab_size": len(_WORDS), "max_position_embeddings": 8, "projection_size": 32,
            "bos_token_id": 2, "eos_token_id": len(_WORDS) - 1}  # fmt: skip
    vision = {**_TOWER, "image_size": SIDE_PX, "patch_size": 16}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    processor = SiglipImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX})
    return _sigmoid_pair(path, model, processor, _tokenizer())


def siglip2(path: Path) -> Path:
    """The same of SigLIP 2's kind for pictures of any shape, which sees patches and spells its texts."""
    torch.manual_seed(0)
    signs = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyz▁"]
    text = {**_TOWER, "vocab_size": len(signs), "max_position_embeddings": 16, "projection_size": 32,
            "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}  # fmt: skip
    vision = {**_TOWER, "num_patches": 4, "patch_size": 16}
    model = Siglip2Model(Siglip2Config(text_config=text, vision_config=vision))
    processor = Siglip2ImageProcessorPil(patch_size=16, max_num_patches=4)
    tokenizer = Siglip2Tokenizer(vocab={sign: number for number, sign in enumerate(signs)}, padding_side="right")
    return _sigmoid_pair(path, model, processor, tokenizer)


def _sigmoid_pair(path: Path, model: Any, processor: Any, tokenizer: Any) -> Path:
    positions = model.config.text_config.max_position_embeddings
    names = _names(tokenizer, padding="max_length", max_length=positions)
    with torch.no_grad():
        model.logit_scale.fill_(2.0)
        model.logit_bias.fill_(-4.0)
    given = {**_prepared(processor), "input_ids": names["input_ids"]}
    _fit(model, lambda: model(**given, return_loss=True).loss)
    return _saved(path, model, processor, tokenizer)


def _prepared(processor: Any) -> dict[str, Tensor]:
    pixels = [plain(colour, SIDE_PX, SIDE_PX).pixels for colour in COLOURS.values()]
    return dict(processor(pixels, input_data_format="channels_last", return_tensors="pt"))


def _names(tokenizer: Any, **settings: Any) -> dict[str, Tensor]:
    encoded = tokenizer([f"a {name} thing" for name in COLOURS], return_tensors="pt", **settings)
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(_WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 2), ("[EOS]", len(_WORDS) - 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", bos_token="[BOS]", eos_token="[EOS]"
    )


def _fit(model: torch.nn.Module, loss: Callable[[], Tensor], steps: int = 100) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def _saved(path: Path, *parts: Any) -> Path:
    for part in parts:
        part.save_pretrained(path)
    return path
