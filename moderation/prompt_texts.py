"""Which texts of an input a checker of wishes reads, and what one assessment says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from moderation.assessments import Assessment, PromptInput, Span, text_sha256
from moderation.coverage import Coverage
from moderation.text.languages import outside
from moderation.text.negative_prompts import unusual
from moderation.text.readings import joined, readings


@dataclass(frozen=True, slots=True)
class PromptText:
    """One text to be judged, for one assessment.

    Attributes:
        original: what is hashed: the text as the client wrote it, or both prompts read as one.
        readings: what is to be looked at, the worst counts; none where the text shows nothing.
        seen: "whole", "unusual words" or "joined"; "nothing" where there are no readings.
        unknown: what of it lies outside the checker's coverage.
    """

    modality: Literal["prompt", "negative_prompt"]
    original: str
    readings: tuple[str, ...]
    seen: str
    unknown: tuple[str, ...]


def prompt_texts(given: PromptInput, coverage: Coverage) -> list[PromptText]:
    """The prompt, what is unusual in the negative prompt, and both as one where that is anything.

    Raises:
        TextError: a character that no prompt may have.
    """
    negative = unusual(given.negative_prompt)
    texts = [
        _text("prompt", given.prompt, given.prompt, "whole", coverage),
        _text("negative_prompt", given.negative_prompt, negative, "unusual words", coverage),
    ]
    if given.prompt and negative:
        both = joined(given.prompt, negative)
        texts.append(_text("negative_prompt", both, both, "joined", coverage))
    return texts


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who an assessment of a text is from."""

    name: str
    version: str
    weights_sha256: str

    def says(
        self,
        text: PromptText,
        scores: Mapping[str, float],
        *,
        seen: str | None = None,
        unknown: tuple[str, ...] = (),
        error: str | None = None,
        spans: tuple[Span, ...] = (),
    ) -> Assessment:
        """The assessment of one text; `unknown` adds to what lies outside the coverage."""
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality=text.modality,
            input_sha256=text_sha256(text.original),
            seen="nothing" if error is not None else seen or text.seen,
            scores=scores if error is None else {},
            unknown=text.unknown + unknown,
            error=error,
            spans=spans,
        )


def _text(
    modality: Literal["prompt", "negative_prompt"], original: str, text: str, seen: str, coverage: Coverage
) -> PromptText:
    meant = tuple(readings(text))
    return PromptText(
        modality=modality,
        original=original,
        readings=meant,
        seen=seen if meant else "nothing",
        unknown=tuple(outside(meant[0], coverage)) if meant else (),
    )
