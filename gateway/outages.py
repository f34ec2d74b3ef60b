"""Which of Django's database errors say that the database is away, and nothing about the row that was worked on."""

from django.db import InterfaceError, OperationalError

OUTAGES = (OperationalError, InterfaceError)
