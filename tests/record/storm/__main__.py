"""A storm for as long as you like: says CLEAN, or what was wrong and exits with 1."""

import argparse
import logging
import sys

from tests.environment import Environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.record.storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--mutate", default="", help="safeguards to take away: fence, no_entry, no_generation_lock, ..."
    )
    arguments = parser.parse_args()

    environment = Environment()
    environment.start_django()
    logging.disable(logging.ERROR)  # seals raise alarms, and every killed session is in a log

    from tests.databases import cloned, migrate_template
    from tests.record.storm.run import storm
    from tests.servers import running_services

    with running_services() as services:
        migrate_template(services)
        with cloned(services) as record:
            outcome = storm(
                record,
                seconds=arguments.seconds,
                officers_key_file=environment.officers_private_key_file,
                seed=arguments.seed,
                without=tuple(filter(None, arguments.mutate.split(","))),
            )

    print(f"stormed for {outcome.stormed_s:.0f} s, calm after {outcome.calmed_s:.0f} s more")
    for title, numbers in (("done", outcome.counts), ("steps", outcome.steps)):
        print(f"{title}:", *(f"  {name}: {times}" for name, times in sorted(numbers.items())), sep="\n")
    print(f"{sum(outcome.steps.values())} steps; {outcome.failed} failed, {outcome.innocents} of them innocent")
    for name, times in (*outcome.wrong.items(), *outcome.odd.most_common(25)):
        print(f"WRONG {times:5d}  {name}")
    print("CLEAN" if outcome.clean else "NOT CLEAN")
    return 0 if outcome.clean else 1


if __name__ == "__main__":
    sys.exit(main())
