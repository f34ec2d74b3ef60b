"""Reading a policy file: every field is checked, and what is wrong is said by name, value and limit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from moderation.assessments import HEARD, MODALITIES, Modality, Stage
from moderation.taxonomy import CATEGORIES

_MAX_BYTES = 256 * 1024
_MAX_RULES = 500
_MAX_APPROVALS = 5
_FIELDS = {"version", "description", "required", "rules", "unscreened", "known"}
_RULE_FIELDS = {
    "name", "stage", "categories", "modality", "checker", "at", "outcome", "approvals", "lane", "all_of",
}  # fmt: skip


class PolicyError(ValueError):
    """A policy that cannot be used.

    Attributes:
        field: where, as a path: "rules[3].at".
        value: what stands there, as text.
        limit: what is allowed.
    """

    code = "invalid_policy"

    def __init__(self, field: str, value: object, limit: str) -> None:
        super().__init__(f"{field}: {_shown(value)} is not allowed; {limit}")
        self.field = field
        self.value = _shown(value)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of an `all_of` rule: this checker gives this category a score of `at` or more."""

    checker: str
    category: str
    at: float


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when a score is at or above `at`; with `all_of`, when every condition holds."""

    name: str
    stage: Stage
    categories: tuple[str, ...]
    modality: Modality | None
    checker: str | None
    at: float
    outcome: Literal["flag", "hold", "block"]
    approvals: int
    lane: Literal["ordinary", "severe"]
    all_of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ParsedPolicy:
    """What a policy file says, checked."""

    version: str
    document: dict[str, object]
    required: Mapping[Stage, tuple[str, ...]]
    rules: tuple[Rule, ...]
    unscreened_approvals: int
    known_allow: bool


def parse_document(data: bytes) -> ParsedPolicy:
    """The checked contents of a policy file.

    Raises:
        PolicyError: not JSON, a field unknown, missing, mistyped or out of range, a checker named by a rule but not
            required, or no rule that blocks sexualised minors at the prompt.
    """
    document = _load(data)
    _known_fields(document, _FIELDS, "")
    version = _text(document.get("version"), "version")
    required = _required(document.get("required"))
    rules = _rules(document.get("rules"))
    unscreened = _object(document.get("unscreened", {}), "unscreened")
    _known_fields(unscreened, {"approvals"}, "unscreened.")
    approvals = _integer(unscreened.get("approvals", 1), "unscreened.approvals")
    known = _object(document.get("known", {}), "known")
    _known_fields(known, {"allow"}, "known.")
    _refuse_hollow(rules, required)
    return ParsedPolicy(
        version, document, required, rules, approvals, known_allow=_truth(known.get("allow", False), "known.allow")
    )


def _refuse_hollow(rules: tuple[Rule, ...], required: Mapping[Stage, tuple[str, ...]]) -> None:
    """Refuse what would read as screening and is not."""
    for number, rule in enumerate(rules):
        named = [rule.checker] if rule.checker else [condition.checker for condition in rule.all_of]
        for checker in named:
            if checker not in required[rule.stage]:
                limit = (
                    f"every checker a rule relies on must be in required.{rule.stage}, or its absence would loosen it"
                )
                raise PolicyError(f"rules[{number}].checker", checker, limit)
    seals = [
        rule
        for rule in rules
        if rule.stage == "prompt" and rule.outcome == "block" and "sexual/minors" in rule.categories
    ]
    if not any(rule.modality in (None, "prompt") for rule in seals):
        raise PolicyError("rules", "no rule", "one must block sexual/minors at the prompt stage")


def _load(data: bytes) -> dict[str, object]:
    if len(data) > _MAX_BYTES:
        raise PolicyError("document", f"{len(data)} bytes", f"at most {_MAX_BYTES} bytes")
    try:
        loaded = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PolicyError("document", type(error).__name__, "JSON in UTF-8") from error
    return _object(loaded, "document")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise PolicyError(name, value, "each field once")
        found[name] = value
    return found


def _refuse_constant(constant: str) -> object:
    raise PolicyError("document", constant, "finite numbers")


def _required(value: object) -> dict[Stage, tuple[str, ...]]:
    stages = _object(value, "required")
    _known_fields(stages, set(MODALITIES), "required.")
    required: dict[Stage, tuple[str, ...]] = {}
    for stage in MODALITIES:
        field = f"required.{stage}"
        checkers = tuple(_text(name, field) for name in _list(stages.get(stage), field))
        if not checkers or len(set(checkers)) < len(checkers):
            raise PolicyError(field, checkers, "at least one checker, each once")
        required[stage] = checkers
    return required


def _rules(value: object) -> tuple[Rule, ...]:
    entries = _list(value, "rules")
    if not 1 <= len(entries) <= _MAX_RULES:
        raise PolicyError("rules", f"{len(entries)} rules", f"1 to {_MAX_RULES} rules")
    rules = tuple(_rule(_object(entry, f"rules[{number}]"), f"rules[{number}]") for number, entry in enumerate(entries))
    names = [rule.name for rule in rules]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise PolicyError(f"rules[{number}].name", name, "each name once")
    return rules


def _rule(entry: dict[str, object], field: str) -> Rule:
    _known_fields(entry, _RULE_FIELDS, f"{field}.")
    categories = tuple(
        _one_of(name, CATEGORIES, f"{field}.categories")
        for name in _list(entry.get("categories"), f"{field}.categories")
    )
    if not categories:
        raise PolicyError(f"{field}.categories", categories, "at least one category")
    all_of = tuple(
        _condition(_object(part, f"{field}.all_of[{number}]"), f"{field}.all_of[{number}]")
        for number, part in enumerate(_list(entry.get("all_of", []), f"{field}.all_of"))
    )
    if all_of and ("at" in entry or "checker" in entry or len(categories) != 1):
        raise PolicyError(f"{field}.all_of", "all_of", "one category, and neither `at` nor `checker` beside it")
    modality = entry.get("modality")
    checker = entry.get("checker")
    stage = cast(Stage, _one_of(entry.get("stage"), MODALITIES, f"{field}.stage"))
    return Rule(
        name=_text(entry.get("name"), f"{field}.name"),
        stage=stage,
        categories=categories,
        modality=None if modality is None else cast(Modality, _one_of(modality, HEARD[stage], f"{field}.modality")),
        checker=None if checker is None else _text(checker, f"{field}.checker"),
        at=min(part.at for part in all_of) if all_of else _threshold(entry.get("at"), f"{field}.at"),
        outcome=cast(
            Literal["flag", "hold", "block"],
            _one_of(entry.get("outcome"), _outcomes(stage), f"{field}.outcome"),
        ),
        approvals=_integer(entry.get("approvals", 1), f"{field}.approvals"),
        lane=cast(
            Literal["ordinary", "severe"],
            _one_of(entry.get("lane", "ordinary"), ("ordinary", "severe"), f"{field}.lane"),
        ),
        all_of=all_of,
    )


def _outcomes(stage: Stage) -> tuple[str, ...]:
    """A flag means that all images will be held; at the image stage that is a hold."""
    return ("flag", "hold", "block") if stage == "prompt" else ("hold", "block")


def _condition(entry: dict[str, object], field: str) -> Condition:
    _known_fields(entry, {"checker", "category", "at"}, f"{field}.")
    return Condition(
        checker=_text(entry.get("checker"), f"{field}.checker"),
        category=_one_of(entry.get("category"), CATEGORIES, f"{field}.category"),
        at=_threshold(entry.get("at"), f"{field}.at"),
    )


def _known_fields(entry: Mapping[str, object], known: set[str] | Mapping[Stage, object], prefix: str) -> None:
    for name in entry:
        if name not in known:
            raise PolicyError(f"{prefix}{name}", entry[name], f"known fields: {', '.join(sorted(known))}")


def _object(value: object, field: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise PolicyError(field, value, "a JSON object")
    return value


def _list(value: object, field: str) -> list[object]:
    if not isinstance(value, list):
        raise PolicyError(field, value, "a JSON array")
    return value


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise PolicyError(field, value, "a text of 1 to 200 characters")
    return value


def _one_of(value: object, allowed: object, field: str) -> str:
    names = tuple(cast(Mapping[str, object], allowed))
    if not isinstance(value, str) or value not in names:
        raise PolicyError(field, value, f"one of {', '.join(names)}")
    return value


def _threshold(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= 1.0:
        raise PolicyError(field, value, "a number above 0 and up to 1")
    return float(value)


def _integer(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_APPROVALS:
        raise PolicyError(field, value, f"a whole number from 1 to {_MAX_APPROVALS}")
    return value


def _truth(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(field, value, "true or false")
    return value


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 120 else text[:117] + "..."
