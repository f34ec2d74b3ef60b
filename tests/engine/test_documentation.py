"""docs/engine.md says what the engine does: its examples run, its tables are complete."""

import re
from pathlib import Path
from typing import Any

from gateway.engine import registry
from gateway.engine.registry import load_registry
from gateway.engine.requests import EngineError

PAGE = (Path(__file__).parents[2] / "docs" / "engine.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_at_the_prompt_draws_a_picture() -> None:
    names: dict[str, Any] = {}

    exec(block("python"), names)

    assert names["pictures"]["one"].startswith(b"\x89PNG")


def test_the_models_file_of_the_page_is_read(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text(block("json"))

    assert {"house-style", "slow-card"} <= load_registry(file).keys()


def test_every_error_code_family_and_module_is_on_the_page() -> None:
    codes = {EngineError.code} | {error.code for error in EngineError.__subclasses__()}
    modules = {file.name for file in Path(registry.__file__).parent.glob("*.py")} - {"__init__.py"}

    missing = [word for word in sorted(codes | modules | set(registry.FAMILIES)) if f"`{word}`" not in PAGE]

    assert missing == []
