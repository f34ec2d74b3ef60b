"""The log of decisions: what each field of a search finds and refuses, page by page; and searches kept by name."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import StreamingHttpResponse

from gateway.errors import NotFoundError
from gateway.models import AuditEntry, AuditPrivate, Decision, SavedSearch, User
from review import searching
from review.searching import SearchRefusedError
from review.timeline import pseudonym
from tests.review.desk_world import PASSWORD, DeskWorld
from tests.review.visitor import Visitor

SignIn = Callable[..., Visitor]
TODAY = datetime.now(UTC).date()


def said(world: DeskWorld, person: User, outcome: str = "deny", **asked: Any) -> Decision:
    """A decision of this person about a prompt."""
    case = world.held_prompt("a crowd", **asked)
    world.decide(
        person, world.take(person, case.pk), outcome, sha256=bytes(world.generation(case.generation_id).prompt_sha256)
    )
    return Decision.objects.get(case=case)


def found(world: DeskWorld, user: User, **asked: str) -> list[uuid.UUID]:
    return [each.pk for each in searching.page(searching.read(asked, user)).decisions]


@pytest.fixture
def senior(world: DeskWorld) -> User:
    return world.second


# ---- what a search finds


def test_each_field_finds_what_it_names_and_nothing_else(world: DeskWorld, senior: User) -> None:
    with world.record.acting_as("people"):
        other = world.new_organization("night market")
    mine = said(world, senior)
    theirs = said(world, world.ada, "escalate", organization=other)
    policy = world.policy

    for asked, expected in (
        ({}, [theirs, mine]),
        ({"outcome": "deny"}, [mine]),
        ({"outcome": "release"}, []),
        ({"reason": "weapons"}, [mine]),
        ({"reason": "hate"}, []),
        ({"kind": "prompt"}, [theirs, mine]),
        ({"kind": "image"}, []),
        ({"queue": "default"}, [theirs, mine]),
        ({"by": "me"}, [mine]),
        ({"by": pseudonym(world.ada.pk)}, [theirs]),
        ({"by": pseudonym(world.ada.pk).lower()}, [theirs]),
        ({"organization": "night market"}, [theirs]),
        ({"policy": policy.version}, [theirs, mine]),
        ({"policy": policy.sha256[:6]}, [theirs, mine]),
        ({"last": "1"}, [theirs, mine]),
        ({"from": TODAY.isoformat(), "to": TODAY.isoformat()}, [theirs, mine]),
        ({"to": (TODAY - timedelta(days=1)).isoformat()}, []),
        ({"from": (TODAY + timedelta(days=1)).isoformat()}, []),
        ({"outcome": "deny", "by": "me", "last": "7"}, [mine]),
        ({"outcome": "deny", "organization": "night market"}, []),
    ):
        assert found(world, senior, **asked) == [each.pk for each in expected], asked


def test_effect_tells_what_waits_what_counts_and_what_was_taken_back(world: DeskWorld, senior: User) -> None:
    counts = said(world, senior)
    world.undo_window(60)
    waits, undone = said(world, senior), said(world, senior)
    world.undo(senior, undone.case_id)

    assert found(world, senior, effect="pending") == [waits.pk]
    assert found(world, senior, effect="undone") == [undone.pk]
    assert found(world, senior, effect="in_effect") == [counts.pk]
    assert found(world, senior, effect="not_undone") == [waits.pk, counts.pk]


def test_a_day_begins_and_ends_at_midnight_utc(world: DeskWorld, senior: User) -> None:
    last, first = datetime(2026, 3, 1, 23, 59, 59, 999000, UTC), datetime(2026, 3, 2, 0, 0, 0, 0, UTC)

    ids = {moment: searching.first_id_of(moment) for moment in (last, first)}
    of_first = searching.read({"from": "2026-03-02"}, senior).found
    of_last = searching.read({"to": "2026-03-01"}, senior).found

    assert of_first.children == [("pk__gte", ids[first])]
    assert of_last.children == [("pk__lt", ids[first])]
    assert ids[last] < ids[first]


def test_what_was_sealed_since_is_in_no_search(world: DeskWorld, senior: User) -> None:
    decision = said(world, senior)
    assert found(world, senior) == [decision.pk]

    world.seal(decision.case.generation_id)

    assert found(world, senior) == []


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ({"outcome": "publish"}, "publish"),
        ({"reason": "dislike"}, "dislike"),
        ({"kind": "video"}, "video"),
        ({"queue": "nowhere"}, "nowhere"),
        ({"by": "R-00"}, "R-00"),
        ({"organization": "no such"}, "no such"),
        ({"policy": "v0"}, "v0"),
        ({"effect": "maybe"}, "maybe"),
        ({"last": "2"}, "2"),
        ({"from": "yesterday"}, "yesterday"),
        ({"from": "2019-12-31"}, "2019-12-31"),
        ({"to": "2120-01-01"}, "2120-01-01"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_with_field_value_and_limit(
    world: DeskWorld, senior: User, asked: dict[str, str], value: str
) -> None:
    (name,) = asked

    error = searching.read(asked, senior).errors[name]

    assert (error.extra["field"], error.extra["value"]) == (name, value)
    assert error.extra["limit"]
    assert error.message.startswith(f"{name} is {value!r}; it may be ")


def test_days_and_a_period_back_from_now_are_not_asked_for_together_nor_days_backwards(
    world: DeskWorld, senior: User
) -> None:
    assert set(searching.read({"last": "7", "from": "2026-01-01"}, senior).errors) == {"last"}
    assert set(searching.read({"from": "2026-01-02", "to": "2026-01-01"}, senior).errors) == {"to"}
    assert not searching.read({"from": "2026-01-01", "to": "2026-01-01"}, senior).errors


def test_the_page_names_what_is_wrong_beside_its_field_and_lists_nothing(
    world: DeskWorld, rita: Visitor, senior: User
) -> None:
    said(world, senior)

    response = rita.get("/review/decisions?outcome=%3Cb%3E")

    text = response.content.decode()
    assert response.status_code == 400
    assert "Outcome is &#x27;&lt;b&gt;&#x27;; it may be release, approve, deny, escalate" in text
    assert 'aria-describedby="e-outcome"' in text
    assert "data-decisions" not in text
    assert 'class="card log' not in text


# ---- who may ask for what


def test_a_reviewer_neither_sees_nor_asks_for_organizations_or_names(world: DeskWorld, rita: Visitor) -> None:
    with world.record.acting_as("people"):
        said(world, world.ada, organization=world.new_organization("night market"))

    text = rita.get("/review/decisions").content.decode()

    assert "weapons" in text
    assert "night market" not in text
    assert set(searching.read({"organization": "first", "by": "ada"}, rita.user).errors) == {"organization", "by"}


def test_an_auditor_reads_names_and_organizations_and_saves_searches(world: DeskWorld, sign_in: SignIn) -> None:
    decision = said(world, world.ada)
    auditor = sign_in("audrey", "auditor")

    text = auditor.get("/review/decisions?by=ada&organization=first").content.decode()

    assert "ada" in text
    assert found(world, auditor.user, by="ada") == [decision.pk]
    assert auditor.post("/review/decisions/searches", search="by=ada", name="Ada").status_code == 302
    assert SavedSearch.objects.get().filters == {"by": "ada"}


# ---- page by page


def test_pages_follow_one_another_without_a_gap_or_a_double(
    world: DeskWorld, senior: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "ON_A_PAGE", 2)
    all_said = [said(world, senior).pk for _ in range(5)][::-1]
    search = searching.read({"by": "me"}, senior)

    first = searching.page(search)
    second = searching.page(search, before=str(first.older))
    third = searching.page(search, before=str(second.older))
    back = searching.page(search, after=str(third.newer))

    assert [d.pk for page in (first, second, third) for d in page.decisions] == all_said
    assert (first.newer, third.older) == (None, None)
    assert [d.pk for d in back.decisions] == [d.pk for d in second.decisions]


@pytest.mark.parametrize("asked", ["before=first", "after=7"])
def test_a_page_that_begins_nowhere_is_refused(rita: Visitor, asked: str) -> None:
    response = rita.get(f"/review/decisions?{asked}")

    assert response.status_code == 400
    assert "it may be the id of a decision" in response.content.decode()


MANY = """
    SET session_replication_role = replica;
    INSERT INTO generation (id, organization_id, requester, model, num_images, cost, prompt_sha256, deadline_at, status,
                            prompt_state)
    SELECT uuidv7(make_interval(secs => n - {many})), '{organization}', 'r', 'test-card', 1, 1, '\\x00', now(),
           'blocked', 'refused' FROM generate_series(1, {many}) n;
    INSERT INTO review_case (id, kind, generation_id, queue_id, due_at, status, version)
    SELECT id, 'prompt', id, 1, now(), 'closed', 3 FROM generation;
    INSERT INTO decision (id, case_id, version, user_id, outcome, sha256, category, at, effective_at, kind, queue_id,
                          organization_id, policy_sha256)
    SELECT c.id, c.id, 1, '{person}', CASE WHEN n % 2 = 0 THEN 'deny' ELSE 'approve' END, '\\x00', 'hate',
           uuid_extract_timestamp(c.id), uuid_extract_timestamp(c.id), 'prompt', 1, '{organization}', '{policy}'
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM review_case) c;
    SET session_replication_role = origin;
    ANALYZE"""


def fill(world: DeskWorld, many: int) -> None:
    """So many decisions of Ada's, as the lifecycle would have left them; triggers sleep meanwhile."""
    values = {"organization": world.organization.pk, "person": world.ada.pk, "policy": world.policy.sha256}
    with world.record.admin() as admin:
        for statement in MANY.format(many=many, **values).split(";\n"):
            admin.execute(statement)  # type: ignore[arg-type]


