"""The PostgreSQL roles and the database: one role for every process, an owner that cannot log in.

Which role may do what to which table is the migrations' affair; here stand who there is and how long each may take.
Works on any PostgreSQL from 17 on, ours or another's, as often as you like.
"""

from collections.abc import Mapping

import psycopg
from psycopg import sql

from gateway.local.addresses import DATABASE, ROLES

OWNER = "imprimatur_owner"

TRANSACTION_TIMEOUT_SINCE = 170000

# A door answers a person who waits; a worker's statements are short too, but may meet a longer queue.
DOOR = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "15s",
}
WORKER = {
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "60s",
}
# Every session of the migrator acts as the owner from its first statement on, so that the owner has every table.
MIGRATOR = {"role": OWNER, "lock_timeout": "3s", "idle_in_transaction_session_timeout": "60s"}
LIMITS: Mapping[str, Mapping[str, str]] = {
    "clients": DOOR,
    "people": DOOR,
    "screening": WORKER,
    "generation": WORKER,
    "delivery": WORKER,
    "sweeper": WORKER,
    "migrator": MIGRATOR,
}


def prepare_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Have the owner and every role of `passwords`, each with that password and its time limits.

    Args:
        connection: autocommit, of a role that may create roles.
        passwords: role to password; a role that is not named keeps what it has.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('imprimatur: roles'))")
        if not _exists(connection, OWNER):
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(OWNER)))
        for role, password in passwords.items():
            if not _exists(connection, role):
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            # The server hashes it otherwise, after logging or replicating the statement that held it.
            hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(hashed)
                )
            )
            if role == "migrator":
                connection.execute(
                    sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
                        sql.Identifier(OWNER), sql.Identifier(role)
                    )
                )
            for name, value in LIMITS[role].items():
                if name == "transaction_timeout" and connection.info.server_version < TRANSACTION_TIMEOUT_SINCE:
                    continue
                connection.execute(
                    sql.SQL("ALTER ROLE {} SET {} = {}").format(
                        sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
                    )
                )


def prepare_database(connection: psycopg.Connection, database: str = DATABASE) -> bool:
    """Have `database`, the owner's, open to our roles alone; whether it was made now.

    Args:
        connection: autocommit, of a role that may create databases and act as the owner.
    """
    name = sql.Identifier(database)
    made = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is None
    if made:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                name, sql.Identifier(OWNER)
            )
        )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    roles = sql.SQL(", ").join(sql.Identifier(role) for role in ROLES if _exists(connection, role))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, roles))
    return made


def _exists(connection: psycopg.Connection, role: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None
