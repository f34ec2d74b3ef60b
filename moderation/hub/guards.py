"""Generative guards of `transformers` as prompt checkers: Qwen3Guard, Llama Guard, ShieldGemma, Granite Guardian."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    GenerationConfig,
)

from moderation.assessments import Assessment, PromptInput
from moderation.checkers import CheckerError
from moderation.coverage import Coverage
from moderation.hub.guard_formats import ASKED, WRITTEN, GuardError
from moderation.hub.guard_settings import GuardSettings
from moderation.hub.guard_templates import GuardTemplate, GuardTemplates
from moderation.hub.local_models import LOCAL, LocalModel
from moderation.prompt_texts import PromptText, Speaker, prompt_texts

_MAX_TOKENS = 4096
# How much of the first token's probability must lie on yes or no for an answer to be one.
_MIN_ANSWERED = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote after a prompt.

    Attributes:
        tokens: up to the end token, which is left out.
        ended: whether the end token came.
        first: float32 [vocabulary], the logits of the first token; only where one token was asked for.
    """

    tokens: list[int]
    ended: bool
    first: Tensor | None


class Judge(Protocol):
    """How texts become prompts of a guard, and its answers scores."""

    categories: tuple[str, ...]
    max_new_tokens: int

    def prompts(self, text: str) -> list[list[int]]:
        """The prompts about a text. Raises GuardError."""

    def scores(self, answers: Sequence[Answer]) -> Mapping[str, float]:
        """Scores by category from the answers to these prompts. Raises GuardError."""