def rows_read(world: DeskWorld) -> int:
    """Rows that this role's connection has read of the log's tables, by an index or without, as PostgreSQL counts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT 1")
    tables = "('decision', 'review_case', 'generation')"
    return int(
        world.one_value(
            "SELECT sum(seq_tup_read) + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes "
            f"WHERE relname IN {tables}) FROM pg_stat_user_tables WHERE relname IN {tables}"
        )
    )


def test_a_page_reads_a_page_of_rows_however_many_decisions_there_are(world: DeskWorld, senior: User) -> None:
    fill(world, 20_000)
    rare = said(world, senior)
    world.undo_window(60)
    waits, undone = said(world, senior), said(world, senior)
    world.undo(senior, undone.case_id)
    with world.record.admin() as admin:
        admin.execute("ANALYZE")
    middle = Decision.objects.order_by("pk")[10_000].pk
    searches: list[dict[str, str]] = [
        {}, {"outcome": "approve"}, {"outcome": "escalate"}, {"reason": "weapons"}, {"by": "me"}, {"kind": "prompt"},
        {"kind": "image"}, {"by": pseudonym(world.ada.pk), "outcome": "deny"}, {"effect": "pending"},
        {"effect": "undone"}, {"effect": "in_effect"}, {"organization": "first", "queue": "default"}, {"last": "1"},
        {"policy": world.policy.version, "reason": "hate"},
    ]  # fmt: skip

    costs: dict[str, int] = {}
    with world.record.acting_as("people"):
        for asked in searches:
            for before in ("", str(middle)):
                search, read_before = searching.read(asked, senior), rows_read(world)
                searching.page(search, before=before)
                costs[f"{asked} {before}"] = rows_read(world) - read_before

    assert {name: cost for name, cost in costs.items() if cost > 1500} == {}
    assert found(world, senior, effect="pending") == [waits.pk]
    assert found(world, senior, by="me", effect="in_effect") == [rare.pk]


# ---- searches by name


def test_a_search_is_kept_found_again_renamed_and_deleted(world: DeskWorld, rita: Visitor) -> None:
    said(world, world.ada)
    assert (
        rita.post("/review/decisions/searches", search="outcome=deny&last=7", name=" This   week ").headers["Location"]
        == "/review/decisions?last=7&outcome=deny"
    )
    (kept,) = SavedSearch.objects.all()
    assert (kept.name, kept.filters) == ("This week", {"last": "7", "outcome": "deny"})
    assert (
        'href="?last=7&amp;outcome=deny" aria-current="true"'
        in rita.get("/review/decisions?outcome=deny&last=7").content.decode()
    )

    assert rita.post(f"/review/decisions/searches/{kept.pk}/rename", name="Denials").status_code == 302
    assert SavedSearch.objects.get().name == "Denials"
    assert rita.post(f"/review/decisions/searches/{kept.pk}/delete").status_code == 302
    assert not SavedSearch.objects.exists()


def test_saving_under_a_name_again_changes_what_it_asks_for(world: DeskWorld, rita: Visitor) -> None:
    for search in ("outcome=deny", "outcome=escalate"):
        rita.post("/review/decisions/searches", search=search, name="mine")

    assert [each.filters for each in SavedSearch.objects.all()] == [{"outcome": "escalate"}]


def test_searches_are_ones_own(world: DeskWorld, rita: Visitor, sign_in: SignIn) -> None:
    rita.post("/review/decisions/searches", search="outcome=deny", name="mine")
    (kept,) = SavedSearch.objects.all()
    other = sign_in("other")

    assert "mine" not in other.get("/review/decisions").content.decode()
    for way, fields in (("rename", {"name": "x"}), ("delete", {})):
        assert other.post(f"/review/decisions/searches/{kept.pk}/{way}", **fields).status_code == 404
    assert SavedSearch.objects.get().name == "mine"
    assert other.post("/review/decisions/searches", search="outcome=deny", name="mine").status_code == 302


@pytest.mark.parametrize(("before", "kept"), [(48, 49), (49, 50), (50, 50)])
def test_a_person_keeps_fifty_searches_at_the_most(world: DeskWorld, senior: User, before: int, kept: int) -> None:
    search = searching.read({"outcome": "deny"}, senior)
    with world.record.acting_as("people"):
        for n in range(before):
            searching.save(senior, f"search {n}", search)

        if before == kept:
            with pytest.raises(SearchRefusedError, match="you keep 50 searches"):
                searching.save(senior, "one more", search)
            searching.save(senior, "search 0", searching.read({"outcome": "release"}, senior))
        else:
            searching.save(senior, "one more", search)

        assert SavedSearch.objects.filter(user=senior).count() == kept


@pytest.mark.parametrize(("length", "refused"), [(0, True), (1, False), (60, False), (61, True)])
def test_a_name_has_one_to_sixty_characters(world: DeskWorld, rita: Visitor, length: int, refused: bool) -> None:
    response = rita.post("/review/decisions/searches", search="outcome=deny", name="n" * length)

    assert response.status_code == (400 if refused else 302)
    assert SavedSearch.objects.exists() is not refused
    if refused:
        assert f"the name has {length} characters" in response.content.decode().lower()


def test_a_search_that_cannot_be_read_is_not_kept(rita: Visitor) -> None:
    assert rita.post("/review/decisions/searches", search="outcome=publish", name="n").status_code == 400
    assert not SavedSearch.objects.exists()


def test_a_name_that_another_search_has_is_refused(world: DeskWorld, senior: User) -> None:
    search = searching.read({"outcome": "deny"}, senior)
    with world.record.acting_as("people"):
        searching.save(senior, "one", search)
        two = searching.save(senior, "two", search)

        with pytest.raises(SearchRefusedError, match="another search named 'one'"):
            searching.rename(senior, two.pk, "one")
        with pytest.raises(NotFoundError):
            searching.delete(world.ada, two.pk)


# ---- the export


def test_an_auditor_exports_what_fits_after_proving_who_they_are_and_it_is_in_the_log(
    world: DeskWorld, sign_in: SignIn
) -> None:
    with world.record.acting_as("people"):
        formula = world.new_organization("=1+1")
    decision = said(world, world.ada, organization=formula)
    said(world, world.ada, "escalate")
    auditor = sign_in("audrey", "auditor")

    asked = auditor.post("/review/decisions/export", search="outcome=deny")
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    auditor.post("/accounts/reauthenticate/", password=PASSWORD)
    response = auditor.post("/review/decisions/export", search="outcome=deny")

    assert isinstance(response, StreamingHttpResponse)
    head, line = b"".join(response.streaming_content).decode().splitlines()  # type: ignore[arg-type]
    assert head.startswith("id,at,case,kind,decision,reason,by,")
    assert line.startswith(str(decision.pk))
    assert f"deny,weapons,{pseudonym(world.ada.pk)},default,'=1+1," in line
    (entry,) = [each for each in AuditEntry.objects.all() if b"decisions.exported" in bytes(each.body)]
    assert AuditPrivate.objects.get(audit_id=entry.id, field="search").value == {"outcome": "deny"}
