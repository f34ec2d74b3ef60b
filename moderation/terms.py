"""The term checker: words of our own lists, on word boundaries, in every reading of a text.

What one word cannot say, combinations do: a word for a minor together with a sexual one, or a minor in the prompt
whose clothing the negative prompt takes away. A list finds what it names and nothing else; it stands beside a
classifier, never instead of one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import ahocorasick_rs
import regex

from moderation.assessments import Assessment, PromptInput, Span, text_sha256
from moderation.coverage import Coverage
from moderation.taxonomy import HARMS
from moderation.term_lists import FOLDER, Term, files_sha256, read_terms, read_weighed_words
from moderation.text.normalise import View, canonical, views

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]")
# Scripts that put no space between words: there a term may stand inside a run of letters.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Hangul}]")
_AGE = regex.compile(
    r"\b(?:(?:[1-9]|1[0-7])|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen)[\s-]?(?:years?|yrs?)?[\s-]?(?:olds?|y/?o|jahre alt|jährige?[rsn]?|ans|años|anos|anni|лет)\b"
)
# Letters of the next script may follow at once: no \b there.
_AGE_HAN = regex.compile(r"(?<!\d)(?:[1-9]|1[0-7])\s?(?:岁|歳|才|살)")
_THING = regex.compile(
    r"\s+(?:car|house|building|wine|whisky|whiskey|cheese|tree|oak|computer|laptop|book|recipe|ruin|barn|bottle|photo|church)s?\b"
)
_NEGATION = regex.compile(
    r"(?:\b(?:no|not|non|never|without|nothing|anti|avoid|sin|ohne|kein|keine|sans|без|нет)[\s-]+|无|不)(?:\p{L}+\s+)?$"
)

_NEAR_CHARACTERS = 60
_MIN_LOOSE = 4
_CERTAIN, _LIKELY = 1.0, 0.7


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    term: Term


class _Matcher:
    """Finds terms on word boundaries in a folded text."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._terms = list(terms)
        self._automaton = _automaton(term.text for term in self._terms)
        self._closed_up = _automaton(term.text.replace(" ", "") for term in self._terms)
        self._leet_alike = _automaton(term.text.replace("l", "i") for term in self._terms)

    def find(self, view: View) -> list[_Hit]:
        """Where a view has terms.

        In spelt-out letters no border between words is left to ask for: there terms of four letters and more may
        stand inside others.
        """
        automaton = {"run": self._closed_up, "leet-alike": self._leet_alike}.get(view.kind, self._automaton)
        loose = view.kind == "run"
        return [
            _Hit(start, end, self._terms[index])
            for index, start, end in automaton.find_matches_as_indexes(view.text, overlapping=True)
            if (loose and end - start >= _MIN_LOOSE) or _stands_alone(view.text, start, end, self._terms[index])
        ]


