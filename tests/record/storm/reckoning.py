"""What the database itself saw of a storm, and what must not be in it."""

from collections.abc import Iterator
from typing import Any

import psycopg

from gateway.lifecycle import status_of

# Kept by the database, so that neither our log nor our memory is the only witness.
HISTORY = """
CREATE TABLE history (
  seq bigserial, kind text, id uuid, was text, becomes text, was_attempt int, attempt int, xid xid8);
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO history (kind, id, was, becomes, was_attempt, attempt, xid)
    VALUES (TG_ARGV[0], NEW.id, OLD.status, NEW.status, (to_jsonb(OLD) ->> 'attempt')::int,
      (to_jsonb(NEW) ->> 'attempt')::int, pg_current_xact_id());
  RETURN NULL;
END $$;
CREATE TRIGGER zz_changed AFTER UPDATE ON image FOR EACH ROW
  WHEN (OLD.status <> NEW.status OR OLD.attempt <> NEW.attempt) EXECUTE FUNCTION remember('image');
CREATE TRIGGER zz_changed AFTER UPDATE ON generation FOR EACH ROW
  WHEN (OLD.status <> NEW.status OR OLD.attempt <> NEW.attempt) EXECUTE FUNCTION remember('generation');
CREATE TRIGGER zz_changed AFTER UPDATE ON review_case FOR EACH ROW
  WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION remember('case');
CREATE TRIGGER zz_born AFTER INSERT ON generation FOR EACH ROW EXECUTE FUNCTION remember('generation');
CREATE TRIGGER zz_born AFTER INSERT ON review_case FOR EACH ROW EXECUTE FUNCTION remember('case');
CREATE TRIGGER zz_born AFTER INSERT ON known_picture FOR EACH ROW EXECUTE FUNCTION remember('known_picture');
CREATE TRIGGER zz_born AFTER INSERT ON sealed_access FOR EACH ROW EXECUTE FUNCTION remember('sealed_access');
CREATE TRIGGER zz_born AFTER INSERT ON requester_hold FOR EACH ROW EXECUTE FUNCTION remember('requester_hold');
CREATE TRIGGER zz_changed AFTER UPDATE ON sealed_access FOR EACH ROW
  WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION remember('sealed_access');
CREATE TRIGGER zz_changed AFTER UPDATE ON requester_hold FOR EACH ROW
  WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION remember('requester_hold');
"""
INDEXES = """
CREATE INDEX ON history (id); CREATE INDEX ON history (xid, id);
CREATE INDEX ON release_grant (image_id); ANALYZE;
CREATE TEMP TABLE entry AS
  SELECT xid, id, target_id, from_status, to_status, convert_from(body, 'UTF8')::jsonb AS body FROM audit;
CREATE INDEX ON entry (xid, target_id); CREATE INDEX ON entry (target_id); ANALYZE entry;
"""
_STEP = "h.was IS DISTINCT FROM h.becomes"
_OF = "e.xid = h.xid AND e.target_id = h.id AND e.from_status IS NOT DISTINCT FROM h.was AND e.to_status = h.becomes"

