"""What an operator's files say: checkers and policy, read as the gate reads them."""

import json
from collections.abc import Mapping
from pathlib import Path

from moderation.hub.classifier_settings import CheckerConfigurationError
from moderation.policy import Policy, default_policy


def checkers_document(path: Path | None) -> Mapping[str, object] | None:
    """The document of a checkers file; None, which means those that ship, for None.

    Raises:
        CheckerConfigurationError: not one JSON object.
        OSError: not readable.
    """
    if path is None:
        return None
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        raise CheckerConfigurationError(str(path), "not JSON", "one JSON object") from None
    if not isinstance(document, dict):
        raise CheckerConfigurationError(str(path), document, "one JSON object")
    return document


def policy_of(path: Path | None) -> Policy:
    """The policy of a file; the one that ships for None.

    Raises:
        PolicyError: names the field, its value and what is allowed.
        OSError: not readable.
    """
    return default_policy() if path is None else Policy.parse(path.read_bytes())
