"""What the actors of a storm share, and the one way in which each of them does something."""

import contextlib
import random
import threading
import time
import traceback
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, connections
from psycopg import errors

from gateway.errors import GatewayError
from gateway.models import User
from tests.databases import Record

Result = TypeVar("Result")

MODELS = ("test-card", "pocket")
APPLICATION = "storm"  # the killer knows its victims by it


@dataclass
class Weather:
    """The state of one storm. `calm`: no more faults and no new requests; `dark`: no checker lives; `over`: go home."""

    record: Record
    organizations: list[uuid.UUID]
    people: list[User]
    officers: tuple[User, User]
    officers_key_file: Any
    calm: threading.Event = field(default_factory=threading.Event)
    dark: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    counts: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    accepted: list[uuid.UUID] = field(default_factory=list)
    poisoned: set[uuid.UUID] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str, times: int = 1) -> None:
        with self._lock:
            self.counts[name] += times

    def wonder(self, what: str) -> None:
        """Note what must not happen."""
        with self._lock:
            self.odd[what[:600]] += 1


class Actor(ABC):
    """One thread with its own connection, as one role."""

    role: str

    def __init__(self, weather: Weather, seed: int) -> None:
        self.weather = weather
        self.random = random.Random(seed)
        self.thread = threading.Thread(target=self._run, name=f"{type(self).__name__} {seed}", daemon=True)

    @abstractmethod
    def turn(self) -> None:
        """One thing that this actor does."""

    @property
    def stays(self) -> bool:
        """Whether it goes on; who only makes trouble leaves with the calm."""
        return not self.weather.over.is_set()

    def _run(self) -> None:
        with self.weather.record.acting_as(self.role, application_name=f"{APPLICATION} {self.role}"):
            while self.stays:
                try:
                    self.turn()
                except Exception:  # whatever it is, the storm goes on and the reckoning names it
                    self.weather.wonder(f"{self.thread.name} fell over: {traceback.format_exc()[-500:]}")

    def pause(self, at_most_s: float) -> None:
        time.sleep(self.random.uniform(0, at_most_s))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def fault(self, probability: float) -> bool:
        """Whether something goes wrong now; nothing does once it is calm."""
        return not self.weather.calm.is_set() and self.chance(probability)

    def do(self, name: str, act: Callable[..., Result], *args: Any, **named: Any) -> Result | None:
        """Try one transition, count what became of it; None where it did not happen, or returns nothing."""
        try:
            result = act(*args, **named)
        except GatewayError as error:
            self.weather.count(f"{name}: {error.code}")
        except (OperationalError, InterfaceError) as error:
            self._lost(name, error)
        except IntegrityError as error:
            rule = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
            self.weather.wonder(f"{name} broke {rule}: {str(error).splitlines()[0]}")
        except DatabaseError as error:
            self.weather.wonder(f"{name}: {type(error.__cause__).__name__}: {str(error).splitlines()[0]}")
        else:
            self.weather.count(name)
            return result
        return None

    def _lost(self, name: str, error: Exception) -> None:
        match error.__cause__:
            case errors.DeadlockDetected():
                self.weather.count("deadlocks")
                self.weather.wonder(f"deadlock in {name}")
            case errors.LockNotAvailable() | errors.QueryCanceled() | errors.TransactionTimeout():
                self.weather.count("timed out")
            case _:
                self.weather.count("connections lost")
        with contextlib.suppress(Exception):
            connections["default"].close()

    def find(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows to do something with; none where the connection was just lost."""

        def fetch() -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return list(cursor.fetchall())

        return self.do("find", fetch) or []
