"""Evaluating: what the report and its numbers say, of checkers that are quick and known to the letter."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from moderation.evaluation.evaluate import main
from moderation.evaluation.runs import WORST, Setup, run, scores_by_checker
from moderation.evaluation.sets import Item, LabelledSet, SetSpec
from tests.moderation.evaluation.test_scoring import terms_policy

HARMFUL = ["a nude statue", "IMPRIMATUR-TEST-PROMPT-BLOCK", "a quiet lake"]
HARMLESS = ["a red apple", "nude lipstick, product photo", "a boat on a lake", "a red\x07 apple"]
PROMPTS = [(text, "1") for text in HARMFUL] + [(text, "0") for text in HARMLESS]


def written(folder: Path) -> Path:
    """A folder with labelled prompts, checkers that are word lists alone, and a policy that requires no others."""
    lines = [{"prompt": text, "harm": harm, "kind": "sexual", "lang": "en", "who": "us"} for text, harm in PROMPTS]
    (folder / "prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "terms.json").write_text('{"prompt": [{"family": "terms"}]}')
    (folder / "policy.json").write_text(json.dumps(terms_policy().document))
    return folder


def evaluate(folder: Path, *more: str, name: str = "report") -> tuple[str, dict[str, Any]]:
    """The page and the numbers of a run over those prompts."""
    status = main([
        "--data", str(folder / "prompts.jsonl"), "--text", "prompt", "--label", "harm", "--category", "kind",
        "--language", "lang", "--group", "who", "--checkers", str(folder / "terms.json"), "--policy",
        str(folder / "policy.json"), "--output", str(folder / f"{name}.md"), "--json", str(folder / f"{name}.json"),
        "--no-latency", *more,
    ])  # fmt: skip
    assert status == 0
    return (folder / f"{name}.md").read_text(), json.loads((folder / f"{name}.json").read_text())


def test_the_numbers_count_what_the_policy_and_each_checker_said(tmp_path: Path) -> None:
    _, numbers = evaluate(written(tmp_path))

    (found,) = numbers["sets"]
    verdicts = {each["side"]: each for each in found["verdicts"]}
    assert (found["harmful"], found["harmless"]) == (3, 4)
    assert verdicts["harmful"]["allow"] == pytest.approx(1 / 3, abs=1e-6)
    assert verdicts["harmful"]["block"] == pytest.approx(1 / 3, abs=1e-6)
    assert verdicts["harmless"]["only_unjudged"] == 0.25
    (comparison,) = numbers["comparisons"]
    assert (comparison["harmful"], comparison["harmless"]) == (3, 3)
    (missed,) = numbers["misses"]
    assert (missed["category"], missed["harmful"], missed["missed"]) == ("sexual", 3, 1)


def test_an_input_that_a_checker_failed_at_has_no_score_and_is_counted_apart(tmp_path: Path) -> None:
    _, numbers = evaluate(written(tmp_path))

    (scorer,) = numbers["sets"][0]["scorers"]
    assert (scorer["scorer"], scorer["unanswered"]) == ("terms", 1)


def test_canaries_are_no_scorer_but_their_verdicts_count() -> None:
    item = Item("IMPRIMATUR-TEST-PROMPT-BLOCK", harmful=True)
    setup = Setup("terms", {"prompt": [{"family": "terms"}]}, terms_policy())

    found = run(setup, [LabelledSet(SetSpec("a set", path="", text="t"), (item,))], cache=None, tell=lambda _: None)

    assert found.scorers == ("terms",)
    assert found.scores("a set", "terms").tolist() == [0.0]
    assert found.answers["a set"][0].outcome == "block"


def test_the_page_has_every_section_and_every_plot_it_links(tmp_path: Path) -> None:
    page, _ = evaluate(written(tmp_path))

    for title in ("Verdicts by set", "False alarms", "AUROC", "By language", "Groups in", "Calibration", "Misses"):
        assert re.search(rf"^## .*{title}", page, re.MULTILINE), title
    linked = re.findall(r"\]\((.+\.svg)\)", page)
    assert len(linked) >= 5
    assert all((tmp_path / path).read_text().startswith("<?xml") for path in linked)


def test_no_text_is_in_report_or_numbers_unless_it_is_asked_for(tmp_path: Path) -> None:
    folder = written(tmp_path)
    silent, _ = evaluate(folder)
    quoting, _ = evaluate(folder, "--show-texts", name="quoting")

    everything = silent + (folder / "report.json").read_text()
    assert not any(text in everything for text, _ in PROMPTS)
    assert "`a quiet lake`" in quoting
    assert "a red apple" not in quoting


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        evaluate(written(tmp_path / name))

    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


def test_what_is_kept_is_not_looked_at_again_and_gives_the_same_report(tmp_path: Path, capsys: Any) -> None:
    folder = written(tmp_path)
    cache = ("--cache", str(folder / "kept"))
    first = evaluate(folder, *cache)
    capsys.readouterr()

    second = evaluate(folder, *cache)

    assert first == second
    # What a checker failed at is asked again, and nothing else.
    assert re.findall(r"\w+: \d+ of \d+", capsys.readouterr().err) == ["terms: 1 of 1"]


def test_what_is_kept_holds_no_text(tmp_path: Path) -> None:
    folder = written(tmp_path)
    evaluate(folder, "--cache", str(folder / "kept"))

    kept = (folder / "kept" / "assessments.sqlite3").read_bytes()

    assert not any(text.encode() in kept for text, _ in PROMPTS)


def test_another_policy_needs_no_new_look(tmp_path: Path, capsys: Any) -> None:
    folder = written(tmp_path)
    evaluate(folder, "--cache", str(folder / "kept"))
    document = json.loads((folder / "policy.json").read_text())
    document["rules"] = [rule for rule in document["rules"] if rule["name"] != "prompt-terms-hold"]
    (folder / "policy.json").write_text(json.dumps(document))
    capsys.readouterr()

    _, numbers = evaluate(folder, "--cache", str(folder / "kept"), name="laxer")

    assert "of 7" not in capsys.readouterr().err
    verdicts = {each["side"]: each for each in numbers["sets"][0]["verdicts"]}
    assert verdicts["harmful"]["flag"] == pytest.approx(1 / 3, abs=1e-6)


def test_several_setups_stand_side_by_side_under_their_names(tmp_path: Path) -> None:
    folder = written(tmp_path)

    page, numbers = evaluate(folder, "--checkers", f"again={folder / 'terms.json'}")

    assert [each["name"] for each in numbers["setups"]] == ["terms", "again"]
    assert "terms: terms | again: terms" in page


def test_sets_are_compared_with_the_harmless_inputs_of_others(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "bad.txt").write_text("a nude statue\n")
    (folder / "good.txt").write_text("a red apple\na boat\n")
    (folder / "suite.toml").write_text(
        '[[set]]\nname = "bad"\npath = "bad.txt"\ntext = "text"\nharmful = true\nagainst = ["good"]\n'
        '[[set]]\nname = "good"\npath = "good.txt"\ntext = "text"\nharmful = false\n'
        '[[set]]\nname = "absent"\npath = "absent.txt"\ntext = "text"\noptional = true\n'
    )

    status = main([
        "--suite", str(folder / "suite.toml"), "--folder", str(folder), "--checkers", str(folder / "terms.json"),
        "--policy", str(folder / "policy.json"), "--output", str(folder / "r.md"), "--json", str(folder / "r.json"),
    ])  # fmt: skip

    assert status == 0
    numbers = json.loads((folder / "r.json").read_text())
    (comparison,) = numbers["comparisons"]
    assert (comparison["set"], comparison["against"], comparison["auroc"][0]) == ("bad", "good", 1.0)
    *each, together = numbers["latency"]
    assert [one["checker"] for one in each] == ["canary-prompt", "terms"]
    assert together["alone_ms"] == pytest.approx(sum(one["alone_ms"] for one in each))
    assert "torch" in numbers["machine"]
    assert "absent" in (folder / "r.md").read_text()


def test_pictures_are_measured_like_prompts(tmp_path: Path) -> None:
    for name, colour in (("grey.png", "grey"), ("red.jpg", "red")):
        Image.new("RGB", (64, 64), colour).save(tmp_path / name)
    (tmp_path / "pictures.csv").write_text("file,harm\ngrey.png,0\nred.jpg,0\n")

    status = main([
        "--data", str(tmp_path / "pictures.csv"), "--image", "file", "--label", "harm", "--folder", str(tmp_path),
        "--output", str(tmp_path / "r.md"), "--json", str(tmp_path / "r.json"), "--no-latency",
    ])  # fmt: skip

    assert status == 0
    numbers = json.loads((tmp_path / "r.json").read_text())
    assert numbers["sets"][0]["harmless"] == 2
    assert {each["scorer"] for each in numbers["sets"][0]["scorers"]} >= {"opennsfw", "nsfwjs-mobilenet", WORST}


def test_a_picture_that_cannot_be_read_ends_it(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "pictures.csv").write_text("file\nmissing.png\n")

    status = main([
        "--data", str(tmp_path / "pictures.csv"), "--image", "file", "--folder", str(tmp_path), "--output",
        str(tmp_path / "r.md"),
    ])  # fmt: skip

    assert status == 2
    assert "missing.png: not readable" in capsys.readouterr().err


def test_a_checker_that_does_not_answer_is_not_measured(tmp_path: Path, capsys: Any) -> None:
    folder = written(tmp_path)
    entry = {
        "family": "transformers-text-classification", "name": "absent", "source": str(folder / "nowhere"),
        "labels": {"SAFE": None, "NSFW": "sexual"}, "activation": "softmax", "languages": ["en"],
    }  # fmt: skip
    (folder / "terms.json").write_text(json.dumps({"prompt": [entry]}))

    status = main([
        "--data", str(folder / "prompts.jsonl"), "--text", "prompt", "--checkers", str(folder / "terms.json"),
        "--output", str(folder / "r.md"),
    ])  # fmt: skip

    assert status == 2
    assert "evaluate: absent: not loaded" in capsys.readouterr().err
    assert not (folder / "r.md").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data", "missing.csv", "--text", "t"], "missing.csv"),
        (["--data", "missing.csv"], "exactly one of them"),
        (["--data", "d.csv", "--text", "t", "--policy", "other=p.json"], "the name of checkers: shipped"),
        (["--data", "d.csv", "--text", "t", "--checkers", "a.json", "--checkers", "b/a.json"], "each name once"),
        (["--decided"], "manage.py evaluate --decided"),
        (["--suite", "missing.toml"], "missing.toml"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_scored(
    tmp_path: Path, capsys: Any, options: list[str], said: str
) -> None:
    assert main([*options, "--output", str(tmp_path / "r.md")]) == 2
    assert said in capsys.readouterr().err


def test_a_checkers_scores_are_its_worst_and_none_where_it_failed_at_any_part() -> None:
    from dataclasses import replace

    from moderation.assessments import Assessment

    low = Assessment("c", "1", "", "prompt", "", "whole", {"sexual": 0.1, "hate": 0.3})
    high = replace(low, modality="negative_prompt", scores={"sexual": 0.2})
    failed = replace(low, scores={}, error="late")

    assert scores_by_checker([low, high]) == {"c": {"sexual": 0.2, "hate": 0.3}}
    assert scores_by_checker([low, failed]) == {"c": None}
    assert scores_by_checker([failed, low]) == {"c": None}
