"""Claims at a thousand and a million open cases, 32 reviewers at once beside the schemes of peers, the queues page.

    python -m benchmarks.review_queue [--few N] [--many N] [--pending N] [--reviewers N] [--seconds S] [--rounds N]
    python -m benchmarks.review_queue --quick

Starts a PostgreSQL of its own, migrates it, and fills clones of it by INSERT ... SELECT. Arms take turns, so that a
busy machine is busy for all of them; ratios are medians over the rounds.

- depth: one reviewer claims and gives back, in turn among few and among many open cases over four queues and three
  lanes. At most 1.5 times as long among many; and so for the queues page.
- peers: `--reviewers` people claim as fast as they can, on `--pending` open cases. At least 1.5 times the claims of
  check-then-insert, 20 times those of a row walk, and no case that two people got.

Exit status 1 where one of these does not hold; with --quick, on a few hundred cases, ratios are not judged.
"""

import argparse
import multiprocessing
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from tests.environment import Environment

ENVIRONMENT = Environment()
ENVIRONMENT.start_django()

from django.conf import settings  # noqa: E402 - Django is set up first
from django.db import connections  # noqa: E402

from benchmarks.claim_schemes import SCHEMES, TABLES  # noqa: E402
from gateway import sweep  # noqa: E402
from gateway.models import Organization, User  # noqa: E402
from review import claims, queues  # noqa: E402
from tests.databases import Record, cloned, migrate_template  # noqa: E402
from tests.servers import running_services  # noqa: E402

QUEUES, LANES = 4, ("ordinary", "unscreened", "severe")
PROCESSES = 4  # that the reviewers' threads are spread over, so that one interpreter's lock is not what is measured
CLAIMS_A_ROUND = 40
# A row walk would run into the limits of the people's door.
UNHURRIED = "-c statement_timeout=0 -c transaction_timeout=0 -c idle_in_transaction_session_timeout=0"
MOST_DEPTH_RATIO = 1.5
# Which of ours a peer's scheme is held against, and how many times its claims ours makes at least.
BESIDE = {
    "check, then insert": ("one statement", 1.5),
    "row walk": ("one statement", 20.0),
    "check, insert, entry": ("ours, with entry", 0.0),
}

# Triggers and foreign keys sleep while this fills: the rows are as the lifecycle would have left them.
FILL = """
    SET session_replication_role = replica;
    INSERT INTO generation (id, organization_id, requester, model, num_images, cost, prompt_sha256, deadline_at,
                            status, prompt_state, held_why)
    SELECT uuidv7(make_interval(secs => n - {cases})), '{organization}', 'r', 'test-card', 1, 1, '\\x00',
           now() + interval '1 day', 'in_review', 'held', 'score' FROM generate_series(1, {cases}) n;
    INSERT INTO review_case (id, kind, generation_id, queue_id, lane, category, score, priority, due_at)
    SELECT g.id, 'prompt', g.id, 1 + n % {queues}, ('{{{lanes}}}'::text[])[1 + n % {num_lanes}], 'violence', 0.5,
           (n * 7919) % 3, uuid_extract_timestamp(g.id) + interval '1 hour'
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM generation) g;
    SET session_replication_role = origin;
    ANALYZE"""


@dataclass
class Numbers:
    """What was measured, and whether it is what was promised."""

    judge_ratios: bool = True
    lines: list[str] = field(default_factory=list)
    kept: bool = True

    def tell(self, line: str, *, kept: bool = True, of_ratio: bool = True) -> None:
        kept |= of_ratio and not self.judge_ratios
        self.kept &= kept
        self.lines.append(line if kept else f"{line}   NOT KEPT")
        print(self.lines[-1], flush=True)


