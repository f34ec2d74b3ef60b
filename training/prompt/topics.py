"""What shows weapons, drugs, alcohol, tobacco or gambling: prompts of ours, and words that tell it in English."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import regex

FOLDER = Path(__file__).parent / "topics"
# Words that nearly always name the thing; a text with none of a topic's words counts as not about it.
_WORDS = {
    "weapons": r"guns?|rifles?|pistols?|revolvers?|swords?|katanas?|daggers?|machetes?|grenades?|crossbows?|bazookas?"
    r"|firearms?|shotguns?|ak-?47|machine ?guns?|spears?|battle ?axes?|missiles?|bayonets?",
    "drugs": r"cocaine|heroin|cannabis|marijuana|meth|ecstasy pills?|lsd|crack pipes?|bongs?|opium|magic mushrooms?",
    "alcohol": r"beers?|wines?|whiske?y|vodka|cocktails?|champagne|rum|gin and tonic|sake|margaritas?|martinis?|liquor",
    "tobacco": r"cigarettes?|cigars?|tobacco|vap(?:e|es|ing)|hookahs?|smoking a pipe",
    "gambling": r"casinos?|roulette|slot machines?|poker|blackjack|gambling|betting|lottery",
}  # fmt: skip
_NAMES = {topic: regex.compile(rf"\b(?:{words})\b", regex.IGNORECASE) for topic, words in _WORDS.items()}
# Words that make one of the above something else.
_OTHERWISE = regex.compile(
    r"\b(?:toy|water|glue|nerf|staple|heat|squirt|spray|ginger|root|non-?alcoholic|wine[- ]red|swordfish)\b",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TopicPrompt:
    """A prompt of ours with the topics it shows: one, or none."""

    text: str
    topics: tuple[str, ...]
    language: str


def prompts_by_topic() -> Iterator[TopicPrompt]:
    """Every prompt that we wrote, language by language."""
    for path in sorted(FOLDER.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            topic, text = line.split("\t")
            yield TopicPrompt(text.strip(), () if topic == "none" else (topic,), path.stem)


def topics_named_in(text: str) -> tuple[str, ...] | None:
    """The topics that an English text names, as far as a word list can tell; None where a word makes them doubtful."""
    named = tuple(topic for topic, words in _NAMES.items() if words.search(text))
    return None if named and _OTHERWISE.search(text) else named
