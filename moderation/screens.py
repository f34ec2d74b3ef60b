"""The two screens: every checker of a stage over many inputs at once, and nothing that goes wrong read as safe."""

from collections.abc import Callable, Mapping, Sequence

from moderation.assessments import Assessment, ImageInput, Modality, Picture, PromptInput, text_sha256
from moderation.checkers import CheckerPlan, GuardedChecker
from moderation.coverage import Coverage
from moderation.families import image_plans, prompt_plans
from moderation.known_pictures import KnownPictures
from moderation.pictures import PictureError, decode

__all__ = ["ImageInput", "ImageScreen", "PromptInput", "PromptScreen", "load_image_screen", "load_prompt_screen"]


class PromptScreen:
    """Looks at prompts with every checker it was given."""

    def __init__(self, plans: Sequence[CheckerPlan[PromptInput]]) -> None:
        self._checkers = [GuardedChecker(plan, describe=_describe_prompt) for plan in plans]

    @property
    def coverages(self) -> list[Coverage]:
        """What its checkers can judge; one that is not loaded covers nothing."""
        return [checker.coverage for checker in self._checkers if checker.coverage]

    def assess(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """Everything that was said of each input, in order: prompt, negative prompt, and both read as one."""
        by_checker = [checker.assess(inputs) for checker in self._checkers]
        return [[each for answers in by_checker for each in answers[index]] for index in range(len(inputs))]

    def self_test(self) -> list[str]:
        """What does not work, in words; empty if every checker told its harmless input from its canary."""
        return [fault for checker in self._checkers for fault in checker.self_test()]


class ImageScreen:
    """Looks at all of every picture with every checker it was given."""

    def __init__(self, plans: Sequence[CheckerPlan[Picture]]) -> None:
        self._checkers = [GuardedChecker(plan, describe=_describe_picture) for plan in plans]

    @property
    def coverages(self) -> list[Coverage]:
        """What its checkers can judge; one that is not loaded covers nothing."""
        return [checker.coverage for checker in self._checkers if checker.coverage]

    def assess(self, inputs: Sequence[ImageInput]) -> list[list[Assessment]]:
        """Everything that was said of each picture, in order; one that cannot be decoded is every checker's error."""
        pictures: dict[int, Picture] = {}
        failures: dict[int, str] = {}
        for index, each in enumerate(inputs):
            try:
                pictures[index] = Picture(decode(each.data), each.sha256, each.scope, each.may_hold_text)
            except PictureError as error:
                failures[index] = str(error)
        by_checker = [
            dict(zip(pictures, checker.assess(list(pictures.values())), strict=True)) for checker in self._checkers
        ]
        return [
            [self._undecodable(checker, inputs[index], failures[index]) for checker in self._checkers]
            if index in failures
            else [each for answers in by_checker for each in answers[index]]
            for index in range(len(inputs))
        ]

    def self_test(self) -> list[str]:
        """What does not work, in words; empty if every checker gave its known answers."""
        return [fault for checker in self._checkers for fault in checker.self_test()]

    @staticmethod
    def _undecodable(checker: GuardedChecker[Picture], given: ImageInput, why: str) -> Assessment:
        return Assessment(
            checker=checker.name,
            version="",
            weights_sha256="",
            modality="image",
            input_sha256=given.sha256,
            seen="nothing",
            scores={},
            error=why,
        )


def load_prompt_screen(configuration: Mapping[str, object] | None = None) -> PromptScreen:
    """The prompt screen that a checkers file describes; None: the one that ships.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    return PromptScreen(prompt_plans(configuration))


def load_image_screen(
    configuration: Mapping[str, object] | None = None, known: Callable[[], KnownPictures] = KnownPictures
) -> ImageScreen:
    """The image screen that a checkers file describes; None: the one that ships.

    Args:
        known: gives the lists of known pictures as they are now; asked once a batch, on a thread of its own.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    return ImageScreen(image_plans(configuration, known))


def _describe_prompt(given: PromptInput) -> tuple[tuple[Modality, str], ...]:
    return (("prompt", text_sha256(given.prompt)), ("negative_prompt", text_sha256(given.negative_prompt)))


def _describe_picture(given: Picture) -> tuple[tuple[Modality, str], ...]:
    return (("image", given.sha256),)
