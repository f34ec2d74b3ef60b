"""`manage.py migrate`: Django's, then the rights of every role and the audit log's next months."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection

from gateway import rights


class Command(migrate.Command):
    help = "Migrate the record, apply gateway/rights.py, make the audit log's next months. Runs as the migrator."

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[*rights.ROLES, rights.OWNER]])
            missing = {*rights.ROLES, rights.OWNER} - {row[0] for row in cursor.fetchall()}
        if missing:
            raise CommandError(
                f"roles missing in this cluster: {', '.join(sorted(missing))}; run prepare_database first"
            )
        super().handle(*args, **options)
        if options.get("plan") or options.get("check_unapplied"):
            return
        rights.apply()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_era SELECT (SELECT max(era) + 1 FROM audit_era), system_identifier "
                "FROM pg_control_system() ON CONFLICT (system_identifier) DO NOTHING"
            )
            cursor.execute("SELECT make_audit_partitions(3)")
