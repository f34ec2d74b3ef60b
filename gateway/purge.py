"""Deletion: only sweepers delete, in both stores, and never what is sealed, held, or not yet judged.

How long things are kept is configuration; docs/operating.md has the defaults. Entries of the audit log stay.
"""

import logging
import uuid

from django.conf import settings
from django.db import connection

from gateway.delivery.access import quarantine_cleaner, released_store
from gateway.delivery.stores import StoreError

logger = logging.getLogger(__name__)

DAY_S = 86_400.0
BATCH = 200
KEEP_SCORES_DAYS = 90
KEEP_WORKERS_S = DAY_S
PUBLISHED_AGAIN_FOR_S = 3600.0  # a delivery under way when an image was withdrawn or sealed can still write

FINAL_WITH_BYTES = "('released', 'rejected', 'failed', 'canceled', 'expired', 'withdrawn')"

# Masters whose time is over: by age for what ended, at once for what its owner erased.
MASTERS = f"""
    SELECT m.image_id, m.object_key FROM masters m
      JOIN image i ON i.id = m.image_id JOIN generation g ON g.id = i.generation_id
     WHERE m.purged_at IS NULL AND i.status IN {FINAL_WITH_BYTES} AND g.sealed_at IS NULL
       AND (g.erased_at IS NOT NULL OR g.finished_at < now() - make_interval(secs =>
            CASE WHEN i.status = 'released' THEN %s ELSE %s END * 86400.0))
     LIMIT {BATCH}"""  # noqa: S608 - our own literals

# Published files that nobody may read any more, or whose time is over.
FILES = f"""
    SELECT p.grant_id, i.id FROM publication p JOIN release_grant r ON r.id = p.grant_id
      JOIN image i ON i.id = r.image_id JOIN generation g ON g.id = i.generation_id
     WHERE (p.purged_at IS NULL OR p.purged_at > now() - make_interval(secs => %s))
       AND (i.status IN ('withdrawn', 'sealed')
        OR (i.status = 'released' AND g.finished_at < now() - make_interval(secs => %s * 86400.0)))
     LIMIT {BATCH}"""  # noqa: S608


def purge() -> None:
    """One round of deletion; each step in small batches, and a store that does not answer is asked again later."""
    try:
        _purge_masters()
        _purge_files()
    except StoreError as error:
        logger.warning("a store did not answer", extra={"fields": {"error": type(error).__name__}})
    _purge_rows()


def _purge_masters() -> None:
    configuration = settings.CONFIGURATION
    with connection.cursor() as cursor:
        cursor.execute(MASTERS, [configuration.keep_released_days, configuration.keep_rejected_days])
        for image_id, object_key in cursor.fetchall():
            quarantine_cleaner().delete(object_key)
            cursor.execute(
                "UPDATE masters SET purged_at = now(), wrapped_key = NULL WHERE image_id = %s AND purged_at IS NULL",
                [image_id],
            )


def _purge_files() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILES, [PUBLISHED_AGAIN_FOR_S, settings.CONFIGURATION.keep_released_days])
        for grant_id, image_id in cursor.fetchall():
            released_store().delete_image(uuid.UUID(str(image_id)))
            cursor.execute(
                "UPDATE publication SET purged_at = now() WHERE grant_id = %s AND purged_at IS NULL", [grant_id]
            )


def purge_orphans() -> None:
    """Blobs of fenced attempts: older than a day and named by no master. They have no key anywhere.

    It lists the whole store, so it is for every hour, not for every minute.
    """
    age_s = settings.CONFIGURATION.keep_orphans_days * DAY_S
    try:
        for stored in quarantine_cleaner().older_than(age_s):
            with connection.cursor() as cursor:
                cursor.execute("SELECT EXISTS (SELECT FROM masters WHERE object_key = %s)", [stored.key])
                known = cursor.fetchone()[0]
            if not known:
                quarantine_cleaner().delete(stored.key)
    except StoreError as error:
        logger.warning("a store did not answer", extra={"fields": {"error": type(error).__name__}})


def _purge_rows() -> None:
    configuration = settings.CONFIGURATION
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE prompt SET text = NULL, negative_text = NULL WHERE text IS NOT NULL AND generation_id IN "
            "(SELECT id FROM generation WHERE finished_at < now() - make_interval(secs => %s) LIMIT 1000)",
            [configuration.keep_prompts_days * DAY_S],
        )
        cursor.execute(
            "DELETE FROM idempotency_key WHERE at < now() - make_interval(secs => %s)",
            [configuration.keep_idempotency_keys_days * DAY_S],
        )
        cursor.execute("DELETE FROM verdict WHERE at < now() - make_interval(secs => %s)", [KEEP_SCORES_DAYS * DAY_S])
        cursor.execute("DELETE FROM workers WHERE last_beat < now() - make_interval(secs => %s)", [KEEP_WORKERS_S])
        cursor.execute(
            "DELETE FROM audit_private WHERE audience <> 'officer' AND generation_id IN "
            "(SELECT id FROM generation WHERE erased_at IS NOT NULL AND sealed_at IS NULL)"
        )
        cursor.execute("SELECT make_audit_partitions(3)")
