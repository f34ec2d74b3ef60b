"""What can be set from outside: each variable read once, typed; a wrong or misspelled one stops the start.

A variable holds a value or, for a secret, the path of a file that holds it. Nothing here imports Django.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Process = Literal["clients", "people", "screening", "generation", "delivery", "sweeper", "migrator"]
PROCESSES: tuple[Process, ...] = ("clients", "people", "screening", "generation", "delivery", "sweeper", "migrator")

# Variables of ours that carry no prefix, because ARCHITECTURE or the field's habit names them so.
UNPREFIXED = {
    "port": "PORT",
    "celery_broker_url": "CELERY_BROKER_URL",
    "quarantine_url": "QUARANTINE_URL",
    "released_url": "RELEASED_URL",
}

# Read by gateway/local alone: where the state folder lies, and the mark of what `up` started.
OF_THE_LOCAL_STATE = ("IMPRIMATUR_STATE", "IMPRIMATUR_SUPERVISED")


class ConfigurationError(Exception):
    """A setting is missing, wrong or unknown; the message names it. The start stops."""


class Configuration(BaseModel):
    """Everything an operator can set. Units are in the names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    process: Process = Field(description="which process this is; set by the command")
    database_url: str = Field(description="of this process's role, from DATABASE_URL_<ROLE>")

    # where things are
    celery_broker_url: str = Field(
        description="the broker: `redis://`, `rediss://`, `redis+socket://` or `amqp://`; embedded where not set"
    )
    quarantine_url: str = Field(
        description="where masters lie: `file:///folder` or `s3://bucket/prefix`; embedded where not set"
    )
    released_url: str = Field(
        description="where published files lie, likewise; another bucket and credential than quarantine's"
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="how clients reach the clients' door; links in answers begin with it"
    )
    people_url: str = Field("http://127.0.0.1:8001", description="how people reach the people's door")
    port: int = Field(8000, ge=1, le=65534, description="the clients' port; the people's is the next")
    bind: str = Field("127.0.0.1", description="the address that the doors listen on")
    allowed_hosts: str = Field(
        "localhost,127.0.0.1,[::1]", description="host names that the doors answer to, with commas between"
    )

    # secrets, each in a file of its own
    secret_key_file: Path = Field(description="file with Django's secret key")
    api_key_pepper_file: Path | None = Field(
        None, description="file with the key under which API keys are hashed; losing it voids every API key"
    )
    requester_key_file: Path | None = Field(
        None, description="file with the key under which requesters are made pseudonymous"
    )
    quarantine_public_key_file: Path | None = Field(None, description="public key that masters are encrypted for")
    quarantine_private_key_file: Path | None = Field(
        None,
        description="its private half, for people's door, screening and delivery; losing it loses what is unreleased",
    )
    officers_public_key_file: Path | None = Field(
        None, description="public key that sealed work is encrypted for; its private half belongs to the officers alone"
    )

    # what runs
    models_file: Path | None = Field(None, description="JSON file that adds models (docs/engine.md)")
    model: str | None = Field(
        None, description="a Stable Diffusion checkpoint: a folder, or `owner/name@commit` of the hub, 40 hex digits"
    )
    default_model: str | None = Field(
        None, description="the model of a request that names none: else that of `IMPRIMATUR_MODEL`, else `pocket`"
    )
    allow_hub: bool = Field(default=False, description="whether a generation worker may download from the hub")
    checkers_file: Path | None = Field(None, description="JSON file that chooses checkers (docs/checkers.md)")
    policy_file: Path | None = Field(None, description="JSON file with the policy (docs/checkers.md)")
    device: str = Field("auto", description="where models run: `auto`, `cpu`, `cuda`, `cuda:1`")
    max_batch: int = Field(8, ge=1, le=256, description="most pictures in one denoising batch")
    torch_threads: int = Field(
        0, ge=0, le=1024, description="threads of one worker's arithmetic; 0: as many as there are cores"
    )
    door_threads: int = Field(40, ge=1, le=1000, description="requests that a door answers at once")
    secure_cookies: bool = Field(
        default=True, description="whether the people's cookies need HTTPS; false only on one machine"
    )
    demo_accounts: bool = Field(default=False, description="set by `up` alone, for a database that it made itself")

    # clocks, seconds
    lease_s: float = Field(
        60.0, ge=1.0, le=3600.0, description="how long a claimed row is a worker's without a beat; at least three beats"
    )
    heartbeat_s: float = Field(
        15.0, ge=0.2, le=600.0, description="how often a worker says that it lives and renews its leases"
    )
    self_test_every_s: float = Field(
        180.0, ge=0.2, le=3600.0, description="how often a screening worker tries its checkers on their canaries"
    )
    no_checker_grace_s: float = Field(
        60.0, ge=0.5, le=3600.0, description="how long without a living checker before a person is asked instead"
    )
    turn_s: float = Field(
        60.0, ge=1.0, le=600.0, description="how long a worker works on one nudge before it asks for the next"
    )
    sweep_s: float = Field(0.5, ge=0.05, le=10.0, description="how often the sweeper goes round")
    deaf_after_s: float = Field(
        30.0, ge=1.0, le=600.0, description="how long work may wait for a worker that takes none before it ends itself"
    )
    case_lease_s: float = Field(
        300.0, ge=10.0, le=1800.0, description="how long a claim on a case lasts without a sign of life"
    )
    undo_window_s: float = Field(
        8.0, ge=0.0, le=60.0, description="how long a decision can be taken back, of a queue that is made new"
    )
    generation_deadline_s: float = Field(
        3600.0,
        ge=10.0,
        le=7 * 86400.0,
        description="how long a generation may take to be made; what is not made then is `expired`",
    )
    held_max_age_s: float = Field(
        7 * 86400.0,
        ge=60.0,
        le=90 * 86400.0,
        description="how long something may wait for a person; it is `expired` then, never released",
    )

    sealed_open_s: float = Field(
        600.0, ge=60.0, le=3600.0, description="how long an officer may look at what is sealed once another agreed"
    )

    # caps
    max_unfinished: int = Field(
        10_000, ge=1, description="unfinished generations of the whole gate; an organization has a limit of its own"
    )
    max_prompt_graphemes: int = Field(
        2000, ge=1, le=20_000, description="longest prompt, in what a reader would call characters"
    )
    max_body_bytes: int = Field(65_536, ge=1024, le=1_048_576, description="largest request body")
    max_images: int = Field(10, ge=1, le=100, description="most images of one request")

    # review
    oldest_share: float = Field(
        0.2, ge=0.0, le=1.0, description="which part of the claims takes the case held longest, whatever its priority"
    )

    # care for reviewers: a person may make each stricter for themselves, never looser
    blur_columns: int = Field(
        16, ge=4, le=32, description="detail left in a blurred form, in columns across the picture; fewer is blurrier"
    )
    derivative_px: int = Field(
        512, ge=128, le=512, description="width of a blurred form; of severe or unscreened pictures it is 128"
    )
    grey_first: bool = Field(default=True, description="whether a clear form is grey until its person asks for colour")
    break_suggested_s: int = Field(1500, ge=60, le=14_400, description="work until a break is suggested")
    break_required_s: int = Field(3600, ge=120, le=14_400, description="work until a break is required: no new case")
    break_s: int = Field(300, ge=60, le=3600, description="how long without work counts as a break")
    severe_per_day_s: int = Field(
        7200, ge=0, le=28_800, description="most time a day (UTC) at severe cases before none is offered"
    )
    severe_in_a_row: int = Field(3, ge=1, le=100, description="severe cases in a row, then others first if any wait")
    clear_looks_per_day: int | None = Field(
        None, ge=0, le=100_000, description="most clear looks of one person a day (UTC); no limit where not set"
    )
    support_text: str = Field(
        "", max_length=2000, description="shown on the break page: whom a reviewer can turn to, in your words"
    )

    # telling people that work waits
    email_host: str | None = Field(None, description="the mail server; without one no e-mail leaves")
    email_port: int = Field(587, ge=1, le=65535, description="its port")
    email_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="how the way to it is encrypted: `starttls`, `tls` (from the first byte, port 465), `none`",
    )
    email_user: str | None = Field(None, description="who signs in there; nobody where not set")
    email_password_file: Path | None = Field(None, description="file with that user's password, for the sweepers alone")
    email_from: str = Field("imprimatur@localhost", min_length=3, description="the sender of e-mails")
    email_folder: Path | None = Field(
        None, description="without a mail server: the folder where each e-mail becomes a file; `up` sets it"
    )
    notice_webhook_url: str | None = Field(
        None, description="the https URL that the sweepers tell of waiting work; none where not set"
    )
    notice_webhook_secret_file: Path | None = Field(
        None, description="file with the secret that signs this: `whsec_` and the base64 of 24 to 64 bytes"
    )
    notice_webhook_every_s: int = Field(1800, ge=60, le=86_400, description="one notice in this time, at most")
    notice_webhook_waits_s: int = Field(
        0, ge=0, le=604_800, description="only when something has waited for this long in a queue"
    )
    notice_webhook_private: bool = Field(
        default=False, description="whether that URL may lead into a private network, and be plain HTTP"
    )

    # how long things are kept, days
    keep_released_days: float = Field(30.0, gt=0, description="how long released pictures and their masters are kept")
    keep_rejected_days: float = Field(
        7.0, gt=0, description="how long the bytes of what was not released are kept; their hash stays"
    )
    keep_prompts_days: float = Field(30.0, gt=0, description="how long the words of a finished generation are kept")
    keep_idempotency_keys_days: float = Field(
        7.0, gt=0, description="how long a retry with the same key finds its generation"
    )
    keep_orphans_days: float = Field(1.0, gt=0, description="how long blobs of given-up attempts are kept")

    @model_validator(mode="after")
    def _goes_together(self) -> "Configuration":
        """Settings that mean nothing, or harm, without one another."""
        if self.email_user is not None and (self.email_password_file is None or self.email_security == "none"):
            raise ValueError("IMPRIMATUR_EMAIL_USER needs IMPRIMATUR_EMAIL_PASSWORD_FILE and an encrypted way")
        if self.notice_webhook_url is not None and self.notice_webhook_secret_file is None:
            raise ValueError("IMPRIMATUR_NOTICE_WEBHOOK_URL needs IMPRIMATUR_NOTICE_WEBHOOK_SECRET_FILE")
        return self


