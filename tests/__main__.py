"""`make test`: every check there is, in the order of what fails fastest. `--only NAME` does those of that group.

The one list of checks: the Makefile and continuous integration run this. Chromium, which pip cannot bring, is used
where it is found, else installed where this account may, else named; in continuous integration (CI is set) its
absence fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.environment import Environment

CHECKOUT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(sys.executable).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Check:
    """One command, and the group it belongs to."""

    name: str
    group: str
    command: tuple[str, ...]
    needs_settings: bool = False

    def run(self, environment: dict[str, str]) -> bool:
        """Whether it passed; its output goes to the terminal."""
        tell(f"--- {self.name}")
        program, *arguments = self.command
        began = time.monotonic()
        done = subprocess.run([PROGRAMS / program, *arguments], cwd=CHECKOUT, env=environment, check=False)
        tell(f"--- {self.name}: {'passed' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s")
        return done.returncode == 0


CHECKS = (
    Check("format", "lint", ("ruff", "format", "--check", "-q", ".")),
    Check("lint", "lint", ("ruff", "check", "-q", ".")),
    Check("imports", "lint", ("lint-imports", "--no-cache"), needs_settings=True),
    Check("types", "lint", ("mypy",), needs_settings=True),
    Check("tests", "tests", ("pytest", "-m", "not browser and not faults")),
    Check("browser", "browser", ("pytest", "-m", "browser")),
    Check("faults", "faults", ("pytest", "-m", "faults")),
)


def main(arguments: Sequence[str]) -> int:
    """Run the checks; 0 when all passed."""
    parser = argparse.ArgumentParser(prog="python -m tests", description="Every check there is.")
    parser.add_argument("--only", choices=list(dict.fromkeys(check.group for check in CHECKS)))
    options = parser.parse_args(arguments)
    environment = dict(os.environ)
    of_tests = Environment()
    checks = [check for check in CHECKS if options.only in (None, check.group)]
    problem = None
    if any(check.group == "browser" for check in checks):
        environment["CHROMIUM"] = chromium()
        if not environment["CHROMIUM"]:
            problem = "no Chromium here and no right to install one: install the package 'chromium' to run these tests"
            tell(f"--- browser: SKIPPED, {problem}")
            checks = [check for check in checks if check.group != "browser"]
    with_settings = {**environment, **of_tests.of("people")}  # for the tools that read Django's settings
    failed = [check.name for check in checks if not check.run(with_settings if check.needs_settings else environment)]
    if problem is not None and "CI" in environment:
        failed.append("browser")
    tell(f"failed: {', '.join(failed)}" if failed else "all passed" + (f", except: {problem}" if problem else ""))
    return 1 if failed else 0


def chromium() -> str:
    """The path of a Chromium, installed now if need be and allowed; empty where there is none."""
    if found := _find_chromium():
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return ""
    tell("--- browser: installing Chromium")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"],
    ):
        if subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            return ""
    return _find_chromium()


def tell(text: str) -> None:
    """Print in order with what the checks print themselves."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _find_chromium() -> str:
    if named := os.environ.get("CHROMIUM"):
        return named
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    downloaded = sorted(Path.home().glob(".cache/ms-playwright/chromium-*/chrome-linux*/chrome"))
    return str(downloaded[-1]) if downloaded else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
