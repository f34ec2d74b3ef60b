"""From an entry of the registry to a model that the engine can drive."""

from gateway.engine.hub import Model
from gateway.engine.registry import ModelSpec
from gateway.engine.test_card import TestCardModel


def load(spec: ModelSpec, *, device: str = "auto", threads: int = 0, allow_hub: bool = False) -> Model:
    """Load a model, ready to draw.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto`: cuda where there is one.
        threads: of the CPU's arithmetic; 0 for as many as this process may use.
        allow_hub: whether a hub id may be downloaded; otherwise it must be in the cache of this machine.

    Raises:
        ModelError: the weights are missing, are not safetensors, or are not what the entry says.
    """
    if spec.family == "test-card":
        return TestCardModel(spec)
    from gateway.engine.pipelines import load_pipeline

    return load_pipeline(spec, device=device, threads=threads, allow_hub=allow_hub)
