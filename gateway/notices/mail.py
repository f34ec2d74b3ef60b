"""A notice as an e-mail, through Django's mail backends: a server where one is set, else a folder of files."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from gateway.notices.rules import Notice, span

TIMEOUT_S = 10  # of each answer of the server
FAILURES = (smtplib.SMTPException, OSError)


def is_set_up() -> bool:
    """Whether e-mail goes anywhere from here."""
    return settings.CONFIGURATION.email_host is not None or settings.CONFIGURATION.email_folder is not None


def send(notice: Notice, *, to: str) -> None:
    """Hand the notice to the mail server.

    Raises:
        SMTPException, OSError: it was not taken.
    """
    compose(notice, to=to).send()


def compose(notice: Notice, *, to: str) -> EmailMessage:
    """The message, in plain text. Names of queues stand in its body alone."""
    people_url = settings.CONFIGURATION.people_url.rstrip("/")
    lines = [f"  {each.queue}: {each.depth}, the oldest for {span(each.oldest_s)}" for each in notice.waiting]
    body = "\n".join(
        [
            f"{count(notice)} for a person:",
            "",
            *lines,
            "",
            f"{people_url}/review/",
            "",
            "You asked to be told. To be told less, or no more:",
            f"{people_url}/review/settings/notices",
            "",
        ]
    )
    return EmailMessage(
        f"Imprimatur: {count(notice)}",
        body,
        settings.CONFIGURATION.email_from,
        [to],
        connection=_backend(),
        headers={"Auto-Submitted": "auto-generated"},
    )


def count(notice: Notice) -> str:
    return "1 case waits" if notice.depth == 1 else f"{notice.depth} cases wait"


def _backend() -> BaseEmailBackend:
    configuration = settings.CONFIGURATION
    if configuration.email_host is None:
        return get_connection(
            "django.core.mail.backends.filebased.EmailBackend", file_path=str(configuration.email_folder)
        )
    password_file = configuration.email_password_file
    return get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=configuration.email_host,
        port=configuration.email_port,
        username=configuration.email_user or "",
        password=password_file.read_text().strip() if password_file else "",
        use_tls=configuration.email_security == "starttls",
        use_ssl=configuration.email_security == "tls",
        timeout=TIMEOUT_S,
    )
