"""docs/lifecycle.md lists the steps that the database permits, docs/audit.md the actions there are, and no others."""

import re
from pathlib import Path

from gateway.audit.actions import ACTIONS
from gateway.lifecycle import status_of
from tests.databases import Record

DOCS = Path(__file__).parents[2] / "docs"
Step = tuple[str, str, str]  # kind, from, to


def section(page: str, title: str) -> str:
    _, _, rest = page.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def steps_of(page: str, title: str) -> dict[Step, frozenset[str]]:
    """The steps of one table of the page, each with the roles that may take it."""
    kind = title.lower().replace(" ", "_")
    found: dict[Step, frozenset[str]] = {}
    rows = re.findall(r"^\| (`.+?`) \| (`.+?`) \| ([a-z, ]+?) \|", section(page, title), re.MULTILINE)
    for was, becomes, roles in rows:
        for one in re.findall(r"`(.+?)`", was):
            for other in re.findall(r"`(.+?)`", becomes):
                assert (kind, one, other) not in found, f"{title}: {one} > {other} stands there twice"
                found[kind, one, other] = frozenset(roles.split(", "))
    return found


def test_the_page_lists_every_permitted_step_and_who_may_take_it(record: Record) -> None:
    page = (DOCS / "lifecycle.md").read_text()
    written = {
        step: roles
        for kind in ("Image", "Prompt", "Generation", "Case", "Known picture", "Sealed access", "Requester hold")
        for step, roles in steps_of(page, kind).items()
    }

    with record.admin() as admin:
        rows = admin.execute("SELECT kind, was, becomes, coalesce(roles::text[], '{any}') FROM edge").fetchall()
    assert written == {(kind, was, becomes): frozenset(roles) for kind, was, becomes, roles in rows}


def test_the_page_says_what_a_generations_status_follows_from() -> None:
    page = section((DOCS / "lifecycle.md").read_text(), "Generation")

    for images, status in (
        ({"waiting"}, "screening"),
        ({"pending", "held"}, "generating"),
        ({"held", "released"}, "in_review"),
        ({"withdrawn", "failed"}, "completed"),
        ({"failed", "expired"}, "failed"),
        ({"expired", "canceled"}, "expired"),
        ({"canceled"}, "canceled"),
    ):
        assert status_of("cleared", sealed=False, images=images) == status
        assert f"`{status}`" in page
    assert status_of("held", sealed=False, images={"waiting"}) == "in_review"
    assert status_of("refused", sealed=False, images={"canceled"}) == "blocked"
    assert status_of("cleared", sealed=True, images={"sealed"}) == "blocked"


def test_the_audit_page_lists_every_action_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z_.]+)` \|", section((DOCS / "audit.md").read_text(), "Actions"), re.MULTILINE)

    assert sorted(listed) == sorted(ACTIONS)


def test_every_action_is_logged_somewhere() -> None:
    code = "".join(
        path.read_text()
        for folder in ("gateway", "review")
        for path in (DOCS.parent / folder).rglob("*.py")
        if path.name != "actions.py"
    )

    assert {action for action in ACTIONS if f'"{action}"' not in code} == set()
