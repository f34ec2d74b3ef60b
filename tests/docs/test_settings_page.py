"""docs/settings.md and the code name the same settings."""

import re
from pathlib import Path

import pytest

from gateway.configuration import PROCESSES, UNPREFIXED, Configuration, ConfigurationError, read

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
OF_A_LOCAL_START = {"IMPRIMATUR_STATE"}


def variables() -> set[str]:
    fields = set(Configuration.model_fields) - {"database_url"}
    return {UNPREFIXED.get(name, f"IMPRIMATUR_{name.upper()}") for name in fields} | {
        f"DATABASE_URL_{process.upper()}" for process in PROCESSES
    }


def test_every_setting_stands_on_the_page() -> None:
    assert {name for name in variables() if f"`{name}`" not in PAGE} == set()


def test_every_setting_of_the_page_exists() -> None:
    named = set(re.findall(r"`((?:IMPRIMATUR|DATABASE_URL)_[A-Z_]+)`", PAGE))

    assert named - variables() - OF_A_LOCAL_START == set()


GOOD = {
    "IMPRIMATUR_PROCESS": "clients",
    "DATABASE_URL_CLIENTS": "postgresql://clients@/imprimatur",
    "CELERY_BROKER_URL": "redis://",
    "QUARANTINE_URL": "file:///q",
    "RELEASED_URL": "file:///r",
    "IMPRIMATUR_SECRET_KEY_FILE": "/secret",
}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"IMPRIMATUR_LEASE_SECONDS": "60"}, "IMPRIMATUR_LEASE_SECONDS"),
        ({"DATABASE_URL_WEB": "postgresql://"}, "DATABASE_URL_WEB"),
    ],
)
def test_a_misspelled_setting_stops_the_start(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        read({**GOOD, **changes})


def test_a_value_out_of_range_stops_the_start_and_is_named() -> None:
    with pytest.raises(ConfigurationError, match="IMPRIMATUR_LEASE_S"):
        read({**GOOD, "IMPRIMATUR_LEASE_S": "0"})


@pytest.mark.parametrize(
    ("alone", "lacks"),
    [
        ({"IMPRIMATUR_EMAIL_USER": "gate"}, "IMPRIMATUR_EMAIL_PASSWORD_FILE"),
        (
            {
                "IMPRIMATUR_EMAIL_USER": "gate",
                "IMPRIMATUR_EMAIL_PASSWORD_FILE": "/password",
                "IMPRIMATUR_EMAIL_SECURITY": "none",
            },
            "an encrypted way",
        ),
        ({"IMPRIMATUR_NOTICE_WEBHOOK_URL": "https://example.com"}, "IMPRIMATUR_NOTICE_WEBHOOK_SECRET_FILE"),
    ],
)
def test_a_setting_without_what_it_needs_stops_the_start(alone: dict[str, str], lacks: str) -> None:
    with pytest.raises(ConfigurationError, match=lacks):
        read({**GOOD, **alone})


def test_a_missing_setting_is_named() -> None:
    environment = {name: value for name, value in GOOD.items() if name != "DATABASE_URL_CLIENTS"}

    with pytest.raises(ConfigurationError, match="DATABASE_URL_CLIENTS"):
        read(environment)