class TermChecker:
    """Scores both prompts of an input, and both read as one, by word lists and their combinations.

    Its coverage has no languages: a list knows the words that stand in it, and a text without them is not thereby
    judged. What a language needs is a classifier that covers it.
    """

    name = "terms"
    version = "1"
    coverage = Coverage(
        checker="terms",
        modalities=("prompt", "negative_prompt"),
        categories=HARMS,
        languages=None,
        scripts=None,
        note="Finds the words in its lists, in any spelling that the normaliser undoes; knows no context.",
    )

    def __init__(self) -> None:
        files = sorted(FOLDER.glob("*.txt"))
        self.weights_sha256 = files_sha256(files)
        self._prompt = _Matcher(read_terms(FOLDER / "prompt.txt"))
        self._negative = _Matcher(read_terms(FOLDER / "negative.txt"))
        self._exceptions = _Matcher(_words("exceptions.txt"))
        self._minors = _Matcher(_words("minors.txt"))
        self._sexual = _Matcher(_words("sexual-context.txt"))
        self._clothing = _Matcher(_words("clothing.txt"))

    def assess(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """Three assessments an input: the prompt, the negative prompt, and, where there are both, the two as one.

        Raises:
            TextError: a character that no prompt may have.
        """
        return [self._assess_input(each) for each in inputs]

    def _assess_input(self, each: PromptInput) -> list[Assessment]:
        assessments = [
            self._assessment(each.prompt, "prompt", self._prompt_hits),
            self._assessment(each.negative_prompt, "negative_prompt", self._negative_hits),
        ]
        if each.prompt and each.negative_prompt:
            assessments.append(self._assess_joined(each))
        return assessments

    def _assessment(
        self, text: str, modality: Literal["prompt", "negative_prompt"], find: Callable[[View], list[_Hit]]
    ) -> Assessment:
        scores: dict[str, float] = {}
        spans: list[Span] = []
        for view in views(text) if text else []:
            for hit in find(view):
                if hit.term.weight > scores.get(hit.term.category, 0.0):
                    scores[hit.term.category] = hit.term.weight
                    spans.append(_span(text, view, hit))
        return self._made(text, modality, "whole" if text else "nothing", scores, spans)

    def _prompt_hits(self, view: View) -> list[_Hit]:
        harmless = self._exceptions.find(view)
        hits = [hit for hit in self._prompt.find(view) if not _inside(hit, harmless)]
        return hits + self._minor_hits(view, harmless)

    def _negative_hits(self, view: View) -> list[_Hit]:
        return self._negative.find(view)

    def _minor_hits(self, view: View, harmless: list[_Hit]) -> list[_Hit]:
        """A minor and something sexual: certain when both words are, near each other and not negated, else likely."""
        text = view.text
        minors = [*(hit for hit in self._minors.find(view) if not _inside(hit, harmless)), *_ages(text)]
        if not minors:
            return []
        found: list[_Hit] = []
        for sexual in self._sexual.find(view):
            if _inside(sexual, harmless):
                continue
            negated = _NEGATION.search(text, max(0, sexual.start - 24), sexual.start) is not None
            for minor in minors:
                hit = _together(minor, sexual, negated=negated)
                if hit.term.weight == _CERTAIN:
                    return [hit]
                found = [hit]
        return found

    def _assess_joined(self, each: PromptInput) -> Assessment:
        """What only the two prompts together say: a phrase across their border, a minor to be undressed."""
        scores: dict[str, float] = {}
        for between in (" ", ""):
            for hit in self._across(each, between):
                scores[hit.term.category] = max(scores.get(hit.term.category, 0.0), hit.term.weight)
        if self._undresses_a_minor(each):
            scores["sexual/minors"] = _CERTAIN
        # No spans: there is no original text that their offsets could point into.
        text = f"{each.prompt} {each.negative_prompt}"
        return self._made(text, "negative_prompt", "joined", scores, [])

    def _across(self, each: PromptInput, between: str) -> list[_Hit]:
        """Terms that begin in the prompt and end in the negative prompt."""
        start, end = canonical(each.prompt).casefold(), canonical(each.negative_prompt).casefold()
        joined = View("plain", start + between + end)
        harmless = self._exceptions.find(joined)
        return [
            hit
            for hit in self._prompt.find(joined)
            if hit.start < len(start) and hit.end > len(start) + len(between) and not _inside(hit, harmless)
        ]

    def _undresses_a_minor(self, each: PromptInput) -> bool:
        has_minor = any(self._minors.find(view) or _ages(view.text) for view in views(each.prompt))
        return has_minor and any(self._clothing.find(view) for view in views(each.negative_prompt))

    def _made(
        self,
        text: str,
        modality: Literal["prompt", "negative_prompt"],
        seen: str,
        scores: dict[str, float],
        spans: list[Span],
    ) -> Assessment:
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality=modality,
            input_sha256=text_sha256(text),
            seen=seen,
            scores=scores,
            spans=tuple(spans),
        )


def _automaton(patterns: Iterable[str]) -> ahocorasick_rs.AhoCorasick:
    return ahocorasick_rs.AhoCorasick(list(patterns))


def _words(file_name: str) -> list[Term]:
    return read_weighed_words(FOLDER / file_name, certain=_CERTAIN, likely=_LIKELY)


def _stands_alone(text: str, start: int, end: int, term: Term) -> bool:
    """Whether a match is a word of its own, not part of another."""
    if _UNSPACED.match(term.text[0]):
        return True
    before = start == 0 or not _WORD.match(text[start - 1])
    after = end == len(text) or term.open_ended or not _WORD.match(text[end]) or bool(_UNSPACED.match(text[end]))
    return before and after


def _inside(hit: _Hit, others: list[_Hit]) -> bool:
    return any(other.start <= hit.start and hit.end <= other.end for other in others)


def _together(minor: _Hit, sexual: _Hit, *, negated: bool) -> _Hit:
    """Both words of a combination as one hit."""
    apart = max(minor.start - sexual.end, sexual.start - minor.end)
    near = _CERTAIN if apart <= _NEAR_CHARACTERS and not negated else _LIKELY
    weight = min(near, minor.term.weight, sexual.term.weight)
    start, end = min(minor.start, sexual.start), max(minor.end, sexual.end)
    return _Hit(start, end, Term("a minor and something sexual", "sexual/minors", weight))


def _ages(text: str) -> list[_Hit]:
    """Ages under 18 that are said of somebody, not of a thing."""
    term = Term("an age under 18", "", _CERTAIN)
    spelt = [match for match in _AGE.finditer(text) if not _THING.match(text, match.end())]
    return [_Hit(match.start(), match.end(), term) for match in [*spelt, *_AGE_HAN.finditer(text)]]


def _span(text: str, view: View, hit: _Hit) -> Span:
    """Where a hit stands in the original; all of the text when the reading that showed it has other offsets."""
    found = view.text[hit.start : hit.end]
    start = text.lower().find(found)
    if start < 0:
        return Span(0, len(text), hit.term.category, hit.term.weight)
    return Span(start, start + len(found), hit.term.category, hit.term.weight)
