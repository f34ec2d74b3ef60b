"""Which models there are, what they can draw and what it costs. Imports no torch: the clients' door reads it too."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.engine.requests import InvalidRequestError, RegistryError

Family = Literal["test-card", "stable-diffusion", "stable-diffusion-xl", "stable-diffusion-3", "flux"]
FAMILIES: tuple[Family, ...] = get_args(Family)

# What the shipped model was trained at (training/ and docs/engine.md); it has seen no other size.
POCKET_FOLDER = Path(__file__).parent / "pocket"
POCKET_SIZE_PX = 128
POCKET_STEPS = 12
POCKET_GUIDANCE_SCALE = 3.0

# A step of 64 x 64 pixels is the unit of cost; reading the prompt and decoding are counted as two steps.
PIXELS_PER_COST_UNIT = 64 * 64
STEPS_BESIDE_DENOISING = 2

MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the registry: where it comes from, what a request gets by default, and its limits.

    Attributes:
        source: a folder in diffusers' format, or a hub id when `revision` is set; empty for a test card.
        revision: the commit of a hub id, 40 hex digits; None for a folder.
        size_multiple: width and height are multiples of this many pixels.
        draws_text: whether letters can be read in its pictures. False spares them the look of `text-in-picture`.
        step_delay_s: a test card waits this long in each step, so that tests can catch a batch half way.
    """

    name: str
    family: Family
    source: str
    revision: str | None
    description: str
    default_width: int
    default_height: int
    default_steps: int
    default_guidance_scale: float
    min_size_px: int
    max_size_px: int
    size_multiple: int
    max_steps: int
    max_guidance_scale: float
    step_delay_s: float = 0.0
    draws_text: bool = True

    @property
    def takes_negative_prompt(self) -> bool:
        """False for models whose guidance is distilled: they have no second, negative pass."""
        return self.family != "flux"

    @property
    def vocabulary(self) -> Mapping[str, Any] | None:
        """What a model of few words knows, as `vocabulary.json` in its folder says; None: it takes any prompt."""
        return _vocabulary_in(self.source) if self.source and self.revision is None else None

    def cost(self, width: int, height: int, steps: int) -> int:
        """What drawing one picture costs, in steps of 64 x 64 pixels, at least 1. Comparable within one model."""
        return max(1, (steps + STEPS_BESIDE_DENOISING) * width * height // PIXELS_PER_COST_UNIT)

    def check(
        self, *, width: int, height: int, steps: int, guidance_scale: float, seed: int = 0, negative_prompt: str = ""
    ) -> None:
        """Raise InvalidRequestError for the first of these values that this model cannot draw."""
        for field, size in (("width", width), ("height", height)):
            if not self.min_size_px <= size <= self.max_size_px:
                raise InvalidRequestError(field, size, f"between {self.min_size_px} and {self.max_size_px}")
            if size % self.size_multiple:
                raise InvalidRequestError(field, size, f"a multiple of {self.size_multiple}")
        if not 1 <= steps <= self.max_steps:
            raise InvalidRequestError("steps", steps, f"between 1 and {self.max_steps}")
        # Written this way round, not-a-number is refused too.
        if not 0.0 <= guidance_scale <= self.max_guidance_scale:
            raise InvalidRequestError("guidance_scale", guidance_scale, f"between 0 and {self.max_guidance_scale}")
        if not 0 <= seed <= MAX_SEED:
            raise InvalidRequestError("seed", seed, f"between 0 and {MAX_SEED}")
        if negative_prompt and not self.takes_negative_prompt:
            raise InvalidRequestError("negative_prompt", "(text)", f"empty: {self.name} cannot follow one")


@cache
def _vocabulary_in(folder: str) -> Mapping[str, Any] | None:
    file = Path(folder) / "vocabulary.json"
    if not file.is_file():
        return None
    known: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return known


POCKET = ModelSpec(
    name="pocket",
    family="stable-diffusion",
    source=str(POCKET_FOLDER),
    revision=None,
    description="A small text-to-image model that ships with the gate: everyday things on plain backgrounds.",
    default_width=POCKET_SIZE_PX,
    default_height=POCKET_SIZE_PX,
    default_steps=POCKET_STEPS,
    default_guidance_scale=POCKET_GUIDANCE_SCALE,
    min_size_px=POCKET_SIZE_PX,
    max_size_px=POCKET_SIZE_PX,
    size_multiple=64,
    max_steps=100,
    max_guidance_scale=20.0,
    draws_text=False,
)

TEST_CARD = ModelSpec(
    name="test-card",
    family="test-card",
    source="",
    revision=None,
    description="Draws a known pattern; words in the prompt choose whether it passes, is held, blocked or sealed.",
    default_width=128,
    default_height=128,
    default_steps=4,
    default_guidance_scale=1.0,
    min_size_px=64,
    max_size_px=1024,
    size_multiple=1,
    max_steps=100,
    max_guidance_scale=20.0,
    draws_text=False,
)

SHIPPED = (POCKET, TEST_CARD)


def load_registry(models_file: Path | None) -> dict[str, ModelSpec]:
    """Every model by its name: those that ship, and those that `models_file` adds.

    Args:
        models_file: JSON, `{"models": [{"name", "family", "source", "revision", "defaults", "limits", ...}]}`;
            docs/engine.md has every field. A relative folder is looked for beside the file.

    Raises:
        RegistryError: the file cannot be read, or a field is wrong or unknown.
    """
    models = {spec.name: spec for spec in SHIPPED}
    for spec in _read(models_file) if models_file else ():
        if spec.name in models:
            raise RegistryError(f"{models_file}: name is {spec.name!r}: there is already a model of that name")
        models[spec.name] = spec
    return models


# What a checkpoint that only a variable names can draw, by its pipeline: the resolution it was trained at.
_CHECKPOINTS: dict[str, tuple[Family, int]] = {
    "StableDiffusionPipeline": ("stable-diffusion", 512),
    "StableDiffusionXLPipeline": ("stable-diffusion-xl", 1024),
    "StableDiffusion3Pipeline": ("stable-diffusion-3", 1024),
    "FluxPipeline": ("flux", 1024),
}


def checkpoint_spec(checkpoint: str) -> ModelSpec:
    """The model of a checkpoint that is named in one line: a folder, or `owner/name@commit` of the hub.

    A folder's own `model_index.json` says which family it is; a hub id is taken for a Stable Diffusion 1 or 2 one. Its
    limits are usual ones: a models file sets others.

    Raises:
        RegistryError: neither; or a folder of no known pipeline.
    """
    source, _, revision = checkpoint.partition("@") if not _is_folder(checkpoint) else (checkpoint, "", "")
    family, size_px = _CHECKPOINTS["StableDiffusionPipeline"]
    if _is_folder(source):
        index = Path(source) / "model_index.json"
        try:
            pipeline = json.loads(index.read_bytes()).get("_class_name")
        except (OSError, ValueError, AttributeError) as error:
            raise RegistryError(f"IMPRIMATUR_MODEL: {index} cannot be read: {error}") from None
        if pipeline not in _CHECKPOINTS:
            raise RegistryError(
                f"IMPRIMATUR_MODEL: {index} names {pipeline!r}: it must be one of {', '.join(_CHECKPOINTS)}"
            )
        family, size_px = _CHECKPOINTS[pipeline]
    entry = {
        "name": re.sub(r"[^a-z0-9._-]+", "-", Path(source).name.lower()).strip("-._")[:64],
        "family": family,
        "source": source,
        "revision": revision or None,
        "description": f"The checkpoint {Path(source).name}.",
        "defaults": {"width": size_px, "height": size_px, "steps": 28, "guidance_scale": 6.0},
        "limits": {"min_size_px": 64, "max_size_px": 2 * size_px, "size_multiple": 8, "max_steps": 150},
    }
    try:
        return _Entry.model_validate(entry).spec(Path.cwd())
    except ValidationError as error:
        raise RegistryError(f"IMPRIMATUR_MODEL is {checkpoint!r}: {'; '.join(_problems(error))}") from None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Pixels = Annotated[int, Field(ge=8, le=8192)]


class _Defaults(_Strict):
    width: Pixels
    height: Pixels
    steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0.0, allow_inf_nan=False)


