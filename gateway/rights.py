"""Who may touch what: the rights of every role, by table, INSERT and UPDATE by column.

This is the one list. `manage.py migrate` applies it, and a test compares it with the database. Nobody may write an
audit entry's `xid`, `at` or `era`: a forged old transaction id would lie behind an exporter's watermark for ever.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db import connection, transaction

ROLES = ("clients", "people", "screening", "generation", "delivery", "sweeper")
OWNER = "imprimatur_owner"


@dataclass
class Rights:
    """Rights on one table: whole-table privileges, and columns for INSERT and UPDATE."""

    privileges: set[str] = field(default_factory=set)
    insert: set[str] = field(default_factory=set)
    update: set[str] = field(default_factory=set)


_matrix: dict[str, dict[str, Rights]] = {role: defaultdict(Rights) for role in ROLES}


def _select(roles: str, tables: str) -> None:
    for role in roles.split():
        for table in tables.split():
            _matrix[role][table].privileges.add("SELECT")


def _delete(roles: str, tables: str) -> None:
    for role in roles.split():
        for table in tables.split():
            _matrix[role][table].privileges.add("DELETE")


def _insert(roles: str, table: str, columns: str) -> None:
    for role in roles.split():
        _matrix[role][table].insert.update(columns.split())


def _update(roles: str, table: str, columns: str) -> None:
    for role in roles.split():
        _matrix[role][table].update.update(columns.split())


_ALL = " ".join(ROLES)
_CASES = "clients people screening sweeper"  # those who open, claim or close cases and share out
_SETTLE = "people screening sweeper"  # those who clear prompts, hold and grant

# ---- everybody: the log, and what a claim, a heartbeat and a derived status need
_insert(_ALL, "audit", "id organization_id generation_id target_id from_status to_status body")
_insert(_ALL, "audit_private", "audit_id field generation_id audience salt value")
_select(_ALL, "organization queue workers generation image model_clock django_migrations audit_era")
_update(_ALL, "generation", "status finished_at")
_update(_ALL, "image", "status lease_until leased_by attempt crashes not_before reason")

_select(_CASES, "review_case fair_share")
_update(_CASES, "review_case", "status version effective_at lease_user_id lease_token lease_until")
_update(_CASES, "fair_share", "last_finish")
_update(_CASES, "generation", "prompt_state lease_until leased_by reason")

_insert(
    _SETTLE,
    "review_case",
    "id kind generation_id image_id queue_id lane category score priority due_at claimable_at expires_at "
    "approvals_required "
    "lease_user_id lease_token lease_until",
)
_select(_SETTLE, "routing_rule")
_insert(_SETTLE, "fair_share", "organization_id model last_finish")
_insert(_SETTLE, "release_grant", "id image_id master_sha256 recipe case_id policy_sha256")
_update(_SETTLE, "image", "tag hold_anyway held_why grant_id")

# ---- clients' door
_select(
    "clients",
    "api_key gate prompt idempotency_key release_grant publication usage audit audit_opening_for_organization "
    "policy_version",
)
_insert("clients", "idempotency_key", "organization_id key fingerprint generation_id")
_insert("clients", "prompt", "generation_id text negative_text")
_update("clients", "prompt", "text negative_text")
_update("clients", "generation", "erased_at")
_update("clients", "api_key", "last_used_at")
# Nothing is born further on than at its first status:
_insert(
    "clients",
    "generation",
    "id organization_id api_key_id requester model parameters num_images cost prompt_sha256 deadline_at",
)
_insert("clients", "image", "id generation_id position model seed")

# ---- workers
for _kind in ("screening", "generation", "delivery"):
    _insert(_kind, "workers", "boot_id kind host pid serves started_at last_beat self_test_at problem failing")
    _update(_kind, "workers", "last_beat self_test_at serves problem failing")

_select("screening", "prompt masters policy_version verdict")
_insert("screening", "policy_version", "sha256 version document created_at")
_insert(
    "screening", "verdict", "id generation_id image_id attempt outcome category reasons assessments policy_sha256 at"
)
_insert("screening", "seals", "id generation_id why prompt_for_officers")
_update("screening", "generation", "attempt crashes not_before held_why sealed_at")
_update("screening people", "masters", "wrapped_key")
_update("screening people", "prompt", "text negative_text")

_select("generation", "prompt")
_insert("generation", "masters", "image_id attempt object_key sha256 size_bytes wrapped_key")
_insert("generation", "usage", "image_id organization_id units")
_insert("generation", "model_clock", "model v")
_update("generation", "image", "master_sha256")
_update("generation", "model_clock", "v")

_select("delivery", "masters release_grant")
_insert("delivery", "publication", "grant_id encoded_sha256 object_key content_type width_px height_px size_bytes")
_update("delivery", "image", "encoded_sha256")

# ---- people's door
_select(
    "people",
    "api_key prompt masters decision standing_decision look seals release_grant publication audit audit_private usage "
    "policy_version verdict person gate idempotency_key audit_opening_for_organization",
)
_insert(
    "people",
    "decision",
    "id case_id version user_id token outcome sha256 category note effective_at undoes_id remember",
)
_insert("people", "look", "id case_id user_id sha256 form ms")
_insert("people", "seals", "id generation_id why prompt_for_officers")
_insert("people", "organization", "id name weight max_unfinished created_at")
_insert(
    "people",
    "api_key",
    "id organization_id name public_id secret_hmac scopes created_at expires_at revoked_at last_used_at",
)
_update("people", "organization", "name weight max_unfinished")
_update("people", "api_key", "revoked_at expires_at")
_update("people sweeper", "generation", "deadline_at")
_update("people", "generation", "sealed_at")
_update("people", "image", "encoded_sha256")
_update("people", "review_case", "queue_id lane priority due_at")
_update("people", "seals", "lifted_at noted_at noted_by_id")
_insert("people", "queue", "name undo_window_s due_after_s")
_update("people", "queue", "undo_window_s due_after_s")
_insert(
    "people",
    "routing_rule",
    "id position name kind category organization_id min_score max_score queue_id priority",
)
_update("people", "routing_rule", "retired_at")
_select("people", "queue_assignment")
_insert("people", "queue_assignment", "id queue_id user_id")
_delete("people", "queue_assignment")

# ---- sweeper
_select("sweeper", "gate decision standing_decision release_grant masters publication idempotency_key audit_private")
_update("sweeper", "generation", "crashes not_before held_why looked_again")
_update("sweeper", "image", "looked_again")
_update("sweeper", "review_case", "lane due_at claimable_at expires_at")
_update("sweeper", "queue", "depth oldest_at counted_at")
_update("sweeper", "gate", "unfinished max_unfinished counted_at")
_update("sweeper", "masters", "purged_at wrapped_key")
_update("sweeper", "publication", "purged_at")
_update("sweeper", "prompt", "text negative_text")
_select("sweeper", "prompt")
_delete("sweeper", "idempotency_key workers audit_private verdict")
_select("sweeper", "verdict")

# ---- known pictures: written where a decision is carried out, read by the checkers, retired by people
_insert("screening", "fingerprint", "image_id sha256 pdq quality colours")
_select("screening people sweeper", "fingerprint")
_delete("screening people sweeper", "fingerprint")
_insert(
    "people sweeper",
    "known_picture",
    "id side sha256 pdq quality colours category organization_id policy_sha256 approvals decision_id",
)
_select("people", "known_picture")
_select("screening people", "known_picture_in_force")
_update("people", "known_picture", "retired_at retired_by_id")

# ---- who opens what is sealed, and whose further work an officer holds: a score can do neither
_select("people", "sealed_access")
_insert("people", "sealed_access", "id seal_id purpose reason asked_by_id ask_until")
_update("people", "sealed_access", "agreed_by_id agreed_at until ended_by_id ended_at")
_select("people screening", "requester_hold")
_insert("people", "requester_hold", "id organization_id requester reason placed_by_id")
_update("people", "requester_hold", "lifted_by_id lifted_at lift_reason")

# ---- what people chose for their own desk, and since when they work: nobody's but the people's door
_select("people", "desk_settings work_stretch")
_CHOSEN = (
    "blur_columns derivative_px grey_first reveal break_suggested_s break_required_s break_s severe_per_day_s "
    "severe_in_a_row clear_looks_per_day opted_out keys single_keys"
)
_insert("people", "desk_settings", f"user_id {_CHOSEN}")
_update("people", "desk_settings", _CHOSEN)
_insert("people", "work_stretch", "user_id began_at last_at at_severe day severe_s severe_in_a_row")
_update("people", "work_stretch", "began_at last_at at_severe day severe_s severe_in_a_row")

# ---- who asked to be told that work waits: the sweeper tells them, and knows no more of an account than it must
_NOTICE_RULE = "address queue_ids every_s waits_s only_first quiet_from quiet_until time_zone"
_select("people", "notice_rule notice_sending")
_insert("people", "notice_rule", f"user_id {_NOTICE_RULE}")
_update("people", "notice_rule", _NOTICE_RULE)
_delete("people", "notice_rule")
_select("sweeper", "notice_recipient notice_sending")
_insert("sweeper", "notice_sending", "key next_at armed")
_update("sweeper", "notice_sending", "next_at armed sent_at failures problem")

# ---- whose work a person may not decide
_select("people", "client_membership")
_insert("people", "client_membership", "id user_id organization_id since")
_delete("people", "client_membership")

# ---- many cases denied together, pictures taken off their list, and searches of the log by name
_insert("people", "decision", "batch")
_update("people", "known_picture", "retire_reason")
_select("people", "saved_search")
_insert("people", "saved_search", "id user_id name filters created_at")
_update("people", "saved_search", "name filters")
_delete("people", "saved_search")

MATRIX: dict[str, dict[str, Rights]] = {role: dict(tables) for role, tables in _matrix.items()}

# Tables of Django and of allauth that the people's door uses whole.
ACCOUNT_TABLES = ("person", "django_session", "django_content_type", "account_", "mfa_", "review_")

# Functions that a role calls, or that its INSERT and UPDATE call as itself; triggers' own functions are nobody's.
FUNCTIONS = {
    "is_edge(text, text, text)": ROLES,
    "current_era()": ROLES,
    "make_audit_partitions(int)": ("sweeper",),
    "claim_cases(uuid, text[], boolean[], text[], int, uuid[], boolean, uuid, float)": ("people",),
    "claim_spared_cases(uuid, text[], boolean[], text[], int, uuid[], boolean, uuid, float)": ("people",),
    "people_said_yes(uuid, uuid, uuid, bytea)": ("people", "sweeper"),
    "pdq_bands(bytea)": ("people", "screening"),
    "pdq_near_bands(bytea)": ("people",),
    "pdq_distance(bytea, bytea)": ("people",),
}


def statements(tables: list[str]) -> list[str]:
    """The GRANT and REVOKE statements that bring a database with these tables to the matrix."""
    everyone = ", ".join(ROLES)
    said = [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {everyone}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {everyone}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {everyone}",
        f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, {everyone}",
    ]
    # REVOKE on a table leaves rights by column in place unless they are named.
    said += [f'REVOKE ALL ({{columns:{table}}}) ON "{table}" FROM {everyone}' for table in tables]
    for role, rights in MATRIX.items():
        for table, right in rights.items():
            parts = sorted(right.privileges)
            if right.insert:
                parts.append(f"INSERT ({_quoted(right.insert)})")
            if right.update:
                parts.append(f"UPDATE ({_quoted(right.update)})")
            said.append(f'GRANT {", ".join(parts)} ON "{table}" TO {role}')
    for table in tables:
        if table.startswith(ACCOUNT_TABLES) and not table.startswith("review_case"):
            said.append(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO people')
    said.append("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO people")
    for function, roles in FUNCTIONS.items():
        said.append(f"GRANT EXECUTE ON FUNCTION {function} TO {', '.join(roles)}")
    return said


def _quoted(columns: set[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(columns))


def apply() -> None:
    """Bring the database's rights to the matrix, in one transaction. Run as the owner."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, array_agg(quote_ident(a.attname)) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') GROUP BY 1 ORDER BY 1"
        )
        columns = dict(cursor.fetchall())
        for statement in statements(list(columns)):
            for table, names in columns.items():
                marker = f"{{columns:{table}}}"
                if marker in statement:
                    statement = statement.replace(marker, ", ".join(names))  # noqa: PLW2901
                    break
            cursor.execute(statement)