def read(environment: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration of this process.

    Raises:
        ConfigurationError: a variable is missing, out of its range, or has our prefix and is unknown.
    """
    process = environment.get("IMPRIMATUR_PROCESS", "")
    if process not in PROCESSES:
        raise ConfigurationError(f"IMPRIMATUR_PROCESS is {process!r}: one of {', '.join(PROCESSES)}")
    variables = {field: _variable(field, process) for field in Configuration.model_fields}
    known = {*variables.values(), *(f"DATABASE_URL_{name.upper()}" for name in PROCESSES), *OF_THE_LOCAL_STATE}
    unknown = sorted(name for name in environment if re.match(r"IMPRIMATUR_|DATABASE_URL_", name) and name not in known)
    if unknown:
        raise ConfigurationError(f"unknown setting {', '.join(unknown)}: docs/settings.md lists those there are")
    values: dict[str, Any] = {
        field: environment[variable] for field, variable in variables.items() if variable in environment
    }
    try:
        return Configuration(**values)
    except ValidationError as error:
        problems = "; ".join(
            f"{_variable(str(e['loc'][0]), process)}: {e['msg']}" if e["loc"] else e["msg"]
            for e in error.errors(include_input=False)
        )
        raise ConfigurationError(problems) from None


def _variable(field: str, process: str) -> str:
    if field == "database_url":
        return f"DATABASE_URL_{process.upper()}"
    return UNPREFIXED.get(field, f"IMPRIMATUR_{field.upper()}")
