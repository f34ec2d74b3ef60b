"""Settings: read from the given environment and nowhere else; a wrong or misspelled one stops the start."""

import pytest

from gateway.configuration import ConfigurationError, read

ENOUGH = {
    "IMPRIMATUR_PROCESS": "generation",
    "DATABASE_URL_GENERATION": "postgresql://generation@/db",
    "CELERY_BROKER_URL": "redis://broker",
    "QUARANTINE_URL": "file:///quarantine",
    "RELEASED_URL": "file:///released",
    "IMPRIMATUR_SECRET_KEY_FILE": "/secrets/key",
}


def test_a_process_gets_the_database_of_its_own_role() -> None:
    configuration = read({**ENOUGH, "DATABASE_URL_PEOPLE": "postgresql://people@/db"})

    assert configuration.database_url == "postgresql://generation@/db"


@pytest.mark.parametrize("variable", sorted(ENOUGH))
def test_what_is_missing_is_named(variable: str) -> None:
    environment = {name: value for name, value in ENOUGH.items() if name != variable}

    with pytest.raises(ConfigurationError, match=variable):
        read(environment)


@pytest.mark.parametrize(
    "variable", ["IMPRIMATUR_LEASE", "IMPRIMATUR_PORT", "IMPRIMATUR_DATABASE_URL", "DATABASE_URL_ROOT"]
)
def test_a_misspelled_setting_stops_the_start(variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        read({**ENOUGH, variable: "1"})


@pytest.mark.parametrize(("variable", "value"), [("PORT", "0"), ("PORT", "http"), ("IMPRIMATUR_LEASE_S", "0.9")])
def test_a_value_out_of_its_range_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        read({**ENOUGH, variable: value})


def test_the_given_environment_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPRIMATUR_API_KEY_PEPPER_FILE", "/of/another/process")
    monkeypatch.setenv("IMPRIMATUR_LEASE_S", "3")

    configuration = read(ENOUGH)

    assert configuration.api_key_pepper_file is None
    assert configuration.lease_s == 60.0
