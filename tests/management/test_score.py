"""`manage.py score` on a checkout with nothing configured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TERMS_ONLY = json.dumps({"prompt": [{"family": "terms"}]})


def score(*arguments: str | Path, stdin: bytes = b"", state: Path) -> subprocess.CompletedProcess[bytes]:
    """The command in an environment that says nothing but where no state folder is."""
    command = [sys.executable, CHECKOUT / "manage.py", "score", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, check=False, env={"IMPRIMATUR_STATE": str(state)}, timeout=120
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checkers.json").write_text(TERMS_ONLY)
    return tmp_path


def test_prompts_are_scored_without_state_secrets_or_services(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": 1, "text": "a red apple"}\n{"id": 2, "text": "a nude statue"}\n')

    ran = score("prompts", "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl", state=tmp_path / "no")

    assert ran.returncode == 0, ran.stderr
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [answer["verdict"] for answer in answers] == ["allow", "hold"]
    assert set(answers[0]) == {"id", "scores", "verdict", "coverage"}
    assert b"2 scored, 0 of them unscreened, 0 bad lines" in ran.stderr
    assert not (tmp_path / "no").exists()


def test_a_bad_line_ends_it_with_two_and_leaves_the_old_output(folder: Path) -> None:
    (folder / "out.jsonl").write_text("the old one")

    ran = score(
        "prompts", "--checkers", folder / "checkers.json", "--input", "-", "--output", folder / "out.jsonl",
        stdin=b'{"id": 1, "text": "a red apple"}\n{"id": 2}\n', state=folder,
    )  # fmt: skip

    assert ran.returncode == 2
    assert ran.stderr == b"score: line 2: text: 'None'; text of at least 1 character\n"
    assert (folder / "out.jsonl").read_text() == "the old one"
    assert sorted(path.name for path in folder.iterdir()) == ["checkers.json", "out.jsonl"]


def test_standard_output_carries_the_answers_alone(folder: Path) -> None:
    ran = score(
        "prompts", "--checkers", folder / "checkers.json", "--input", "-", "--output", "-", "--skip-bad",
        stdin='{"id": "ä", "text": "a red apple"}\n?\n'.encode(), state=folder,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    first, second = (json.loads(line) for line in ran.stdout.splitlines())
    assert first["id"] == "ä"
    assert second == {"id": None, "error": "line 2: line: '?'; one JSON object in UTF-8"}


@pytest.mark.parametrize(
    ("option", "content", "named"),
    [
        ("--checkers", "{", b"not JSON"),
        ("--checkers", '{"prompt": []}', b"prompt: "),
        ("--checkers", '{"prompt": [{"family": "magic"}]}', b"prompt[0].family"),
        ("--policy", "{}", b"version"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_before_anything_is_scored(
    folder: Path, option: str, content: str, named: bytes
) -> None:
    (folder / "wrong.json").write_text(content)

    ran = score("prompts", option, folder / "wrong.json", "--input", "-", "--output", "-", state=folder)

    assert ran.returncode == 2
    assert ran.stdout == b""
    assert named in ran.stderr
