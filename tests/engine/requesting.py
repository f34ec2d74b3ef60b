"""Short ways to ask an engine for pictures."""

from collections.abc import Iterable
from typing import Any

from gateway.engine.engine import Engine
from gateway.engine.requests import ImageRequest, ImageResult

PLAIN = ImageRequest(
    id="one", prompt="a red kite", negative_prompt="", seed=1, width=32, height=32, steps=3, guidance_scale=3.0
)


def ask_for(request_id: str, **changes: Any) -> ImageRequest:
    fields = {name: getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__} | {"id": request_id}
    return ImageRequest(**fields | changes)


def draw_together(engine: Engine, requests: Iterable[ImageRequest]) -> dict[str, ImageResult]:
    """Results by id of requests that enter one batch, in which there is room for them all."""
    for request in requests:
        engine.submit(request)
    return run_to_end(engine)


def run_to_end(engine: Engine) -> dict[str, ImageResult]:
    results = {}
    while engine.active:
        results |= {result.id: result for result in engine.step()}
    return results
