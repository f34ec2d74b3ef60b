"""Which models this gate offers and which one a request gets that names none. Without torch: both doors read it."""

from functools import cache

from django.conf import settings

from gateway.engine.registry import ModelSpec, checkpoint_spec, load_registry


@cache
def registry() -> dict[str, ModelSpec]:
    """Every model that can be asked for, by name; read once.

    Raises:
        RegistryError: IMPRIMATUR_MODELS_FILE or IMPRIMATUR_MODEL is wrong; the start stops.
    """
    configuration = settings.CONFIGURATION
    models = load_registry(configuration.models_file)
    if configuration.model:
        spec = checkpoint_spec(configuration.model)
        models[spec.name] = spec
    return models


def default_model() -> str:
    """The configured default, else the one checkpoint that IMPRIMATUR_MODEL names, else the pocket model."""
    configuration = settings.CONFIGURATION
    if configuration.default_model:
        return str(configuration.default_model)
    return checkpoint_spec(configuration.model).name if configuration.model else "pocket"
