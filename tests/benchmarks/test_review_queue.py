"""The benchmark of claims runs, and among 32 people nobody gets another's case."""

import subprocess
import sys


def test_the_quick_run_measures_every_arm_and_gives_no_case_twice() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.review_queue", "--quick"],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for arm in ("most urgent", "oldest", "queues page", "one statement", "check, then insert", "row walk"):
        assert f"\n{arm}" in f"\n{ran.stdout}"