@contextmanager
def filled(services: Any, cases: int, *, reviewers: int) -> Iterator[tuple[Record, list[User]]]:
    """A database with so many open cases, counted once by a sweeper, and people to work on them."""
    with cloned(services) as record:
        with record.acting_as("people"):
            organization = Organization.objects.create(name="bench")
            people = [User.objects.create(username=f"r{n}", role="reviewer") for n in range(reviewers)]
        with record.admin() as admin:
            for n in range(2, QUEUES + 1):
                admin.execute("INSERT INTO queue (name) VALUES (%s)", [f"queue {n}"])
            filling = FILL.format(
                cases=cases, organization=organization.pk, queues=QUEUES, lanes=",".join(LANES), num_lanes=len(LANES)
            )
            for statement in filling.split(";\n"):
                admin.execute(statement)  # type: ignore[arg-type]
            admin.execute("VACUUM review_case")
        with record.acting_as("sweeper"):
            sweep.count()
        yield record, people


def timed(what: Callable[[], Any]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    what()
    return (time.perf_counter() - began) * 1000


def claim_ms(people: list[User], n: int, oldest_share: float) -> float:
    """Milliseconds of one claim, which is given back."""
    settings.CONFIGURATION = settings.CONFIGURATION.model_copy(update={"oldest_share": oldest_share})
    person = people[n % len(people)]
    took = timed(lambda: claims.take(person))
    claims.drop(person.pk)
    return took


ARMS: dict[str, Callable[[list[User], int], float]] = {
    "most urgent": lambda people, n: claim_ms(people, n, 0.0),
    "oldest": lambda people, n: claim_ms(people, n, 1.0),
    "queues page": lambda people, _: timed(lambda: queues.etag(queues.now(people[0]))),
}


def measure_depth(services: Any, numbers: Numbers, *, few: int, many: int, rounds: int) -> None:
    ms: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    with filled(services, few, reviewers=4) as small, filled(services, many, reviewers=4) as large:
        for turn in range(rounds):
            for n in range(CLAIMS_A_ROUND):
                for cases, (record, people) in ((few, small), (many, large))[:: -1 if n % 2 else 1]:
                    with record.acting_as("people"):
                        for name, arm in ARMS.items():
                            ms[name, cases, turn].append(arm(people, n))
        with large[0].acting_as("sweeper"):
            count_ms = timed(sweep.count)
        read = {cases: rows_a_claim(*each) for cases, each in ((few, small), (many, large))}
    for name in ARMS:
        each = [(median(ms[name, few, turn]), median(ms[name, many, turn])) for turn in range(rounds)]
        ratio = median(b / a for a, b in each)
        numbers.tell(
            f"{name:12} {median(a for a, _ in each):7.2f} ms at {few:,}   {median(b for _, b in each):7.2f} ms at "
            f"{many:,}   {ratio:.2f} x",
            kept=ratio <= MOST_DEPTH_RATIO,
        )
    numbers.tell(
        f"a claim reads {read[few]:.1f} rows of review_case at {few:,} and {read[many]:.1f} at {many:,}",
        kept=read[many] <= MOST_DEPTH_RATIO * read[few],
    )
    numbers.tell(f"the sweeper counts {many:,} in {count_ms:.0f} ms, in at most a twentieth of its time")


def rows_a_claim(record: Record, people: list[User]) -> float:
    """How many rows one claim reads, by an index or without, as PostgreSQL counts them."""
    with record.acting_as("people"):
        before = _rows_read(record)
        for n in range(CLAIMS_A_ROUND):
            for share in (0.0, 1.0):
                claim_ms(people, n, share)
        return (_rows_read(record) - before) / (2 * CLAIMS_A_ROUND)


def _rows_read(record: Record) -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT 1")
    with record.admin() as admin:
        row = admin.execute(
            "SELECT seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = t.relname) "
            "FROM pg_stat_user_tables t WHERE relname = 'review_case'"
        ).fetchone()
    return int(row[0]) if row else 0


def work(name: str, record: Record, people: list[User], seconds: float, answer: Any) -> None:
    """In a process of its own: every person a thread that claims until time is up."""
    got: list[tuple[Any, Any, float]] = []
    scheme, ends_at = SCHEMES[name], time.monotonic() + seconds

    def one(person: User) -> None:
        with record.acting_as("people", options=UNHURRIED):
            while time.monotonic() < ends_at:
                began = time.perf_counter()
                case_ids = scheme(person)
                took = (time.perf_counter() - began) * 1000
                got.extend((person.pk, case_id, took) for case_id in case_ids)
            record.close()

    threads = [threading.Thread(target=one, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer.send(got)


def all_at_once(name: str, record: Record, people: list[User], seconds: float) -> list[tuple[Any, Any, float]]:
    """What they got: (person, case, milliseconds)."""
    record.close()
    connections.close_all()
    context = multiprocessing.get_context("fork")
    started = []
    for n in range(min(PROCESSES, len(people))):
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(name, record, people[n::PROCESSES], seconds, sending))
        process.start()
        started.append((process, receiving))
    got = [each for _, receiving in started for each in receiving.recv()]
    for process, _ in started:
        process.join()
    return got


def give_all_back(record: Record) -> None:
    with record.admin() as admin:
        admin.execute(
            "UPDATE review_case SET lease_user_id = NULL, lease_token = NULL, lease_until = NULL "
            "WHERE lease_user_id IS NOT NULL"
        )
        admin.execute("TRUNCATE peer_claim")
        admin.execute("VACUUM review_case")


def measure_peers(
    services: Any, numbers: Numbers, *, pending: int, reviewers: int, seconds: float, rounds: int
) -> None:
    settings.CONFIGURATION = settings.CONFIGURATION.model_copy(update={"oldest_share": 0.2})
    rates: dict[str, list[float]] = defaultdict(list)
    cases: dict[str, list[float]] = defaultdict(list)  # what is left of it where a case given twice counts once
    doubled: Counter[str] = Counter()
    p95: dict[str, float] = {}
    with filled(services, pending, reviewers=reviewers) as (record, people):
        with record.admin() as admin:
            for statement in TABLES.split(";"):
                admin.execute(statement)  # type: ignore[arg-type]
        for _ in range(rounds):
            for name in SCHEMES:
                began = time.monotonic()
                got = all_at_once(name, record, people, seconds)
                holders = defaultdict(set)
                for person, case_id, _ in got:
                    holders[case_id].add(person)
                took_s = time.monotonic() - began
                rates[name].append(len(got) / took_s)
                cases[name].append(len(holders) / took_s)
                doubled[name] += sum(len(each) > 1 for each in holders.values())
                p95[name] = quantiles([ms for *_, ms in got], n=20)[-1] if len(got) > 1 else float("nan")
                give_all_back(record)
    for name, each in rates.items():
        other, least = BESIDE.get(name, (name, 0.0))
        times = median(a / b if b else float("inf") for a, b in zip(rates[other], each, strict=True))
        ours = other == name
        beside = f"   {other!r}: {times:.2f} x claims, {median(cases[other]) / (median(cases[name]) or 1):.2f} x cases"
        numbers.tell(
            f"{name:20} {median(each):7.1f} claims/s, of {median(cases[name]):7.1f} cases   p95 {p95[name]:7.1f} ms   "
            f"given twice: {doubled[name]:4}" + ("" if ours else beside),
            kept=not doubled[name] if ours else times >= least,
            of_ratio=not ours,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--pending", type=int, default=200_000)
    parser.add_argument("--reviewers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a few hundred cases, one short round, no ratio judged")
    asked = parser.parse_args()
    if asked.quick:
        asked.few, asked.many, asked.pending, asked.seconds, asked.rounds = 20, 400, 400, 0.5, 1
    numbers = Numbers(judge_ratios=not asked.quick)
    with running_services() as services:
        migrate_template(services)
        measure_depth(services, numbers, few=asked.few, many=asked.many, rounds=asked.rounds)
        measure_peers(
            services, numbers, pending=asked.pending, reviewers=asked.reviewers, seconds=asked.seconds,
            rounds=asked.rounds,
        )  # fmt: skip
    return 0 if numbers.kept else 1


if __name__ == "__main__":
    sys.exit(main())
