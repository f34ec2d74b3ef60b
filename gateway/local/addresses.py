"""The roles and URLs of the embedded services. Apart from the services, because every command needs them quickly."""

from pathlib import Path
from urllib.parse import quote

DATABASE = "imprimatur"
ROLES = ("clients", "people", "screening", "generation", "delivery", "sweeper", "migrator")  # one for every process
DATABASE_PORT = 5432  # of the socket's name; no port is opened
BROKER_SOCKET = "broker.sock"


def database_url(sockets: Path, *, role: str, password: str, database: str = DATABASE) -> str:
    """The PostgreSQL behind a unix socket in `sockets`."""
    where = f"host={quote(str(sockets))}&port={DATABASE_PORT}"
    return f"postgresql://{quote(role)}:{quote(password, safe='')}@/{quote(database)}?{where}"


def broker_url(folder: Path) -> str:
    """The Valkey behind a unix socket in `folder`."""
    return f"redis+socket://{folder / BROKER_SOCKET}"