# Each counts what must not be.
CHECKS = {
    "generation neither ended nor an open case": """
        SELECT count(*) FROM generation g WHERE status IN ('screening', 'generating')
          OR (status = 'in_review' AND NOT EXISTS (SELECT FROM review_case c
            WHERE c.generation_id = g.id AND c.status IN ('open', 'decided')))""",
    "image held without exactly one case": """
        SELECT count(*) FROM image i WHERE (status = 'held')::int <> (SELECT count(*) FROM review_case c
          WHERE c.image_id = i.id AND c.kind = 'image' AND c.status IN ('open', 'decided'))""",
    "prompt held without exactly one case": """
        SELECT count(*) FROM generation g WHERE (prompt_state = 'held')::int <> (SELECT count(*) FROM review_case c
          WHERE c.generation_id = g.id AND c.kind = 'prompt' AND c.status IN ('open', 'decided'))""",
    "change without its entry": f"""
        SELECT count(*) FROM history h WHERE {_STEP} AND NOT EXISTS (SELECT FROM entry e WHERE {_OF})""",
    "entry without its change": f"""
        SELECT count(*) FROM entry e WHERE from_status IS DISTINCT FROM to_status
          AND NOT EXISTS (SELECT FROM history h WHERE {_OF})""",
    "picture remembered that nobody denied, or denied and forgotten": """
        SELECT count(*) FROM standing_decision d JOIN review_case c ON c.id = d.case_id
          JOIN image i ON i.id = c.image_id FULL JOIN known_picture k ON k.decision_id = d.id
          WHERE (k.id IS NOT NULL AND d.remember IS NOT TRUE)
            OR (k.id IS NULL AND d.remember AND c.status = 'closed' AND c.version = d.version + 2
              AND i.status = 'rejected')""",
    "anything but a denial said of many cases together, or two yeses in one transaction": """
        SELECT (SELECT count(*) FROM decision WHERE batch IS NOT NULL AND outcome <> 'deny')
          + (SELECT count(*) FROM (SELECT user_id, at FROM decision WHERE outcome IN ('release', 'approve')
             GROUP BY 1, 2 HAVING count(*) > 1) twice)""",
    # A transaction that began this long after the membership's knows of it: that one waits for no lock longer.
    "decision or look of somebody who is a client of whose work it is": """
        SELECT count(*) FROM (SELECT case_id, user_id, at FROM decision WHERE outcome <> 'undo'
            UNION ALL SELECT case_id, user_id, at FROM look) d
          JOIN review_case c ON c.id = d.case_id JOIN generation g ON g.id = c.generation_id
          JOIN client_membership m ON m.user_id = d.user_id AND m.organization_id = g.organization_id
          WHERE d.at > m.since + interval '5 s'""",
    "claim of a client's own work": """
        SELECT count(*) FROM review_case c JOIN generation g ON g.id = c.generation_id
          JOIN client_membership m ON m.user_id = c.lease_user_id AND m.organization_id = g.organization_id""",
    "entry that is no permitted step": """
        SELECT count(*) FROM entry e WHERE from_status IS DISTINCT FROM to_status AND NOT EXISTS (SELECT FROM edge
          WHERE kind = e.body ->> 'kind' AND was = coalesce(e.from_status, '-') AND becomes = e.to_status)""",
    "history of a row that is no connected path": f"""
        SELECT count(*) FROM (SELECT was, lag(becomes) OVER (PARTITION BY id ORDER BY seq) AS before
          FROM history h WHERE {_STEP}) x WHERE before IS NOT NULL AND was <> before""",
    "entries of a target that are no connected path by (xid, id)": """
        SELECT count(*) FROM (
          SELECT from_status, lag(to_status) OVER (PARTITION BY target_id ORDER BY xid, id) AS before
          FROM entry WHERE from_status IS DISTINCT FROM to_status) x
        WHERE before IS NOT NULL AND before <> from_status""",
    "settled under an attempt that was over": f"""
        SELECT count(*) FROM entry e JOIN history h ON {_OF}
        WHERE e.body ->> 'action' ~ '^(image|prompt)\\.' AND (e.body ->> 'attempt')::int <> h.was_attempt""",
    "attempt that went down": "SELECT count(*) FROM history WHERE attempt < was_attempt",
    "master of another attempt": """
        SELECT count(*) FROM masters m JOIN entry e ON e.target_id = m.image_id AND e.from_status = 'pending'
          AND e.to_status = 'generated' WHERE (e.body ->> 'attempt')::int <> m.attempt""",
    "image generated twice": """
        SELECT count(*) FROM (SELECT id FROM history WHERE kind = 'image' AND was = 'pending' AND becomes = 'generated'
          GROUP BY id HAVING count(*) > 1) x""",
    "charged other than once for what was generated": """
        SELECT count(*) FROM image i WHERE (i.master_sha256 IS NOT NULL) <> EXISTS
          (SELECT FROM usage u WHERE u.image_id = i.id)""",
    "sent back to the checkers twice": """
        SELECT count(*) FROM (SELECT id FROM history
          WHERE (kind = 'image' AND was = 'held' AND becomes = 'generated')
             OR (kind = 'generation' AND was = 'in_review' AND becomes = 'screening')
          GROUP BY id HAVING count(*) > 1) x""",
    "picture begun from a prompt that nobody cleared": """
        SELECT count(*) FROM image i JOIN generation g ON g.id = i.generation_id
          WHERE tag IS NOT NULL AND prompt_state NOT IN ('cleared', 'refused')""",
    "grants other than one a judgement": """
        SELECT count(*) FROM image i WHERE (SELECT count(*) FROM release_grant r WHERE r.image_id = i.id) <>
          (SELECT count(*) FROM history h WHERE h.id = i.id AND h.becomes = 'granted' AND h.was <> 'granted')""",
    "publications other than one a delivery": """
        SELECT count(*) FROM image i WHERE (SELECT count(*) FROM publication p JOIN release_grant r ON r.id = p.grant_id
          WHERE r.image_id = i.id) <>
          (SELECT count(*) FROM history h WHERE h.id = i.id AND h.becomes = 'released' AND h.was <> 'released')""",
    "decisions other than one for each time decided": """
        SELECT count(*) FROM review_case c WHERE (SELECT count(*) FROM decision d WHERE d.case_id = c.id
          AND outcome <> 'undo') <> (SELECT count(*) FROM history h WHERE h.id = c.id AND h.becomes = 'decided')""",
    "undone decision that took effect": """
        SELECT count(*) FROM decision u JOIN decision d ON d.id = u.undoes_id
          JOIN decision n ON n.case_id = d.case_id AND n.version = d.version + 1 WHERE n.id <> u.id""",
    "decision that was never carried out": """
        SELECT count(*) FROM review_case WHERE status = 'decided' AND effective_at < now() - interval '5 seconds'""",
    "released without grant and publication of the same bytes": """
        SELECT count(*) FROM image i WHERE status IN ('released', 'withdrawn') AND NOT EXISTS (
          SELECT FROM release_grant r JOIN publication p ON p.grant_id = r.id
            JOIN masters m ON m.image_id = r.image_id AND m.sha256 = r.master_sha256
          WHERE r.id = i.grant_id AND r.image_id = i.id AND r.master_sha256 = i.master_sha256
            AND p.encoded_sha256 = i.encoded_sha256)""",
    "grant that rests on too few people": """
        SELECT count(*) FROM release_grant r JOIN review_case c ON c.id = r.case_id
          WHERE (SELECT count(DISTINCT user_id) FROM standing_decision d WHERE d.case_id = c.id
            AND d.outcome = 'release' AND d.sha256 = r.master_sha256) < c.approvals_required""",
    "picture of a flagged prompt out without people": """
        SELECT count(*) FROM image i JOIN release_grant r ON r.id = i.grant_id
          WHERE i.hold_anyway AND r.case_id IS NULL""",
    "sealed generation with a picture that is not": """
        SELECT count(*) FROM image i JOIN generation g ON g.id = i.generation_id WHERE g.sealed_at IS NOT NULL
          AND (i.status IN ('waiting', 'pending') OR (i.master_sha256 IS NOT NULL AND i.status <> 'sealed'))""",
    "sealed generation whose words stand": """
        SELECT count(*) FROM prompt p JOIN generation g ON g.id = p.generation_id
          WHERE g.sealed_at IS NOT NULL AND p.text IS NOT NULL""",
    "lease on a row that nobody works on": """
        SELECT count(*) FROM image WHERE leased AND status NOT IN ('pending', 'generated', 'granted')""",
}


