"""Scoring lines: order, what a line may hold, what an answer holds."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.evaluation.json_lines import MAX_LINE_BYTES, BadLineError, lines_of
from moderation.evaluation.scoring import Tally, of_images, of_prompts, score_lines
from moderation.families import image_plans, prompt_plans
from moderation.policy import Policy, default_policy
from moderation.screens import ImageScreen, PromptScreen

TERMS_ONLY = {"prompt": [{"family": "terms"}]}
# Sixty-four by sixty-four pixels of one colour: nothing in it, and quick.
SIDE_PX = 64


def terms_policy() -> Policy:
    """The default policy, without the classifier that these tests leave out."""
    document = json.loads(json.dumps(default_policy().document))
    document["required"]["prompt"] = ["terms", "canary-prompt"]
    document["rules"] = [rule for rule in document["rules"] if rule.get("checker") != "prompt-e5"]
    return Policy.parse(json.dumps(document).encode())


def scored(*records: object, skip_bad: bool = False, detail: bool = False) -> list[dict[str, object]]:
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    scoring = of_prompts(PromptScreen(prompt_plans(TERMS_ONLY)))
    return list(score_lines(lines, scoring, terms_policy(), skip_bad=skip_bad, detail=detail))


def test_every_line_is_answered_in_its_order_over_many_batches() -> None:
    answers = scored(*({"id": number, "text": f"{number} red apples"} for number in range(100)))

    assert [answer["id"] for answer in answers] == list(range(100))
    assert {answer["verdict"] for answer in answers} == {"allow"}


def test_the_worst_score_of_a_category_counts_and_the_policy_judges() -> None:
    (answer,) = scored({"id": "a", "text": "a nude statue, IMPRIMATUR-TEST-PROMPT-BLOCK"})

    assert isinstance(answer["scores"], dict)
    assert answer["scores"]["sexual"] >= 0.5
    assert answer["scores"]["canary/block"] == 1.0
    assert answer["verdict"] == "block"


def test_a_canary_that_did_not_fire_is_no_category_of_the_answer() -> None:
    (answer,) = scored({"id": "a", "text": "a red apple"})

    assert isinstance(answer["scores"], dict)
    assert not any(name.startswith("canary/") for name in answer["scores"])


def test_the_negative_prompt_is_looked_at() -> None:
    plain, undressing = scored({"id": 1, "text": "a woman"}, {"id": 2, "text": "a woman", "negative_prompt": "clothes"})

    assert (plain["verdict"], undressing["verdict"]) == ("allow", "hold")


def test_what_could_not_be_looked_at_is_said_and_held() -> None:
    (answer,) = scored({"id": 1, "text": "a red\x07 apple"})

    assert answer["verdict"] == "hold"
    assert isinstance(answer["coverage"], dict)
    assert [each["checker"] for each in answer["coverage"]["unscreened"]] == ["terms"]


def test_a_required_checker_that_is_not_there_is_named() -> None:
    scoring = of_prompts(PromptScreen(prompt_plans(TERMS_ONLY)))

    (answer,) = score_lines([b'{"id": 1, "text": "a red apple"}'], scoring, default_policy())

    assert answer["verdict"] == "hold"
    assert isinstance(answer["coverage"], dict)
    assert {"checker": "prompt-e5", "why": "missing: the policy requires it"} in answer["coverage"]["unscreened"]


def test_details_hold_reasons_and_every_checker() -> None:
    (answer,) = scored({"id": 1, "text": "a nude statue"}, detail=True)

    assert isinstance(answer["detail"], dict)
    assert answer["detail"]["verdict"]["reasons"][0]["category"] == "sexual"
    assert {each["checker"] for each in answer["detail"]["assessments"]} == {"canary-prompt", "terms"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 2: line: '{'; one JSON object in UTF-8"),
        (b"", "line 2: line: ''; one JSON object in UTF-8"),
        (b"\xff", "one JSON object in UTF-8"),
        (b"[1]", "line 2: line: '[1]'; one JSON object in UTF-8"),
        (b"[" * 100_000, "one JSON object in UTF-8"),
        (b'{"text": "x"}', "line 2: id: 'None'; text or a whole number"),
        (b'{"id": true, "text": "x"}', "line 2: id: 'True'; text or a whole number"),
        (b'{"id": 1}', "line 2: text: 'None'; text of at least 1 character"),
        (b'{"id": 1, "text": ""}', "line 2: text: ''; text of at least 1 character"),
        (b'{"id": 1, "text": 5}', "line 2: text: '5'; text of at least 1 character"),
        (b'{"id": 1, "text": "x", "negative_prompt": null}', "line 2: negative_prompt: 'None'; text"),
        (b'{"id": 1, "text": "x", "negative": "y"}', "line 2: negative: 'y'; known fields: id, text, negative_prompt"),
        (b'{"id": 1, "text": "' + b"x" * MAX_LINE_BYTES + b'"}', f"at most {MAX_LINE_BYTES} bytes"),
    ],
)
def test_a_bad_line_names_line_field_value_and_limit(line: bytes, said: str) -> None:
    with pytest.raises(BadLineError) as raised:
        scored({"id": 1, "text": "a red apple"}, line)

    assert said in str(raised.value)
    assert len(str(raised.value)) < 300


def test_a_bad_line_that_is_skipped_keeps_its_place_and_its_id() -> None:
    answers = scored({"id": 1, "text": "x"}, {"id": 2, "text": 5}, b"?", {"id": 3, "text": "y"}, skip_bad=True)

    assert [answer["id"] for answer in answers] == [1, 2, None, 3]
    assert ["error" in answer for answer in answers] == [False, True, True, False]


def test_an_endless_line_is_not_read_into_memory_whole() -> None:
    data = BytesIO(b"x" * (3 * MAX_LINE_BYTES) + b"\r\nshort\nlast")

    assert [len(line) for line in lines_of(data)] == [MAX_LINE_BYTES + 1, 5, 4]


def test_answers_come_before_the_whole_file_was_read() -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield b'{"id": 1, "text": "a red apple"}'

    scoring = of_prompts(PromptScreen(prompt_plans(TERMS_ONLY)))
    answers = score_lines(endless(), scoring, terms_policy())  # type: ignore[arg-type]

    assert next(answers)["verdict"] == "allow"
    assert taken <= 2 * scoring.batch


def test_the_tally_counts_scored_bad_and_unscreened() -> None:
    tally = Tally()
    scoring = of_prompts(PromptScreen(prompt_plans(TERMS_ONLY)))
    lines = [b'{"id": 1, "text": "a red apple"}', b"?", b'{"id": 2, "text": "a red\\u0007 apple"}']

    list(score_lines(lines, scoring, terms_policy(), skip_bad=True, tally=tally))

    assert (tally.scored, tally.bad, tally.unscreened) == (2, 1, 1)


def picture(folder: Path, name: str, *, size: tuple[int, int] = (SIDE_PX, SIDE_PX), **saved: object) -> Path:
    path = folder / name
    Image.fromarray(np.full((size[1], size[0], 3), 90, dtype=np.uint8)).save(path, **saved)  # type: ignore[arg-type]
    return path


def scored_images(folder: Path, *paths: str) -> Sequence[dict[str, object]]:
    scoring = of_images(ImageScreen(image_plans({"image": [{"family": "opennsfw"}]})), folder=folder)
    lines = [json.dumps({"id": path, "path": path}).encode() for path in paths]
    return list(score_lines(lines, scoring, default_policy(), skip_bad=True, detail=True))


def test_png_jpeg_and_webp_are_looked_at_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg", "c.webp", "d.bmp"):
        picture(tmp_path, name)

    answers = scored_images(tmp_path, "a.png", "b.jpg", "c.webp", "d.bmp", "missing.png")

    assert ["scores" in answer for answer in answers] == [True, True, True, False, False]
    assert "PNG, JPEG, WEBP" in str(answers[3]["error"])
    assert "line 5: path: 'missing.png'" in str(answers[4]["error"])


def test_an_assessment_names_the_hash_of_the_file_not_of_its_pixels(tmp_path: Path) -> None:
    import hashlib

    path = picture(tmp_path, "b.jpg")

    (answer,) = scored_images(tmp_path, "b.jpg")

    assert isinstance(answer["detail"], dict)
    hashes = {each["input_sha256"] for each in answer["detail"]["assessments"]}
    assert hashes == {hashlib.sha256(path.read_bytes()).hexdigest()}


def test_what_no_image_checker_looks_for_is_listed(tmp_path: Path) -> None:
    picture(tmp_path, "a.png")

    (answer,) = scored_images(tmp_path, "a.png")

    assert isinstance(answer["coverage"], dict)
    assert "violence" in answer["coverage"]["not_looked_for"]
    assert "sexual" not in answer["coverage"]["not_looked_for"]


def test_pictures_that_are_too_large_animated_or_damaged_are_bad_lines(tmp_path: Path) -> None:
    picture(tmp_path, "large.png", size=(4097, 4096))
    picture(tmp_path, "moving.webp", save_all=True, append_images=[Image.new("RGB", (SIDE_PX, SIDE_PX), "white")])
    whole = picture(tmp_path, "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])

    large, moving, half = scored_images(tmp_path, "large.png", "moving.webp", "half.jpg")

    assert "4097x4096 pixels; at most 16777216 pixels" in str(large["error"])
    assert "frames" in str(moving["error"])
    assert "not a readable" in str(half["error"])
