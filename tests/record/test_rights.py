"""The rights in the database are those of gateway/rights.py: nothing more, nothing less."""

import uuid

import psycopg
import pytest
from django.core.management import call_command
from psycopg import errors

from gateway import rights
from tests.databases import Record

# Of PUBLIC too: a right that everybody has is one that each of ours has.
_OIDS = ", ".join(f"'{role}'::regrole" for role in rights.ROLES)
OURS = f"(0, {_OIDS})"
GRANTEE = "CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END"

Right = tuple[str, str, str, str]  # role, what, privilege, column or ""


def asked(record: Record, query: str) -> set[Right]:
    with record.admin() as admin:
        return {tuple(map(str, row)) for row in admin.execute(query).fetchall()}  # type: ignore[arg-type, misc]


def of_tables(record: Record) -> set[Right]:
    return asked(
        record,
        f"SELECT {GRANTEE}, c.relname, acl.privilege_type, '' FROM pg_class c, aclexplode(c.relacl) acl "
        f"WHERE c.relnamespace = 'public'::regnamespace AND c.relkind <> 'S' AND acl.grantee IN {OURS} "
        f"UNION ALL SELECT {GRANTEE}, c.relname, acl.privilege_type, a.attname FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl "
        f"WHERE c.relnamespace = 'public'::regnamespace AND acl.grantee IN {OURS}",
    )


def written(tables: set[str]) -> set[Right]:
    """What the matrix says, with Django's and allauth's tables that the people's door has whole."""
    said: set[Right] = set()
    for role, of_role in rights.MATRIX.items():
        for table, right in of_role.items():
            said |= {(role, table, privilege, "") for privilege in right.privileges}
            said |= {(role, table, "INSERT", column) for column in right.insert}
            said |= {(role, table, "UPDATE", column) for column in right.update}
    whole = {t for t in tables if t.startswith(rights.ACCOUNT_TABLES) and not t.startswith("review_case")}
    said |= {("people", table, p, "") for table in whole for p in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    return said


def tables_of(record: Record) -> set[str]:
    with record.admin() as admin:
        found = admin.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        return {row[0] for row in found}


def test_the_rights_on_tables_and_columns_are_those_of_the_matrix(record: Record) -> None:
    assert of_tables(record) == written(tables_of(record))


def test_the_months_of_the_log_are_nobodys_but_through_it(record: Record) -> None:
    assert not {right for right in of_tables(record) if right[1].startswith("audit_20")}


def test_only_the_people_use_sequences(record: Record) -> None:
    found = asked(
        record,
        f"SELECT {GRANTEE}, '', acl.privilege_type, '' FROM pg_class c, aclexplode(c.relacl) acl "
        f"WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S' AND acl.grantee IN {OURS}",
    )

    assert found == {("people", "", "USAGE", ""), ("people", "", "SELECT", "")}


def test_the_rights_on_functions_are_those_of_the_matrix(record: Record) -> None:
    found = asked(
        record,
        f"SELECT {GRANTEE}, p.oid::regprocedure, acl.privilege_type, '' FROM pg_proc p, "
        "aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl "
        f"WHERE p.pronamespace = 'public'::regnamespace AND acl.grantee IN {OURS}",
    )

    with record.admin() as admin:
        signatures = {
            name: str(admin.execute("SELECT %s::regprocedure::text", [name]).fetchone()[0])  # type: ignore[index]
            for name in rights.FUNCTIONS
        }
    assert found == {
        (role, signatures[name], "EXECUTE", "") for name, roles in rights.FUNCTIONS.items() for role in roles
    }


def test_no_role_makes_anything_in_the_schema_or_the_database(record: Record) -> None:
    with record.admin() as admin:
        for role in rights.ROLES:
            allowed = admin.execute(
                "SELECT has_schema_privilege(%(role)s, 'public', 'USAGE'), "
                "has_schema_privilege(%(role)s, 'public', 'CREATE'), "
                "has_database_privilege(%(role)s, current_database(), 'CREATE'), "
                "has_database_privilege(%(role)s, current_database(), 'TEMP')",
                {"role": role},
            ).fetchone()
            assert allowed == (True, False, False, False), role


def test_no_role_is_more_than_it_seems(record: Record) -> None:
    """No superuser, no member of another role, no way to see past the rules; the owner cannot log in."""
    with record.admin() as admin:
        special = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolcreaterole OR rolcreatedb "
            "OR rolreplication OR rolbypassrls OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid))",
            [list(rights.ROLES)],
        ).fetchall()
        owner = admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [rights.OWNER]).fetchone()

    assert special == []
    assert owner == (False,)


def test_every_table_belongs_to_the_owner(record: Record) -> None:
    with record.admin() as admin:
        others = admin.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner <> %s::regrole",
            [rights.OWNER],
        ).fetchall()

    assert others == []


def test_a_right_given_by_hand_is_taken_back_by_the_next_migrate(record: Record) -> None:
    with record.admin() as admin:
        admin.execute("GRANT SELECT (text) ON prompt TO delivery")
        admin.execute("GRANT DELETE ON decision TO people")

    with record.acting_as("migrator"):
        call_command("migrate", verbosity=0)

    assert of_tables(record) == written(tables_of(record))


def test_models_and_migration_agree(record: Record) -> None:
    with record.acting_as("migrator"):
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_a_missing_month_of_the_log_refuses_the_change(record: Record) -> None:
    with record.admin() as admin:
        month = admin.execute("SELECT 'audit_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')").fetchone()
        assert month is not None
        admin.execute(f"ALTER TABLE audit DETACH PARTITION {month[0]}")  # type: ignore[arg-type]

    with record.connect("sweeper") as sweeper, pytest.raises(errors.CheckViolation):
        sweeper.execute(
            "INSERT INTO audit (id, target_id, to_status, body) VALUES (%s, %s, 'x', '{}')",
            [uuid.uuid4(), uuid.uuid4()],
        )


def test_the_sweeper_makes_the_months_ahead_and_makes_none_twice(record: Record) -> None:
    with record.connect("sweeper") as sweeper:
        made = [sweeper.execute("SELECT make_audit_partitions(5)").fetchone() for _ in range(2)]
    assert made == [(2,), (0,)]

    with psycopg.connect(record.url("migrator")) as owner, pytest.raises(errors.InsufficientPrivilege):
        owner.execute(
            "DO $$ BEGIN EXECUTE 'TRUNCATE audit_' || to_char(now() + interval '5 months', 'YYYY_MM'); END $$"
        )
