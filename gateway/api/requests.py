"""From a client's body to one valid request: each field checked against the model's limits, each default filled in."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from gateway.api.errors import FieldProblem, invalid_request
from gateway.api.fields import ClosedSerializer, RefusedError, StrictChoice, StrictInteger, StrictNumber, StrictText
from gateway.api.keys import requester_of
from gateway.catalogue import default_model, registry
from gateway.engine.registry import ModelSpec
from gateway.engine.requests import InvalidRequestError as OutsideModelError
from gateway.lifecycle import Request
from gateway.models import MAX_SEED, ApiKey
from moderation.text.normalise import TextError, canonical, graphemes, require_text

OUTPUT_FORMATS = ("png", "jpeg", "webp")
MAX_USER_LENGTH = 128
SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


def _check_words(text: str) -> None:
    limit = settings.CONFIGURATION.max_prompt_graphemes
    # A grapheme has at least one code point, and some have dozens: only the bound on both bounds the work.
    if len(text) > 8 * limit:
        raise RefusedError(
            "too_long", f"has {len(text)} code points; at most {8 * limit} are taken", value=len(text), limit=8 * limit
        )
    try:
        require_text(text)
    except TextError as error:
        raise RefusedError(
            "control_character",
            f"has the character {error.character} at offset {error.offset}, which no text may have",
            value=error.character, limit="no control, surrogate, private or unassigned character but newline and tab",
        ) from None  # fmt: skip
    length = graphemes(text)
    if length > limit:
        raise RefusedError("too_long", f"has {length} characters; at most {limit} are taken", value=length, limit=limit)


def _check_prompt(text: str) -> None:
    _check_words(text)
    if not canonical(text):
        raise RefusedError("empty", "has nothing visible in it", value="", limit=1)


class GenerationRequest(ClosedSerializer):
    """What a client asks for. Only `prompt` is required; defaults and limits of the rest are the model's."""

    prompt = StrictText(
        check=_check_prompt,
        help_text="What the pictures shall show: at most 2,000 characters as a reader counts them, unless the operator "
        "set another limit; no control characters but newline and tab.",
    )
    negative_prompt = StrictText(
        check=_check_words,
        allow_blank=True,
        required=False,
        help_text="What they shall not show, where the model takes one.",
    )
    model = StrictText(required=False, max_length=64, help_text="A name of `GET /v1/models`.")
    n = StrictInteger(
        required=False,
        min_value=1,
        max_value=100,
        help_text="How many pictures: 1 to 10, unless the operator set another limit. 1 if absent.",
    )
    size = StrictText(required=False, max_length=11, help_text="WIDTHxHEIGHT in pixels, such as 128x128.")
    steps = StrictInteger(required=False, min_value=1, max_value=1000, help_text="Denoising steps.")
    guidance_scale = StrictNumber(
        required=False, min_value=0, max_value=100, help_text="How closely the words are followed."
    )
    seed = StrictInteger(
        required=False, min_value=0, max_value=MAX_SEED,
        help_text="Of the first picture; each further one has the next. Random if absent, and shown in the answer.",
    )  # fmt: skip
    output_format = StrictChoice(OUTPUT_FORMATS, required=False, help_text="png if absent.")
    user = StrictText(
        required=False, max_length=MAX_USER_LENGTH, check=_check_words,
        help_text="Your own name for whoever asks you. It is kept as a keyed hash only.",
    )  # fmt: skip


def read_request(document: Mapping[str, Any], key: ApiKey) -> Request:
    """The valid request that this body is, asked for with this key.

    Raises:
        InvalidRequestError: names every field that is wrong, with value and limit.
    """
    values, problems = GenerationRequest().read(document)
    configuration = settings.CONFIGURATION
    num_images = values.get("n", 1)
    if num_images > configuration.max_images:
        problems.append(_out_of_range("n", num_images, [1, configuration.max_images]))
    model = None if any(problem.field == "model" for problem in problems) else _model(values, problems)
    parameters = {} if model is None else _parameters(model, values, problems)
    if model is None or problems:
        raise invalid_request(problems)
    seed = values.get("seed", secrets.randbelow(MAX_SEED + 1))
    user = values.get("user")
    return Request(
        organization_id=key.organization_id,
        api_key_id=key.pk,
        requester=f"key:{key.pk}" if user is None else requester_of(key.organization_id, user),
        model=model.name,
        parameters={**parameters, "seed": seed, "output_format": values.get("output_format", OUTPUT_FORMATS[0])},
        num_images=num_images,
        seed=seed,
        seed_chosen="seed" in values,
        cost=model.cost(parameters["width"], parameters["height"], parameters["steps"]),
        prompt=values["prompt"],
        negative_prompt=values.get("negative_prompt", ""),
        deadline_s=configuration.generation_deadline_s,
    )


def _model(values: Mapping[str, Any], problems: list[FieldProblem]) -> ModelSpec | None:
    name = values.get("model", default_model())
    model = registry().get(name)
    if model is None:
        known = sorted(registry())
        problems.append(
            FieldProblem("unknown_model", "model", f"there is no such model; there are {', '.join(known)}", name, known)
        )
    return model


def _parameters(model: ModelSpec, values: Mapping[str, Any], problems: list[FieldProblem]) -> dict[str, Any]:
    """Size, steps and guidance scale within what the model can draw; what is outside is added to `problems`."""
    wrong = {problem.field for problem in problems}
    width, height = model.default_width, model.default_height
    if "size" in values:
        match = SIZE.fullmatch(values["size"])
        if match is None:
            wrong.add("size")
            problems.append(
                FieldProblem(
                    "wrong_form", "size", "size must be WIDTHxHEIGHT", values["size"], "WIDTHxHEIGHT, such as 128x128"
                )
            )
        else:
            width, height = int(match[1]), int(match[2])
    asked: dict[str, Any] = {
        "width": width,
        "height": height,
        "steps": values.get("steps", model.default_steps),
        "guidance_scale": values.get("guidance_scale", model.default_guidance_scale),
    }
    fallback = {
        "width": model.default_width, "height": model.default_height, "steps": model.default_steps,
        "guidance_scale": model.default_guidance_scale, "negative_prompt": "",
    }  # fmt: skip
    to_check = {**asked, "negative_prompt": values.get("negative_prompt", "")}
    # The model names the first that it cannot draw; with that one as it should be, the next.
    while True:
        try:
            model.check(**to_check)
        except OutsideModelError as error:
            field = "size" if error.field in ("width", "height") else error.field
            if field not in wrong:
                wrong.add(field)
                problems.append(_outside(model, field, error, values))
            to_check[error.field] = fallback[error.field]
        else:
            return asked


def _outside(model: ModelSpec, field: str, error: OutsideModelError, values: Mapping[str, Any]) -> FieldProblem:
    value = None if field == "negative_prompt" else values.get(field, error.value)
    code = "not_supported" if field == "negative_prompt" else "out_of_range"
    which = f"{field} ({error.field})" if field == "size" else field
    return FieldProblem(code, field, f"{which} must be {error.limit} for the model {model.name}", value, error.limit)


def _out_of_range(field: str, value: int, limit: list[int]) -> FieldProblem:
    return FieldProblem("out_of_range", field, f"{field} must be between {limit[0]} and {limit[1]}", value, limit)
