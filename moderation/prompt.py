"""The prompt classifier that ships: a multilingual transformer with layers and a head trained for image prompts.

It judges the whole of both prompts, in windows where they are long, and what is hidden in them. Where a text is in a
language or script that it was not measured in, it says so instead of a score that nobody vouches for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from moderation import spans
from moderation.assessments import Assessment, PromptInput, Span
from moderation.checkers import CheckerError
from moderation.coverage import Coverage
from moderation.e5 import E5File, padded
from moderation.prompt_network import CATEGORIES, TOPICS, PromptNetwork, windows_of
from moderation.prompt_texts import PromptText, Speaker, prompt_texts
from moderation.prompt_weights import calibration, load, trained_layers
from moderation.text.emoji_names import named

WEIGHTS_FILE = Path(__file__).parent / "weights" / "prompt" / "head.safetensors"
# Measured on texts of these languages, harmful and harmless: docs/calibration.md.
LANGUAGES = frozenset(
    "ar bn cs de el en es fa fr hi hu id it ja ko nl pl pt ro ru sv sw th tr uk vi zh".split()  # noqa: SIM905
)
SCRIPTS = frozenset(
    {"Arabic", "Bengali", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul", "Hiragana", "Katakana", "Latin", "Thai"}
)
MAX_TOKENS = 4096
_MAX_BATCH_TOKENS = 4096
# From here on it is said which words did it: where the default policy flags.
_SPAN_FROM = 0.15
_SCORED = CATEGORIES + TOPICS


@dataclass(frozen=True, slots=True)
class _Task:
    """One text to be scored for one assessment.

    `windows` are the windows of all its readings, those of the text as shown first: `offsets` says which characters of
    it their tokens cover.
    """

    owner: int
    text: PromptText
    windows: tuple[tuple[int, ...], ...]
    shown: str
    offsets: tuple[tuple[tuple[int, int], ...], ...]
    too_long: bool


class E5PromptChecker:
    """Scores the prompt, what is unusual in the negative prompt, and both read as one."""

    name = "prompt-e5"
    version = "2"
    coverage = Coverage(
        checker="prompt-e5",
        modalities=("prompt", "negative_prompt"),
        categories=CATEGORIES + TOPICS,
        languages=LANGUAGES,
        scripts=SCRIPTS,
        note="What a prompt says, not what it makes a model draw; double meanings pass it.",
    )

    def __init__(self, path: Path = WEIGHTS_FILE, *, threads: int = 1) -> None:
        """`path`: the trained layers and head; the encoder is the installed package's.

        Raises:
            CheckerError: either is missing, altered or made for something else.
        """
        torch.set_num_threads(threads)
        encoder = E5File()
        layers = trained_layers(path, encoder_sha256=encoder.sha256)
        self._network = PromptNetwork(encoder.model(), trained_layers=layers)
        self.weights_sha256 = load(self._network, path)
        self._calibration = calibration(path)
        self._network.eval()
        self._tokenizer = encoder.tokenizer

    def assess(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """Two assessments an input, and a third for both read as one where the negative prompt says anything unusual.

        Raises:
            TextError: a character that no prompt may have.
            CheckerError: the network gave a number that is not finite.
        """
        tasks = [
            self._task(owner, text) for owner, given in enumerate(inputs) for text in prompt_texts(given, self.coverage)
        ]
        scored = self._score([window for task in tasks for window in task.windows])
        answers: list[list[Assessment]] = [[] for _ in inputs]
        start = 0
        for task in tasks:
            end = start + len(task.windows)
            answers[task.owner].append(self._assessment(task, scored[start:end]))
            start = end
        return answers

    def _task(self, owner: int, text: PromptText) -> _Task:
        judged = [named(reading) for reading in text.readings]
        encoded = [self._tokenizer.encode(reading) for reading in judged]
        return _Task(
            owner=owner,
            text=text,
            windows=tuple(tuple(window) for each in encoded for window in windows_of(each.ids[:MAX_TOKENS])),
            shown=judged[0] if judged else "",
            offsets=tuple(tuple(window) for each in encoded[:1] for window in windows_of(each.offsets[:MAX_TOKENS])),
            too_long=any(len(each.ids) > MAX_TOKENS for each in encoded),
        )

    def _score(self, windows: Sequence[Sequence[int]]) -> Tensor:
        """Scores, float32 [windows, categories + topics]."""
        return self._by_category(self._logits(windows))

    def _logits(self, windows: Sequence[Sequence[int]]) -> Tensor:
        """Logits, float32 [windows, 1 + categories + topics]; windows of like length are run together."""
        found = torch.zeros((len(windows), 1 + len(_SCORED)))
        order = sorted(range(len(windows)), key=lambda row: len(windows[row]))
        while order:
            size = max(1, _MAX_BATCH_TOKENS // (len(windows[order[-1]]) + 2))
            rows, order = order[-size:], order[:-size]
            ids, mask = padded([windows[row] for row in rows])
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=_HAS_FAST_BFLOAT16):
                logits = self._network(ids, mask).float()
            if not bool(torch.isfinite(logits).all()):
                raise CheckerError(f"{self.name}: gave a number that is not finite")
            found[rows] = logits
        return found

    def _by_category(self, logits: Tensor) -> Tensor:
        """Scores, float32 [windows, categories + topics].

        The calibrated probability of harm goes whole to the likeliest category and in proportion to the others; a topic
        is there or is not, whether or not there is harm.
        """
        slope, offset = self._calibration
        harm = (slope * logits[:, :1] + offset).sigmoid()
        kinds, topics = logits[:, 1:].sigmoid().split((len(CATEGORIES), len(TOPICS)), dim=1)
        return torch.cat((harm * kinds / kinds.max(dim=1, keepdim=True).values, topics), dim=1)

    def _assessment(self, task: _Task, scored: Tensor) -> Assessment:
        worst = scored.max(0).values if len(scored) else torch.zeros(len(_SCORED))
        scores = {name: round(float(score), 6) for name, score in zip(_SCORED, worst, strict=True)}
        top = max(CATEGORIES, key=scores.__getitem__)
        return Speaker(self.name, self.version, self.weights_sha256).says(
            task.text,
            scores,
            seen=f"{len(task.offsets)} windows" if len(task.offsets) > 1 else None,
            unknown=("too-long",) if task.too_long else (),
            spans=self._spans(task, scored, top) if scores[top] >= _SPAN_FROM and task.text.seen != "joined" else (),
        )

    def _spans(self, task: _Task, scored: Tensor, category: str) -> tuple[Span, ...]:
        """The words that drove the score; the whole text, where a reading of it did that is not what is shown."""
        score, number = (float(value) for value in scored[:, CATEGORIES.index(category)].max(0))
        if number >= len(task.offsets):
            return (Span(0, len(task.text.original), category, score),)
        window, offsets = task.windows[int(number)], task.offsets[int(number)]
        units = spans.units(offsets, task.shown)
        without = [window[: unit.first] + window[unit.last :] for unit in units]
        harm = self._logits([window, *without])[:, 0]
        losses = (harm[0] - harm[1:]).tolist()
        return spans.spans(
            units, losses, original=task.text.original, shown=task.shown, category=category, score=round(score, 6)
        )


_HAS_FAST_BFLOAT16 = bool(torch.cpu._is_amx_tile_supported())  # noqa: SLF001  torch has no public name for it
