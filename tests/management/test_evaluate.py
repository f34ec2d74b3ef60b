"""`manage.py evaluate` on a checkout with nothing configured."""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_a_report_is_made_without_state_secrets_or_services(tmp_path: Path) -> None:
    (tmp_path / "checkers.json").write_text(json.dumps({"prompt": [{"family": "terms"}]}))
    (tmp_path / "prompts.csv").write_text("prompt,harm\na nude statue,1\na red apple,0\n")
    command = [
        sys.executable, CHECKOUT / "manage.py", "evaluate", "--data", tmp_path / "prompts.csv", "--text", "prompt",
        "--label", "harm", "--checkers", tmp_path / "checkers.json", "--output", tmp_path / "report.md",
    ]  # fmt: skip

    ran = subprocess.run(
        command, capture_output=True, check=False, env={"IMPRIMATUR_STATE": str(tmp_path / "no")}, timeout=240
    )

    assert ran.returncode == 0, ran.stderr
    assert "| prompts | itself | 1 | 1 | 1.000" in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "no").exists()
