"""Imprimatur's command line. Each process of docs/operating.md is one command of it."""

import os
import sys
from importlib import import_module

# Commands that need nothing that Django's settings read, nor that it be there, and the module that each is.
WITHOUT_DJANGO = {
    "up": "gateway.local.up",
    "demo": "gateway.demo.tell",
    "score": "moderation.evaluation.score",
    "evaluate": "moderation.evaluation.evaluate",
}
OF_THE_RECORD = "--decided"  # what `evaluate` is told to read people's decisions by
# Which database role a command acts as. Whatever is not named here is an operator's, and acts as the people's door.
ROLE_OF_COMMAND = {"sweep": "sweeper", "migrate": "migrator", "makemigrations": "migrator"}


def role_of(arguments: list[str]) -> str:
    """The process, and with it the PostgreSQL role, that these arguments start."""
    command = arguments[0] if arguments else "help"
    if command in ("serve", "work") and len(arguments) > 1:
        return arguments[1]
    return ROLE_OF_COMMAND.get(command, "people")


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] in WITHOUT_DJANGO and OF_THE_RECORD not in sys.argv:
        sys.exit(import_module(WITHOUT_DJANGO[sys.argv[1]]).main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    # Threads that spin while they wait starve the other processes of the machine, and each other.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("IMPRIMATUR_PROCESS", role_of(sys.argv[1:]))
    from gateway.local import state

    state.fill_environment(os.environ)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
