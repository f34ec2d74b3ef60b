"""Models of `transformers` from what is already on this machine.

Nothing is fetched and no code of a model's is run: safetensors only, the weights that were pinned only.
"""

from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from moderation.checkers import CheckerError
from moderation.hub.classifier_settings import ModelSettings
from moderation.term_lists import files_sha256

LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


class LocalModel:
    """The files of a model, found and checked: where they are and what their weights hash to."""

    def __init__(self, settings: ModelSettings, *, threads: int = 1) -> None:
        """Find the files; `threads` is how many of the CPU's the process gives to torch.

        Raises:
            CheckerError: not on this machine, without safetensors, with other weights than pinned, or for a device
                that this machine has not.
        """
        torch.set_num_threads(threads)
        self._settings = settings
        self.folder = _folder_of(settings)
        weights = sorted(self.folder.glob("*.safetensors"))
        if not weights:
            raise CheckerError(f"{settings.name}: {self.folder.name} has no safetensors; other formats are not loaded")
        self.weights_sha256 = files_sha256(weights)
        self.version = settings.revision or self.weights_sha256[:12]
        if settings.sha256 not in ("", self.weights_sha256):
            raise CheckerError(f"{settings.name}: weights {self.weights_sha256[:12]}…, pinned {settings.sha256[:12]}…")
        if settings.device != "cpu" and not torch.cuda.is_available():
            raise CheckerError(f"{settings.name}: device {settings.device}, and this machine has no CUDA")
        self.device = torch.device(settings.device)
        self.note = f"Chosen by the operator: {Path(settings.source).name}."

    def load(self, auto_class: Any) -> Any:
        """The model, by one of the `AutoModel...` classes, on its device and ready to infer.

        Raises:
            CheckerError: weights that the model needs are not in the files.
        """
        model, report = auto_class.from_pretrained(
            self.folder,
            use_safetensors=True,
            dtype=getattr(torch, self._settings.dtype),
            output_loading_info=True,
            **LOCAL,
        )
        if missing := sorted(report["missing_keys"]):
            raise CheckerError(f"{self._settings.name}: no weights for {', '.join(missing[:3])}")
        return model.to(self.device).eval()


def _folder_of(settings: ModelSettings) -> Path:
    """Where the model's files are; a hub id's snapshot must have been fetched before."""
    if not settings.revision:
        folder = Path(settings.source)
        if not folder.is_dir():
            raise CheckerError(f"{settings.name}: no folder {folder.name}")
        return folder
    try:
        return Path(
            huggingface_hub.snapshot_download(settings.source, revision=settings.revision, local_files_only=True)
        )
    except LocalEntryNotFoundError as error:
        raise CheckerError(f"{settings.name}: {settings.source} at {settings.revision[:12]} is not here") from error
