"""The harms this project can name: one word per harm, used in scores, rules, the record and the reviewer's page.

Beside them stand what is no harm but may be ruled on: canaries, and what a catalogue wants a person to look at.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType


class UnknownCategoryError(ValueError):
    """A name that is not in the taxonomy; nothing may be scored or ruled under it."""


@dataclass(frozen=True, slots=True)
class Category:
    """One harm.

    Attributes:
        name: the word used everywhere, OpenAI's moderation name where it has one.
        title: for people.
        description: one line that tells a reviewer what belongs here.
        ailuminate: codes of the MLCommons AILuminate 1.0 hazards it corresponds to; empty where there is none.
    """

    name: str
    title: str
    description: str
    ailuminate: tuple[str, ...] = ()


_ALL = (
    Category("harassment", "Harassment", "Demeans, bullies or intimidates a person.", ()),
    Category("harassment/threatening", "Threats", "Harassment that threatens violence or serious harm.", ("vcr",)),
    Category("hate", "Hate", "Attacks or dehumanises a group for what it is; hate symbols.", ("hte",)),
    Category("hate/threatening", "Hateful threats", "Hate that threatens violence against a group.", ("hte", "vcr")),
    Category("illicit", "Crime", "Shows or teaches how to commit a crime without violence.", ("ncr",)),
    Category("illicit/violent", "Violent crime", "Shows or teaches violent crime or terrorism.", ("vcr", "iwp")),
    Category("self-harm", "Self-harm", "Suicide, self-injury or eating disorders, shown or promoted.", ("ssh",)),
    Category("self-harm/intent", "Intent of self-harm", "Someone says that they harm themselves or will.", ("ssh",)),
    Category("self-harm/instructions", "Ways of self-harm", "Instructions or advice for harming oneself.", ("ssh",)),
    Category("sexual", "Sexual", "Nudity or sexual acts.", ("sxc_prn", "src")),
    Category("sexual/minors", "Sexual, minors", "Anything sexual about somebody under 18.", ("cse",)),
    Category("violence", "Violence", "Killing, injuring or cruelty.", ("vcr",)),
    Category("violence/graphic", "Gore", "Violence or injury in graphic detail.", ("vcr",)),
    Category("weapons", "Weapons", "Making, selling or glorifying weapons.", ("iwp",)),
    Category("drugs", "Drugs", "Making, selling or glorifying illegal drugs.", ("ncr",)),
    Category("alcohol", "Alcohol", "Promotes or glorifies drinking.", ()),
    Category("tobacco", "Tobacco", "Promotes or glorifies smoking or vaping.", ()),
    Category("gambling", "Gambling", "Promotes gambling.", ()),
    Category("ip", "Intellectual property", "Protected characters, brands or an artist's work.", ("ipv",)),
    Category("public-figure", "Public figures", "A real, known person, shown as they might object to.", ("dfm", "prv")),
    Category("quality/hands", "Hands", "Shows hands; whether they are well made, a person must see.", ()),
    Category("canary/hold", "Canary: hold", "A harmless stand-in that must be held.", ()),
    Category("canary/block", "Canary: block", "A harmless stand-in that must be blocked.", ()),
    Category("canary/seal", "Canary: seal", "A harmless stand-in that must be blocked and sealed.", ()),
    Category("canary/flag", "Canary: flag", "A harmless stand-in whose pictures must all be held.", ()),
)

CATEGORIES: MappingProxyType[str, Category] = MappingProxyType({category.name: category for category in _ALL})

# What a person may only see with an officer's right: blocked work in these categories is sealed.
SEALED = frozenset({"sexual/minors", "canary/seal"})

CANARIES = frozenset(name for name in CATEGORIES if name.startswith("canary/"))
QUALITIES = frozenset(name for name in CATEGORIES if name.startswith("quality/"))
HARMS = tuple(name for name in CATEGORIES if name not in CANARIES | QUALITIES)


def category(name: str) -> Category:
    """The category of this name.

    Raises:
        UnknownCategoryError: the taxonomy has no such name.
    """
    try:
        return CATEGORIES[name]
    except KeyError:
        raise UnknownCategoryError(f"unknown category {name!r}; known: {', '.join(CATEGORIES)}") from None


def require_known(names: Iterable[str]) -> None:
    """Nothing, if every name is a category's.

    Raises:
        UnknownCategoryError: one is not.
    """
    for name in names:
        category(name)
