"""CLIP and SigLIP as image checkers: how near a picture is to texts that describe a harm."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoConfig, AutoModel, AutoTokenizer

from moderation.assessments import Assessment, Picture
from moderation.checkers import CheckerError
from moderation.coverage import Coverage
from moderation.hub.classifier_settings import ZeroShotSettings
from moderation.hub.local_models import LOCAL, LocalModel
from moderation.hub.picture_looks import Inputs, PictureLooks, picture_assessment


class ZeroShotChecker:
    """Scores a picture by texts: each against the neutral ones (CLIP), or by itself (SigLIP); the highest counts.

    With CLIP a text's score is its softmax share among itself and the neutral texts. So no other text or category in
    the settings lowers it, and a picture near none of them scores 1 / (1 + number of neutral texts): give several.

    Source: Radford et al. 2021, section 3.1 (softmax over texts); Zhai et al. 2023, section 3 (sigmoid with bias).
    """

    def __init__(self, settings: ZeroShotSettings, *, threads: int = 1) -> None:
        """Load the model and embed the texts, once.

        Raises:
            CheckerError: not on this machine, without safetensors, with other weights than pinned; neither CLIP nor
                SigLIP; CLIP without neutral texts, SigLIP with some; or a text longer than the model reads.
        """
        local = LocalModel(settings.model, threads=threads)
        self.name, self.version, self.weights_sha256 = settings.model.name, local.version, local.weights_sha256
        self._looks = PictureLooks(self.name, local.folder, batch_size=settings.model.batch_size)
        self._sigmoid = self._is_siglip(AutoConfig.from_pretrained(local.folder, **LOCAL).model_type, settings)
        self._model = local.load(AutoModel)
        tokenizer = AutoTokenizer.from_pretrained(local.folder, **LOCAL)
        self._scale = self._model.logit_scale.detach().exp().float().cpu()
        self._bias = self._model.logit_bias.detach().float().cpu() if self._sigmoid else None
        self._neutral = self._embedded(tokenizer, settings.neutral) if settings.neutral else None
        self._texts = {name: self._embedded(tokenizer, texts) for name, texts in settings.prompts.items()}
        self.coverage = Coverage(
            checker=self.name,
            modalities=("image",),
            categories=tuple(sorted(settings.prompts)),
            languages=None,
            scripts=None,
            note=f"{local.note} Judges by texts, without training for it.",
        )

    def assess(self, pictures: Sequence[Picture]) -> list[list[Assessment]]:
        """One assessment a picture.

        Raises:
            CheckerError: the model gave a number that is not finite.
        """
        outputs = self._looks.outputs(pictures, self._pictures_embedded)
        return [
            [
                picture_assessment(
                    self,
                    picture,
                    num_looks=len(embedded),
                    scores={name: self._score(embedded, texts) for name, texts in self._texts.items()},
                )
            ]
            for picture, embedded in zip(pictures, outputs, strict=True)
        ]

    def _score(self, pictures: Tensor, texts: Tensor) -> float:
        """The highest score of any look, [looks, width], by any text of a category, [texts, width]."""
        near = pictures @ texts.T * self._scale
        if self._neutral is None:
            return float((near + self._bias).sigmoid().max())
        neutral = (pictures @ self._neutral.T * self._scale).logsumexp(-1, keepdim=True)
        return float((near - neutral).sigmoid().max())

    def _is_siglip(self, kind: str, settings: ZeroShotSettings) -> bool:
        if kind not in ("clip", "siglip", "siglip2"):
            raise CheckerError(f"{self.name}: a model of type {kind}; clip, siglip or siglip2")
        if kind == "clip" and not settings.neutral:
            raise CheckerError(f"{self.name}: CLIP compares with `neutral` texts, and there are none")
        if kind != "clip" and settings.neutral:
            raise CheckerError(f"{self.name}: SigLIP compares with nothing; leave `neutral` out")
        return kind != "clip"

    def _embedded(self, tokenizer: Any, texts: Sequence[str]) -> Tensor:
        """The embeddings of texts, float32 [texts, width], each of length 1."""
        return torch.cat([self._text_embedded(tokenizer, text) for text in texts])

    def _text_embedded(self, tokenizer: Any, text: str) -> Tensor:
        positions = int(self._model.config.text_config.max_position_embeddings)
        # SigLIP was trained on texts padded to its full length, in lower case; CLIP reads up to the end token.
        filled: dict[str, Any] = {"padding": "max_length", "max_length": positions} if self._sigmoid else {}
        encoded = tokenizer(text.lower() if self._sigmoid else text, return_tensors="pt", **filled)
        if encoded["input_ids"].shape[1] > positions:
            raise CheckerError(f"{self.name}: {text[:60]!r} is longer than the {positions} tokens that the model reads")
        with torch.inference_mode():
            features = self._model.get_text_features(encoded["input_ids"].to(self._model.device)).pooler_output
        return normalize(features.float().cpu(), dim=-1)

    def _pictures_embedded(self, batch: Inputs) -> Tensor:
        given = {name: value.to(self._model.device) for name, value in batch.items()}
        given["pixel_values"] = given["pixel_values"].to(self._model.dtype)
        features: Tensor = self._model.get_image_features(**given).pooler_output
        return normalize(features.float(), dim=-1)
