"""The families of image checkers: a new one is one entry in `IMAGE_FAMILIES`."""

from collections.abc import Mapping

from moderation.assessments import Picture
from moderation.canary import CanaryImageChecker, draw
from moderation.checkers import Checker, CheckerPlan, Probe
from moderation.plans import Family, shipped
from moderation.probes import GREY, SPECKLED


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
}

# What looks at pictures where no checkers file says otherwise.
SHIPPED_IMAGE = ({"family": "opennsfw"}, {"family": "nsfwjs-mobilenet"})