class _Limits(_Strict):
    min_size_px: Pixels
    max_size_px: Pixels
    size_multiple: int = Field(8, ge=1, le=1024)
    max_steps: int = Field(ge=1, le=1000)
    max_guidance_scale: float = Field(20.0, ge=0.0, le=100.0)


class _Entry(_Strict):
    """One model as the file has it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    family: Family
    source: str = ""
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")
    description: str = Field("", max_length=500)
    defaults: _Defaults
    limits: _Limits
    step_delay_s: float = Field(0.0, ge=0.0, le=10.0)
    draws_text: bool = True

    @model_validator(mode="after")
    def _source_fits(self) -> Self:
        is_card = self.family == "test-card"
        if is_card and (self.source or self.revision):
            raise ValueError("source and revision must be absent: a test card is drawn, not loaded")
        if not is_card and self.step_delay_s:
            raise ValueError(f"step_delay_s is {self.step_delay_s}: only a test card can be slowed down")
        if is_card or (_is_folder(self.source) and self.revision is None):
            return self
        if _is_folder(self.source):
            raise ValueError(f"revision is {self.revision!r}: it must be absent for a folder, which has no revisions")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.source):
            limit = "a folder that begins with / or ., or a hub id such as owner/name"
            raise ValueError(f"source is {self.source!r}: it must be {limit}")
        if self.revision is None:
            raise ValueError(f"revision is absent: {self.source} must be pinned to a commit, 40 hex digits")
        return self

    def spec(self, beside: Path) -> ModelSpec:
        """The entry as the rest of the program sees it, its defaults checked against its own limits."""
        source = str((beside / self.source).resolve()) if _is_folder(self.source) else self.source
        spec = ModelSpec(
            name=self.name,
            family=self.family,
            source=source,
            revision=self.revision,
            description=self.description,
            default_width=self.defaults.width,
            default_height=self.defaults.height,
            default_steps=self.defaults.steps,
            default_guidance_scale=self.defaults.guidance_scale,
            step_delay_s=self.step_delay_s,
            draws_text=self.draws_text,
            **self.limits.model_dump(),
        )
        spec.check(
            width=spec.default_width,
            height=spec.default_height,
            steps=spec.default_steps,
            guidance_scale=spec.default_guidance_scale,
        )
        return spec


class _File(_Strict):
    models: list[_Entry]


def _is_folder(source: str) -> bool:
    return source.startswith(("/", "."))


def _read(models_file: Path) -> Sequence[ModelSpec]:
    try:
        document = json.loads(models_file.read_bytes())
    except (OSError, ValueError) as error:
        raise RegistryError(f"{models_file}: cannot be read as JSON: {error}") from None
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise RegistryError(f"{models_file}: {'; '.join(_problems(error))}") from None
    specs = []
    for position, entry in enumerate(file.models):
        try:
            specs.append(entry.spec(models_file.parent))
        except InvalidRequestError as error:
            raise RegistryError(f"{models_file}: models.{position}.defaults: {error}") from None
    return specs


def _problems(error: ValidationError) -> list[str]:
    """Each problem as `models.0.limits.max_steps is 5000: Input should be less than or equal to 1000`."""
    problems = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        value = f" is {problem['input']!r}" if isinstance(problem["input"], str | int | float) else ""
        problems.append(f"{where}{value}: {problem['msg']}")
    return problems
