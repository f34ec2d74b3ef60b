"""The benchmark of the desk runs: both arms commit by key in a browser and reach the next case."""

import subprocess
import sys

import pytest

from tests.browser.door import chromium

pytestmark = pytest.mark.browser


def test_the_quick_run_measures_both_arms() -> None:
    with chromium():
        pass  # without one: skipped here, a failure in CI
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.review_desk", "--quick"],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for arm in ("swapped", "loaded"):
        assert f"\n{arm}" in f"\n{ran.stdout}"
