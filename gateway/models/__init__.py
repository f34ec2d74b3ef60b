"""The record, one concept a file. docs/lifecycle.md tells what each table holds and who may change it."""

from .audit import AuditEntry, AuditPrivate
from .care import DeskSettings, Reveal, WorkStretch
from .cases import Case, Decision, Look, Outcome, Queue, Seal
from .counters import FairShare, Gate, ModelClock, Worker
from .generations import (
    MAX_SEED,
    UNFINISHED,
    Generation,
    GenerationStatus,
    HeldWhy,
    Image,
    ImageStatus,
    Master,
    Prompt,
    PromptState,
    Usage,
)
from .known_pictures import ImageFingerprint, KnownPicture, Side
from .notices import MAX_EVERY_S, MAX_WAITS_S, MIN_EVERY_S, NoticeRule, NoticeSending
from .organizations import ApiKey, IdempotencyKey, Organization
from .people import ClientMembership, Role, User
from .policies import PolicyVersion, Verdict
from .releases import Grant, Publication
from .routing import DEFAULT_QUEUE_ID, UNSCREENED, QueueAssignment, RoutingRule
from .sealed import MIN_REASON, Purpose, RequesterHold, SealedAccess
from .searches import SavedSearch

__all__ = [
    "DEFAULT_QUEUE_ID",
    "MAX_EVERY_S",
    "MAX_SEED",
    "MAX_WAITS_S",
    "MIN_EVERY_S",
    "MIN_REASON",
    "UNFINISHED",
    "UNSCREENED",
    "ApiKey",
    "AuditEntry",
    "AuditPrivate",
    "Case",
    "ClientMembership",
    "Decision",
    "DeskSettings",
    "FairShare",
    "Gate",
    "Generation",
    "GenerationStatus",
    "Grant",
    "HeldWhy",
    "IdempotencyKey",
    "Image",
    "ImageFingerprint",
    "ImageStatus",
    "KnownPicture",
    "Look",
    "Master",
    "ModelClock",
    "NoticeRule",
    "NoticeSending",
    "Organization",
    "Outcome",
    "PolicyVersion",
    "Prompt",
    "PromptState",
    "Publication",
    "Purpose",
    "Queue",
    "QueueAssignment",
    "RequesterHold",
    "Reveal",
    "Role",
    "RoutingRule",
    "SavedSearch",
    "Seal",
    "SealedAccess",
    "Side",
    "Usage",
    "User",
    "Verdict",
    "WorkStretch",
    "Worker",
]
