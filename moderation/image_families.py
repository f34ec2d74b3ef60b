"""The families of image checkers: a new one is one entry in `IMAGE_FAMILIES`."""

from collections.abc import Callable, Mapping

from moderation.assessments import Picture
from moderation.canary import CanaryImageChecker, draw
from moderation.checker_fields import known_fields, limit_s
from moderation.checkers import Checker, CheckerPlan, Probe
from moderation.hub.classifier_settings import read_picture_classifier, read_zero_shot
from moderation.plans import LIMIT_S, Family, read_plans, shipped, warmed
from moderation.probes import GREY, HAND, SPECKLED, WRITTEN, picture_probes
from moderation.prompt_families import PROMPT_FAMILIES, SHIPPED_PROMPT

# Reading a picture of 4,096 x 4,096 pixels takes a core some 20 s, and there are several in a batch.
_READING_LIMIT_S = 300.0


def canary_image() -> CheckerPlan[Picture]:
    """The plan of the canary, which is among the checkers whatever the file says."""
    card = Picture(draw("block", 128, 128, seed=1), "")
    probes = (Probe(GREY, None, 0.0, 0.0), Probe(card, "canary/block", 1.0, 1.0))
    return CheckerPlan("canary-image", CanaryImageChecker, probes)


def _load_opennsfw() -> Checker[Picture]:
    from moderation.image import OpenNsfwChecker

    return OpenNsfwChecker()


def _load_nsfwjs() -> Checker[Picture]:
    from moderation.image import NsfwjsChecker

    return NsfwjsChecker()


def _load_hands() -> Checker[Picture]:
    from moderation.hands import HandsChecker

    return HandsChecker()


def _classifier(entry: Mapping[str, object], field: str) -> CheckerPlan[Picture]:
    settings = read_picture_classifier(entry, field)

    def load() -> Checker[Picture]:
        from moderation.hub.transformers_pictures import TransformersPictureChecker

        return TransformersPictureChecker(settings)

    return _of_the_hub(settings.model.name, load, entry, field)


def _zero_shot(entry: Mapping[str, object], field: str) -> CheckerPlan[Picture]:
    settings = read_zero_shot(entry, field)

    def load() -> Checker[Picture]:
        from moderation.hub.zero_shot import ZeroShotChecker

        return ZeroShotChecker(settings)

    return _of_the_hub(settings.model.name, load, entry, field)


def _of_the_hub(
    name: str, load: Callable[[], Checker[Picture]], entry: Mapping[str, object], field: str
) -> CheckerPlan[Picture]:
    probes, limit = picture_probes(entry, field), limit_s(entry, field, default=LIMIT_S)
    return CheckerPlan(name, warmed(load, GREY), probes, limit)


def _picture_text(entry: Mapping[str, object], field: str) -> CheckerPlan[Picture]:
    known_fields(entry, frozenset({"family", "limit_s", "prompt"}), field)
    plans = read_plans(entry.get("prompt", SHIPPED_PROMPT), f"{field}.prompt", PROMPT_FAMILIES)

    def load() -> Checker[Picture]:
        from moderation.picture_text import PictureTextChecker

        return PictureTextChecker([plan.load() for plan in plans])

    probes = (Probe(SPECKLED, None, 0.0, 0.0), Probe(WRITTEN, "canary/hold", 1.0, 1.0))
    return CheckerPlan("text-in-picture", load, probes, limit_s(entry, field, default=_READING_LIMIT_S))


IMAGE_FAMILIES: Mapping[str, Family[Picture]] = {
    "opennsfw": shipped(
        "opennsfw",
        _load_opennsfw,
        Probe(GREY, "sexual", 0.15, 0.25),
        Probe(SPECKLED, "sexual", 0.0, 0.05),
    ),
    "nsfwjs-mobilenet": shipped(
        "nsfwjs-mobilenet",
        _load_nsfwjs,
        Probe(GREY, "sexual", 0.02, 0.05),
        Probe(SPECKLED, "sexual", 0.0, 0.02),
    ),
    "transformers-image-classification": _classifier,
    "zero-shot-image-classification": _zero_shot,
    "text-in-picture": _picture_text,
    "hands": shipped(
        "hands",
        _load_hands,
        Probe(GREY, "quality/hands", 0.0, 0.05),
        Probe(HAND, "quality/hands", 0.2, 1.0),
    ),
}

# What looks at pictures where no checkers file says otherwise.
SHIPPED_IMAGE = ({"family": "opennsfw"}, {"family": "nsfwjs-mobilenet"})
