"""The story of `make demo`, told by running doors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import CHECKOUT, Stack


@pytest.mark.faults
def test_the_demo_tells_its_story_and_leaves_pictures_log_and_page(stack: Stack, tmp_path: Path) -> None:
    environment = {**os.environ, "IMPRIMATUR_STATE": str(stack.state.folder)}

    told = subprocess.run(
        [sys.executable, "manage.py", "demo", "--folder", str(tmp_path)],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert {path.name.split(".")[0] for path in tmp_path.iterdir()} == {
        "1-released", "2-held-then-released", "audit", "index",
    }  # fmt: skip
    assert "Each change" in told.stdout


@pytest.mark.faults
def test_the_desk_is_filled_through_the_doors_and_shared_out_to_queues(stack: Stack) -> None:
    environment = {**os.environ, "IMPRIMATUR_STATE": str(stack.state.folder)}

    told = subprocess.run(
        [sys.executable, "manage.py", "demo", "--review", "12"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert told.returncode == 0, told.stdout + told.stderr
    rows = stack.rows(
        "SELECT q.name, count(*) AS cases FROM review_case c JOIN queue q ON q.id = c.queue_id GROUP BY 1"
    )
    waiting = {row["name"]: row["cases"] for row in rows}
    assert {"default", "prompts", "unscreened"} <= set(waiting)
    assert sum(waiting.values()) >= 12


@pytest.mark.faults
def test_the_demo_fails_and_says_so_where_nothing_runs(tmp_path: Path) -> None:
    environment = {**os.environ, "IMPRIMATUR_STATE": str(tmp_path)}

    told = subprocess.run(
        [sys.executable, "manage.py", "demo", "--folder", str(tmp_path / "demo")],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert told.returncode != 0
    assert "make run" in told.stderr
