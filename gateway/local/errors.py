"""The one error of this package: what a person has to put right."""


class LocalServiceError(Exception):
    """Something on this machine keeps a service from running; the message says what, and what to do about it."""
