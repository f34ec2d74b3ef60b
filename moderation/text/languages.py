"""Which languages and scripts a text is in, as far as that can be told: so that what nobody can judge is not passed."""

from collections.abc import Iterable, Mapping
from functools import cache

import disarm
import regex
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from moderation.coverage import Coverage

# Dialects and rarities are left out: they draw short English prompts ("a kangaroo") to themselves.
_CANDIDATES = (
    "af am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu ha he hi hr ht hu hy id ig is "
    "it ja jv ka kk km kn ko ku ky lo lt lv mg mk ml mn mr ms my ne nl no pa pl ps pt qu ro ru si sk sl so "
    "sq sr sv sw ta te th tl tr uk ur uz vi xh yi yo zh zu"
)

# One script that only one language of the candidates is commonly written in tells the language by itself.
_BY_SCRIPT = {"Hangul": "ko", "Hiragana": "ja", "Katakana": "ja", "Thai": "th", "Bengali": "bn", "Telugu": "te",
              "Tamil": "ta", "Greek": "el", "Georgian": "ka", "Armenian": "hy"}  # fmt: skip
_MIXED_WITH_HAN = ("Hiragana", "Katakana", "Hangul")

# How much likelier than English, in nats, another language must be before a text in Latin letters counts as it.
# Measured (docs/checkers.md): at 12, 0.7 % of PartiPrompts count as something else, and 98 % of sentences in some
# twenty languages do; names and two-word prompts need more.
_MARGIN, _SHORT_MARGIN, _SHORT_LETTERS = 12.0, 18.0, 25

# Languages so near to a commoner one that a few words do not tell them apart: such a text counts as the commoner one
# unless its own is likelier by this many nats. Measured on the command descriptions and XCOPA:
# of Indonesian ones 17 to 29 % counted as Malay before, of Spanish and Portuguese ones 2 to 5 % as Galician.
_KIN_MARGIN = 8.0
_KIN: Mapping[str, tuple[str, ...]] = {
    "ms": ("id",), "jv": ("id",), "gl": ("pt", "es"), "ca": ("es", "it"), "ne": ("hi",), "mr": ("hi",),
    "bg": ("ru", "uk"), "mk": ("ru", "uk"), "sr": ("ru", "uk"), "be": ("ru", "uk"), "sk": ("cs",), "af": ("nl",),
    "ps": ("fa",), "da": ("sv",), "no": ("sv",),
}  # fmt: skip

_LETTERS = regex.compile(r"\p{L}")
_WORD = regex.compile(r"[\p{L}\p{M}]+")
_SEGMENT = regex.compile(r"[.!?;:\n\u0964\u3002\uff01\uff1b\uff1f]+")
_MIN_SEGMENT_LETTERS = 25


def scripts_of(text: str) -> frozenset[str]:
    """The Unicode scripts of a text's words; a single letter on its own, such as π, is a sign and not a word."""
    found: set[str] = set()
    for word in set(_WORD.findall(text)):
        if len(word) > 1 or not regex.match(r"\p{Greek}", word):
            found.update(_scripts_of_word(word))
    return frozenset(found)


def languages_of(text: str) -> frozenset[str]:
    """The languages of a text, ISO 639-1: of the whole and of each of its longer sentences.

    A text in Latin letters counts as English unless another language is much likelier. A text without letters has none.
    """
    segments = [part for part in _SEGMENT.split(text) if len(_LETTERS.findall(part)) >= _MIN_SEGMENT_LETTERS]
    return frozenset(language for part in (text, *segments) for language in _languages_of_part(part))


def outside(text: str, coverage: Coverage) -> list[str]:
    """What of a text a checker was not measured in: "script:Ethiopic", "language:am"; empty if nothing."""
    scripts = scripts_of(text) - coverage.scripts if coverage.scripts is not None else frozenset()
    languages = languages_of(text) - coverage.languages if coverage.languages is not None else frozenset()
    return [f"script:{script}" for script in sorted(scripts)] + [f"language:{name}" for name in sorted(languages)]


def _languages_of_part(text: str) -> Iterable[str]:
    scripts = scripts_of(text)
    for script in scripts:
        if script in _BY_SCRIPT:
            yield _BY_SCRIPT[script]
    if "Han" in scripts and not scripts.intersection(_MIXED_WITH_HAN):
        yield "zh"
    for script in scripts.intersection(("Cyrillic", "Arabic", "Devanagari", "Hebrew", "Ethiopic")):
        yield _likeliest(_only(text, script))
    if "Latin" in scripts:
        yield _latin(_only(text, "Latin"))


def _latin(text: str) -> str:
    ranked = dict(_identifier().rank(text))
    best = max(ranked, key=ranked.__getitem__)
    margin = _SHORT_MARGIN if len(_LETTERS.findall(text)) < _SHORT_LETTERS else _MARGIN
    return _commoner(str(best), ranked) if ranked[best] - ranked["en"] >= margin else "en"


def _likeliest(text: str) -> str:
    ranked = dict(_identifier().rank(text))
    return _commoner(str(max(ranked, key=ranked.__getitem__)), ranked)


def _commoner(best: str, ranked: Mapping[str, float]) -> str:
    """The likeliest language, or its commoner kin where a text is too short to tell the two apart."""
    kin = max(_KIN.get(best, (best,)), key=ranked.__getitem__)
    return kin if ranked[best] - ranked[kin] < _KIN_MARGIN else best


def _only(text: str, script: str) -> str:
    """The words of a text that have letters of a script."""
    return " ".join(word for word in _WORD.findall(text) if script in _scripts_of_word(word))


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages([language for language in _CANDIDATES.split() if language in identifier.labels])
    return identifier


def _scripts_of_word(word: str) -> frozenset[str]:
    if word.isascii():
        return frozenset({"Latin"})
    named = frozenset(str(script.value) for script in disarm.detect_scripts(word)) - {"Common", "Inherited"}
    # A letter of a script that the library has no name for is still a letter of some script.
    return named or frozenset({"unnamed"})
