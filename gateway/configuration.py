"""What can be set from outside: each variable read once, typed; a wrong or misspelled one stops the start.

A variable holds a value or, for a secret, the path of a file that holds it. Nothing here imports Django.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

Process = Literal["clients", "people", "screening", "generation", "delivery", "sweeper", "migrator"]
PROCESSES: tuple[Process, ...] = ("clients", "people", "screening", "generation", "delivery", "sweeper", "migrator")

# Variables of ours that carry no prefix, because ARCHITECTURE or the field's habit names them so.
UNPREFIXED = {
    "port": "PORT",
    "celery_broker_url": "CELERY_BROKER_URL",
    "quarantine_url": "QUARANTINE_URL",
    "released_url": "RELEASED_URL",
}


class ConfigurationError(Exception):
    """A setting is missing, wrong or unknown; the message names it. The start stops."""


class Configuration(BaseSettings):
    """Everything an operator can set. Units are in the names."""

    model_config = SettingsConfigDict(env_prefix="IMPRIMATUR_", extra="forbid", frozen=True)

    process: Process
    database_url: str = Field(description="of this process's role, from DATABASE_URL_<ROLE>")

    # where things are
    celery_broker_url: str
    quarantine_url: str
    released_url: str
    public_url: str = "http://127.0.0.1:8000"
    people_url: str = "http://127.0.0.1:8001"
    port: int = Field(8000, ge=1, le=65534)
    bind: str = "127.0.0.1"
    allowed_hosts: str = "localhost,127.0.0.1,[::1]"

    # secrets, each in a file of its own
    secret_key_file: Path
    api_key_pepper_file: Path | None = None
    requester_key_file: Path | None = None
    quarantine_public_key_file: Path | None = None
    quarantine_private_key_file: Path | None = None
    officers_public_key_file: Path | None = None

    # what runs
    models_file: Path | None = None
    default_model: str = "pocket"
    checkers_file: Path | None = None
    policy_file: Path | None = None
    device: str = "auto"
    max_batch: int = Field(8, ge=1, le=256)
    torch_threads: int = Field(0, ge=0, le=1024, description="0: as many as there are cores")
    door_threads: int = Field(40, ge=1, le=1000)
    secure_cookies: bool = True
    demo_accounts: bool = Field(default=False, description="set by `up` alone: a database it made itself")

    # clocks, seconds
    lease_s: float = Field(60.0, ge=1.0, le=3600.0)
    heartbeat_s: float = Field(15.0, ge=0.2, le=600.0)
    no_checker_grace_s: float = Field(60.0, ge=0.5, le=3600.0)
    turn_s: float = Field(60.0, ge=1.0, le=600.0)
    sweep_s: float = Field(0.5, ge=0.05, le=10.0)
    deaf_after_s: float = Field(30.0, ge=1.0, le=600.0)
    case_lease_s: float = Field(300.0, ge=10.0, le=1800.0)
    undo_window_s: float = Field(8.0, ge=0.0, le=60.0, description="of a queue that is made new")
    generation_deadline_s: float = Field(3600.0, ge=10.0, le=7 * 86400.0)
    held_max_age_s: float = Field(7 * 86400.0, ge=60.0, le=90 * 86400.0)

    # caps
    max_unfinished: int = Field(10_000, ge=1, description="of the whole gate; an organization has its own")
    max_prompt_graphemes: int = Field(2000, ge=1, le=20_000)
    max_body_bytes: int = Field(65_536, ge=1024, le=1_048_576)
    max_images: int = Field(10, ge=1, le=100)

    # how long things are kept, days
    keep_released_days: float = Field(30.0, gt=0)
    keep_rejected_days: float = Field(7.0, gt=0)
    keep_prompts_days: float = Field(30.0, gt=0)
    keep_idempotency_keys_days: float = Field(7.0, gt=0)
    keep_orphans_days: float = Field(1.0, gt=0)


def read(environment: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration of this process.

    Raises:
        ConfigurationError: a variable is missing, out of its range, or has our prefix and is unknown.
    """
    known = {f"IMPRIMATUR_{name.upper()}" for name in Configuration.model_fields} | {
        "IMPRIMATUR_STATE",
        "IMPRIMATUR_SUPERVISED",
    }
    known |= {f"DATABASE_URL_{name.upper()}" for name in PROCESSES}
    unknown = sorted(name for name in environment if re.match(r"IMPRIMATUR_|DATABASE_URL_", name) and name not in known)
    if unknown:
        raise ConfigurationError(f"unknown setting {', '.join(unknown)}: docs/settings.md lists those there are")
    process = environment.get("IMPRIMATUR_PROCESS", "")
    values: dict[str, Any] = {
        name: environment[variable] for name, variable in UNPREFIXED.items() if variable in environment
    }
    database = f"DATABASE_URL_{process.upper()}"
    if database in environment:
        values["database_url"] = environment[database]
    try:
        return Configuration(**values)
    except ValidationError as error:
        problems = "; ".join(
            f"{_variable(str(e['loc'][0]), process)}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise ConfigurationError(problems) from None


def _variable(field: str, process: str) -> str:
    if field == "database_url":
        return f"DATABASE_URL_{process.upper()}"
    return UNPREFIXED.get(field, f"IMPRIMATUR_{field.upper()}")
