"""One storm from beginning to end."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from gateway.models import User
from tests.databases import Record
from tests.record.mutants import mutated
from tests.record.storm import reckoning
from tests.record.storm.people import Client, Killer, Officer, Reviewer, Senior, Sweep
from tests.record.storm.weather import Actor, Weather
from tests.record.storm.workers import Worker
from tests.record.world import World

# Short, so that half a minute sees many lapses: what in operation takes a minute takes three seconds here.
FAULT_PROFILE = {
    "lease_s": 3.0,
    "heartbeat_s": 1.0,
    "no_checker_grace_s": 3.0,
    "case_lease_s": 3.0,
    "held_max_age_s": 20.0,
    "max_unfinished": 100_000,
}
UNDO_WINDOW_S = 1.0
CALM_AT_MOST_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a storm left behind. `wrong`: what must not be, by name, only where it is."""

    stormed_s: float
    calmed_s: float
    counts: Counter[str]
    wrong: dict[str, int]
    odd: Counter[str]
    steps: dict[str, int]
    failed: int
    innocents: int

    @property
    def clean(self) -> bool:
        return not self.wrong and not self.odd


def storm(
    record: Record, *, seconds: float, officers_key_file: Path, seed: int = 1, without: tuple[str, ...] = ()
) -> Outcome:
    """Storm for so long, let it calm down, reckon.

    Args:
        without: safeguards taken away for the time of the storm; see `tests.record.mutants`.
    """
    before = settings.CONFIGURATION
    settings.CONFIGURATION = before.model_copy(update=FAULT_PROFILE)
    try:
        weather, actors = _gather(record, officers_key_file, seed)
        with mutated(*without):
            return _rage(record, weather, actors, seconds)
    finally:
        settings.CONFIGURATION = before


def _gather(record: Record, officers_key_file: Path, seed: int) -> tuple[Weather, list[Actor]]:
    world = World(record)
    world.undo_window(UNDO_WINDOW_S)
    with record.acting_as("people"):
        others = [world.new_organization(f"org {n}", weight=1 + n % 2, max_unfinished=100_000) for n in range(3)]
        people = [
            User.objects.create(username=f"reviewer {n}", role=r) for n, r in enumerate(["reviewer", "senior"] * 2)
        ]
    with record.admin() as admin:
        admin.execute(reckoning.HISTORY)  # type: ignore[arg-type]
        admin.execute("UPDATE organization SET max_unfinished = 100000")
    organizations = [organization.pk for organization in others]
    weather = Weather(record, organizations, people, (world.officer, world.other_officer), officers_key_file)
    seeds = iter(range(seed * 1000, seed * 1000 + 100))
    actors: list[Actor] = [Client(weather, next(seeds), world) for _ in range(2)]
    for kind, how_many in {"screening": 3, "generation": 3, "delivery": 2}.items():
        actors += [Worker(weather, next(seeds), kind) for _ in range(how_many)]
    actors += [Reviewer(weather, next(seeds), me, people[n - 1]) for n, me in enumerate(people)]
    actors += [Sweep(weather, next(seeds)) for _ in range(2)]
    seniors = [person for person in people if person.role == "senior"]
    actors += [Senior(weather, next(seeds), me) for me in seniors]
    actors += [Officer(weather, next(seeds)), Killer(weather, next(seeds))]
    return weather, actors


def _rage(record: Record, weather: Weather, actors: list[Actor], seconds: float) -> Outcome:
    began = time.monotonic()
    for actor in actors:
        actor.thread.start()
    time.sleep(seconds)
    weather.calm.set()
    calm_since = time.monotonic()
    with record.admin() as admin:
        while time.monotonic() - calm_since < CALM_AT_MOST_S and reckoning.unsettled(admin):
            time.sleep(0.5)
        calmed = time.monotonic()
        weather.over.set()
        for actor in actors:
            actor.thread.join(20)
        wrong = {name: times for name, times in reckoning.wrongs(admin, weather.accepted) if times}
        failed, innocents = reckoning.innocents(admin, weather.poisoned)
        return Outcome(
            stormed_s=calm_since - began,
            calmed_s=calmed - calm_since,
            counts=weather.counts,
            wrong=wrong,
            odd=weather.odd,
            steps=reckoning.transitions(admin),
            failed=failed,
            innocents=innocents,
        )