def wrongs(admin: psycopg.Connection[Any], accepted: list[Any]) -> Iterator[tuple[str, int]]:
    """What must not be, and how often it is; run once, when nobody is at work any more."""
    admin.execute(INDEXES)  # type: ignore[arg-type]
    for name, query in CHECKS.items():
        yield name, _number(admin, query)
    gone = "SELECT count(*) FROM unnest(%s::uuid[]) x WHERE NOT EXISTS (SELECT FROM generation WHERE id = x)"
    yield "accepted and gone", _number(admin, gone, accepted)
    yield "status other than what follows from the images", sum(_not_derived(admin))


def _not_derived(admin: psycopg.Connection[Any]) -> Iterator[bool]:
    rows = admin.execute(
        "SELECT status, prompt_state, sealed_at IS NOT NULL, "
        "ARRAY(SELECT status::text FROM image i WHERE i.generation_id = g.id) FROM generation g"
    )
    for status, prompt_state, sealed, images in rows:
        yield status_of(prompt_state, sealed=sealed, images=set(images)) != status


def transitions(admin: psycopg.Connection[Any]) -> dict[str, int]:
    """How often each step was taken."""
    rows = admin.execute(
        "SELECT kind || ' ' || coalesce(was, '-') || ' > ' || becomes, count(*) FROM history h "
        f"WHERE {_STEP} GROUP BY 1 ORDER BY 1"  # type: ignore[arg-type]
    )
    return {step: int(times) for step, times in rows}


def unsettled(admin: psycopg.Connection[Any]) -> int:
    """What still moves by itself: neither ended nor waiting for a person, or about to go back to a checker."""
    return _number(
        admin,
        "SELECT (SELECT count(*) FROM generation WHERE status IN ('screening', 'generating') "
        "  OR (prompt_state = 'held' AND held_why = 'unscreened-no-checker')) "
        "+ (SELECT count(*) FROM image WHERE status = 'held' AND held_why = 'unscreened-no-checker') "
        "+ (SELECT count(*) FROM review_case WHERE status = 'decided')",
    )


def innocents(admin: psycopg.Connection[Any], poisoned: set[Any]) -> tuple[int, int]:
    """Images failed for crashes, and those of them that had killed nobody."""
    failed = [
        row[0]
        for row in admin.execute("SELECT target_id FROM audit WHERE from_status = 'pending' AND to_status = 'failed'")
    ]
    return len(failed), sum(image_id not in poisoned for image_id in failed)


def _number(admin: psycopg.Connection[Any], query: str, *parameters: Any) -> int:
    row = admin.execute(query, parameters).fetchone()  # type: ignore[arg-type]
    return int(row[0]) if row else 0