class GenerativeGuardChecker:
    """Asks a guard about the prompt, what is unusual in the negative prompt, and both read as one."""

    def __init__(self, settings: GuardSettings, *, threads: int = 1) -> None:
        """Load the model.

        Raises:
            CheckerError: not on this machine, without safetensors, with other weights than pinned, or with a chat
                template that does not show the text, or the question, as it must.
        """
        local = LocalModel(settings.model, threads=threads)
        self.name, self.version, self.weights_sha256 = settings.model.name, local.version, local.weights_sha256
        tokenizer = AutoTokenizer.from_pretrained(local.folder, **LOCAL)
        templates = GuardTemplates(self.name, tokenizer)
        self._judge: Judge = (
            WrittenJudge(settings, templates, tokenizer)
            if settings.format in WRITTEN
            else AskedJudge(settings, templates, tokenizer)
        )
        self._writer = Writer(local, tokenizer, max_new_tokens=self._judge.max_new_tokens)
        self._batch_size = settings.model.batch_size
        self._speaker = Speaker(self.name, self.version, self.weights_sha256)
        self.coverage = Coverage(
            checker=self.name,
            modalities=("prompt", "negative_prompt"),
            categories=self._judge.categories,
            languages=settings.languages,
            scripts=settings.scripts,
            note=local.note,
        )

    def assess(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """Two assessments an input, and a third for both read as one where the negative prompt says anything unusual.

        A text that cannot be shown to the guard, or about which it says nothing that can be read, has an error.

        Raises:
            TextError: a character that no prompt may have.
            CheckerError: the model gave a number that is not finite.
        """
        texts = [prompt_texts(given, self.coverage) for given in inputs]
        prompts = [[self._prompts(text) for text in each] for each in texts]
        askable = [asked for asked in chain.from_iterable(prompts) if not isinstance(asked, GuardError)]
        shown = [ids for asked in askable for ids in chain.from_iterable(asked)]
        answers = iter(self._answers(shown))
        return [
            [self._assessment(text, asked, answers) for text, asked in zip(*each, strict=True)]
            for each in zip(texts, prompts, strict=True)
        ]

    def _prompts(self, text: PromptText) -> list[list[list[int]]] | GuardError:
        """The prompts about each reading of a text, or why there are none."""
        try:
            asked = [self._judge.prompts(reading) for reading in text.readings]
            for ids in chain.from_iterable(asked):
                self._writer.require_room(ids)
        except GuardError as error:
            return error
        return asked

    def _assessment(
        self, text: PromptText, asked: list[list[list[int]]] | GuardError, answers: Iterator[Answer]
    ) -> Assessment:
        if isinstance(asked, GuardError):
            return self._speaker.says(text, {}, error=f"not asked: {asked}")
        worst = dict.fromkeys(self._judge.categories, 0.0)
        error = None
        for prompts in asked:
            about = [next(answers) for _ in prompts]
            try:
                scores = self._judge.scores(about)
            except GuardError as failure:
                error = f"no answer: {failure}"
            else:
                worst = {name: max(worst[name], scores[name]) for name in worst}
        return self._speaker.says(text, worst, error=error)

    def _answers(self, prompts: list[list[int]]) -> list[Answer]:
        answers: list[Answer] = []
        for first in range(0, len(prompts), self._batch_size):
            answers += self._writer.answers(prompts[first : first + self._batch_size])
        return answers


class WrittenJudge:
    """Reads a verdict that the guard writes."""

    def __init__(self, settings: GuardSettings, templates: GuardTemplates, tokenizer: Any) -> None:
        self._format = WRITTEN[settings.format]
        self.max_new_tokens = self._format.max_new_tokens
        self._labels = settings.labels
        self._template = templates.filled({})
        self._tokenizer = tokenizer
        self.categories = tuple(sorted({label.category for label in settings.labels.values() if label}))

    def prompts(self, text: str) -> list[list[int]]:
        """One prompt: the guard names every category by itself. Raises GuardError."""
        return [self._template.ids(text)]

    def scores(self, answers: Sequence[Answer]) -> Mapping[str, float]:
        """How bad, in the categories that the answer names; 0 in the others. Raises GuardError."""
        (answer,) = answers
        if not answer.ended:
            raise GuardError(f"wrote more than {self.max_new_tokens} tokens")
        verdict = self._format.read(self._tokenizer.decode(answer.tokens, clean_up_tokenization_spaces=False))
        scores = dict.fromkeys(self.categories, 0.0)
        for name in verdict.labels:
            if name not in self._labels:
                raise GuardError(f"named {name[:40]!r}, which its settings do not")
            if label := self._labels[name]:
                scores[label.category] = max(scores[label.category], verdict.severity * label.score)
        return scores


class AskedJudge:
    """Weighs the guard's yes against its no, question by question."""

    max_new_tokens = 1

    def __init__(self, settings: GuardSettings, templates: GuardTemplates, tokenizer: Any) -> None:
        asked = ASKED[settings.format]
        self._questions = settings.questions
        self._templates = {
            question: templates.filled(asked.variables(question), lead=asked.lead) for question in settings.questions
        }
        _require_asked(templates.name, self._templates)
        self._yes, self._no = _first_tokens(tokenizer, "yes"), _first_tokens(tokenizer, "no")
        if not self._yes or not self._no or not self._yes.isdisjoint(self._no):
            raise CheckerError(f"{templates.name}: yes and no are not tokens of its tokenizer")
        self.categories = tuple(sorted(set(settings.questions.values())))

    def prompts(self, text: str) -> list[list[int]]:
        """One prompt a question. Raises GuardError."""
        return [template.ids(text) for template in self._templates.values()]

    def scores(self, answers: Sequence[Answer]) -> Mapping[str, float]:
        """The probability of a yes to the question, the highest where several ask for a category. Raises GuardError."""
        scores = dict.fromkeys(self.categories, 0.0)
        for category, answer in zip(self._questions.values(), answers, strict=True):
            scores[category] = max(scores[category], self._yes_of(answer))
        return scores

    def _yes_of(self, answer: Answer) -> float:
        if answer.first is None:
            raise GuardError("gave no probabilities")
        shares = answer.first.softmax(-1)
        yes, no = float(shares[sorted(self._yes)].sum()), float(shares[sorted(self._no)].sum())
        if yes + no < _MIN_ANSWERED:
            raise GuardError(f"answered neither yes nor no: {yes + no:.2f} of its probability is on them")
        return yes / (yes + no)


class Writer:
    """Lets a causal language model write, always the likeliest token."""

    def __init__(self, local: LocalModel, tokenizer: Any, *, max_new_tokens: int) -> None:
        """Load the model.

        Raises:
            CheckerError: a weight is missing, or nothing tells where an answer ends.
        """
        config = AutoConfig.from_pretrained(local.folder, **LOCAL)
        # Llama Guard 4 sees pictures too; here it reads.
        sees = hasattr(config, "vision_config")
        self._model = local.load(AutoModelForImageTextToText if sees else AutoModelForCausalLM)
        ends = self._model.generation_config.eos_token_id
        self._ends = {*(ends if isinstance(ends, (list, tuple)) else [ends]), tokenizer.eos_token_id} - {None}
        if not self._ends:
            raise CheckerError("neither the tokenizer nor the model has an end token")
        self._single = max_new_tokens == 1
        # The model's own settings may sample, and fill in what a call leaves at its default; so they are replaced.
        self._model.generation_config = GenerationConfig(
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=sorted(self._ends),
            pad_token_id=min(self._ends),
            output_logits=self._single,
            return_dict_in_generate=True,
        )
        positions = getattr(self._model.config.get_text_config(), "max_position_embeddings", _MAX_TOKENS)
        self._max_tokens = min(_MAX_TOKENS, int(positions)) - max_new_tokens

    def require_room(self, prompt: list[int]) -> None:
        """Nothing, if the model can read all of a prompt. Raises GuardError."""
        if len(prompt) > self._max_tokens:
            raise GuardError(f"{len(prompt)} tokens are too many; at most {self._max_tokens}")

    def answers(self, prompts: Sequence[list[int]]) -> list[Answer]:
        """One answer a prompt.

        Raises:
            CheckerError: a number that is not finite.
        """
        longest = max(len(prompt) for prompt in prompts)
        pad = min(self._ends)
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=ids.to(self._model.device), attention_mask=mask.to(self._model.device)
            )
        first = written.logits[0].float().cpu() if self._single else None
        if first is not None and not bool(torch.isfinite(first).all()):
            raise CheckerError("gave a number that is not finite")
        return [
            self._answer(tokens, None if first is None else first[row])
            for row, tokens in enumerate(written.sequences[:, longest:].tolist())
        ]

    def _answer(self, tokens: list[int], first: Tensor | None) -> Answer:
        end = next((place for place, token in enumerate(tokens) if token in self._ends), None)
        return Answer(tokens=tokens[:end], ended=end is not None, first=first)


def _first_tokens(tokenizer: Any, word: str) -> set[int]:
    """The tokens that are the word: in both cases, with and without a space before it."""
    spelt = [f"{space}{each}" for space in ("", " ") for each in (word, word.capitalize())]
    encoded = [tokenizer(each, add_special_tokens=False)["input_ids"] for each in spelt]
    return {int(ids[0]) for ids in encoded if len(ids) == 1}


def _require_asked(name: str, templates: Mapping[str, GuardTemplate]) -> None:
    """Nothing, if every question makes a prompt of its own; a question in words must stand in it.

    Raises:
        CheckerError: the chat template leaves a question out.
    """
    for question, template in templates.items():
        if " " in question and "".join(question.split()) not in "".join(template.written.split()):
            raise CheckerError(f"{name}: its chat template leaves out the question {question[:60]!r}")
    if len({template.written for template in templates.values()}) < len(templates):
        raise CheckerError(f"{name}: its chat template makes one prompt of several questions")
