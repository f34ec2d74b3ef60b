"""Any image classifier of `transformers` as an image checker."""

from collections.abc import Sequence

from torch import Tensor
from transformers import AutoModelForImageClassification

from moderation.assessments import Assessment, Picture
from moderation.coverage import Coverage
from moderation.hub.classifier_settings import PictureClassifierSettings
from moderation.hub.label_scores import LabelScores
from moderation.hub.local_models import LocalModel
from moderation.hub.picture_looks import Inputs, PictureLooks, picture_assessment


class TransformersPictureChecker:
    """Scores all of a picture, the whole and tiles, by the model's own labels; the worst look counts."""

    def __init__(self, settings: PictureClassifierSettings, *, threads: int = 1) -> None:
        """Load the model.

        Raises:
            CheckerError: not on this machine, without safetensors, with other weights than pinned, with a label
                that the settings do not name, or for pictures that are not square.
        """
        local = LocalModel(settings.model, threads=threads)
        self.name, self.version, self.weights_sha256 = settings.model.name, local.version, local.weights_sha256
        self._looks = PictureLooks(self.name, local.folder, batch_size=settings.model.batch_size)
        self._model = local.load(AutoModelForImageClassification)
        self._scores = LabelScores(self.name, self._model.config.id2label, settings.labels, settings.activation)
        self.coverage = Coverage(
            checker=self.name,
            modalities=("image",),
            categories=self._scores.categories,
            languages=None,
            scripts=None,
            note=local.note,
        )

    def assess(self, pictures: Sequence[Picture]) -> list[list[Assessment]]:
        """One assessment a picture.

        Raises:
            CheckerError: the model gave a number that is not finite.
        """
        outputs = self._looks.outputs(pictures, self._logits)
        return [
            [picture_assessment(self, picture, num_looks=len(logits), scores=self._scores.worst(logits))]
            for picture, logits in zip(pictures, outputs, strict=True)
        ]

    def _logits(self, batch: Inputs) -> Tensor:
        logits: Tensor = self._model(
            pixel_values=batch["pixel_values"].to(self._model.device, self._model.dtype)
        ).logits
        return logits
