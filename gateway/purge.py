"""Deletion: only sweepers delete, in both stores, and never what is sealed, held, or not yet judged.

How long things are kept is configuration; docs/operating.md has the defaults. Entries of the audit log stay.
"""

import logging
import uuid
from collections.abc import Iterator

from django.conf import settings
from django.db import connection, transaction

from gateway.delivery.access import quarantine_cleaner, released_store

logger = logging.getLogger(__name__)

DAY_S = 86_400.0
BATCH = 200
FORGET_BATCH = 1000
KEEP_SCORES_DAYS = 90
KEEP_WORKERS_S = DAY_S
PUBLISHED_AGAIN_FOR_S = 3600.0  # a delivery under way when an image was withdrawn or sealed can still write

FINAL_WITH_BYTES = "('released', 'rejected', 'failed', 'canceled', 'expired', 'withdrawn')"

# Masters whose time is over: by age for what ended, at once for what its owner erased.
MASTERS = f"""
      FROM masters m JOIN image i ON i.id = m.image_id JOIN generation g ON g.id = i.generation_id
     WHERE m.purged_at IS NULL AND i.status IN {FINAL_WITH_BYTES} AND g.sealed_at IS NULL
       AND (g.erased_at IS NOT NULL OR g.finished_at < now() - make_interval(secs =>
            CASE WHEN i.status = 'released' THEN %(released_s)s ELSE %(rejected_s)s END))"""

# Images with published files that nobody may read any more, or whose time is over.
FILES = """
      FROM publication p JOIN release_grant r ON r.id = p.grant_id
      JOIN image i ON i.id = r.image_id JOIN generation g ON g.id = i.generation_id
     WHERE p.purged_at IS NULL AND (i.status IN ('withdrawn', 'sealed')
        OR (i.status = 'released' AND g.finished_at < now() - make_interval(secs => %(released_s)s)))"""

# Images that a delivery under way may have written a file of since: one that was sealed then has no publication.
FILES_AGAIN = """
      FROM image i JOIN generation g ON g.id = i.generation_id JOIN release_grant r ON r.image_id = i.id
      LEFT JOIN publication p ON p.grant_id = r.id
     WHERE i.status IN ('withdrawn', 'sealed')
       AND greatest(p.purged_at, g.sealed_at) > now() - make_interval(secs => %(again_s)s)"""

ERASED = "SELECT id FROM generation WHERE erased_at IS NOT NULL AND sealed_at IS NULL"

# Rows whose time is over, and what stands in the record about what its owner erased. The officers' part stays.
ROWS = (
    f"""UPDATE prompt SET text = NULL, negative_text = NULL WHERE generation_id = ANY(ARRAY(
        SELECT p.generation_id FROM prompt p JOIN generation g ON g.id = p.generation_id
         WHERE p.text IS NOT NULL AND g.finished_at < now() - make_interval(secs => %(prompts_s)s)
         LIMIT {FORGET_BATCH}))""",  # noqa: S608
    "DELETE FROM idempotency_key WHERE at < now() - make_interval(secs => %(idempotency_keys_s)s)",
    f"DELETE FROM verdict WHERE at < now() - make_interval(secs => %(scores_s)s) OR generation_id IN ({ERASED})",  # noqa: S608
    "DELETE FROM workers WHERE last_beat < now() - make_interval(secs => %(workers_s)s)",
    f"DELETE FROM audit_private WHERE audience <> 'officer' AND generation_id IN ({ERASED})",  # noqa: S608
)


def _times() -> dict[str, float]:
    configuration = settings.CONFIGURATION
    return {
        "released_s": configuration.keep_released_days * DAY_S,
        "rejected_s": configuration.keep_rejected_days * DAY_S,
        "prompts_s": configuration.keep_prompts_days * DAY_S,
        "idempotency_keys_s": configuration.keep_idempotency_keys_days * DAY_S,
        "scores_s": KEEP_SCORES_DAYS * DAY_S,
        "workers_s": KEEP_WORKERS_S,
        "again_s": PUBLISHED_AGAIN_FOR_S,
    }


def make_partitions() -> bool:
    """The audit log's next months: without one no change commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT make_audit_partitions(3)")
    return False


def purge_masters() -> bool:
    """Delete masters whose time is over; whether more may be left."""
    due = _images(MASTERS, limit=BATCH)
    for image_id in due:
        with transaction.atomic(), connection.cursor() as cursor:
            # Its status is looked at again under its lock: what an officer seals at this moment is kept.
            cursor.execute(
                f"SELECT m.object_key {MASTERS} AND i.id = %(image)s FOR NO KEY UPDATE OF i SKIP LOCKED",
                {**_times(), "image": image_id},
            )
            if (row := cursor.fetchone()) is None:
                continue
            quarantine_cleaner().delete(row[0])
            cursor.execute("UPDATE masters SET purged_at = now(), wrapped_key = NULL WHERE image_id = %s", [image_id])
            cursor.execute("DELETE FROM fingerprint WHERE image_id = %s", [image_id])
    return len(due) == BATCH


def purge_files() -> bool:
    """Delete every published file of images that nobody may read any more; whether more may be left."""
    due = _images(FILES, limit=BATCH)
    for image_id in due:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT p.grant_id {FILES} AND i.id = %(image)s FOR NO KEY UPDATE OF i SKIP LOCKED",
                {**_times(), "image": image_id},
            )
            if grants := [row[0] for row in cursor.fetchall()]:
                released_store().delete_image(image_id)
                cursor.execute("UPDATE publication SET purged_at = now() WHERE grant_id = ANY(%s)", [grants])
    return len(due) == BATCH


def purge_files_again() -> bool:
    """Once more, until no delivery that was under way can have written one."""
    for image_id in _images(FILES_AGAIN):
        released_store().delete_image(image_id)
    return False


def purge_rows() -> bool:
    """Forget words, scores, keys and workers whose time is over, and what was said of what its owner erased."""
    forgotten = 0
    with connection.cursor() as cursor:
        for statement in ROWS:
            cursor.execute(statement, _times())
            forgotten = max(forgotten, cursor.rowcount if statement.startswith("UPDATE prompt") else 0)
    return forgotten == FORGET_BATCH


# Each by itself: a store that does not answer keeps no other from being purged.
STEPS = (make_partitions, purge_masters, purge_files, purge_files_again, purge_rows)


def _images(due: str, *, limit: int | None = None) -> list[uuid.UUID]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT i.id {due} LIMIT %(limit)s", {**_times(), "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def orphans() -> Iterator[None]:
    """Delete what writers left that lost their fence, or died: older than a day and named by no row.

    One object a step, since this lists both stores whole and a sweep has other things to do.
    """
    age_s = settings.CONFIGURATION.keep_orphans_days * DAY_S
    for store, table in ((quarantine_cleaner(), "masters"), (released_store(), "publication")):
        for stored in store.older_than(age_s):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT EXISTS (SELECT FROM {table} WHERE object_key = %s)",  # noqa: S608 - our own names
                    [stored.key],
                )
                known = cursor.fetchone()[0]
            if not known:
                try:
                    store.delete(stored.key)
                except ValueError:
                    logger.warning("something that is not ours lies in a store and is left there")
            yield
