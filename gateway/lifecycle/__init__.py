"""Every change of status, and nothing else changes one. A function is one transition: one transaction, with its entry.

accepting  the clients' door       screening  prompts and pictures judged     making  pictures made and delivered
deciding   what people say         sealing    what only officers may read     upkeep  what is stranded or overdue
denying    several images of one request at once      bulk     cases of many requests, each by itself
opening    what is sealed, by two people         requesters  whose further work an officer holds
remembering  pictures that people decided about before      routing    which queue a case waits in
"""

from gateway.lifecycle.accepting import Request, accept, cancel, erase, prompt_hash, withdraw
from gateway.lifecycle.bulk import MOST_IN_A_BATCH, Batch, LeftOut, deny_each, undo_batch
from gateway.lifecycle.deciding import carry_out, decide, note_look, note_view, seal_case, undo
from gateway.lifecycle.denying import Shown, deny_several, said_together, undo_together
from gateway.lifecycle.making import (
    PublishedFile,
    StoredBytes,
    settle_delivered,
    settle_generated,
    settle_not_delivered,
    settle_not_generated,
)
from gateway.lifecycle.opening import (
    agree_to_open,
    ask_to_open,
    end_opening,
    live_access,
    note_alarm,
    note_sealed_view,
)
from gateway.lifecycle.remembering import may_be_let_go_again, retire_known_picture
from gateway.lifecycle.requesters import hold_requester, let_requester_go, requester_is_held
from gateway.lifecycle.routing import Rerouted, Routing, reroute
from gateway.lifecycle.screening import Judgement, settle_image, settle_prompt
from gateway.lifecycle.sealing import lift_seal, seal
from gateway.lifecycle.transaction import status_of
from gateway.lifecycle.upkeep import checker_lives, derive_again, expire, hold_without_checker, look_again

__all__ = [
    "MOST_IN_A_BATCH",
    "Batch",
    "Judgement",
    "LeftOut",
    "PublishedFile",
    "Request",
    "Rerouted",
    "Routing",
    "Shown",
    "StoredBytes",
    "accept",
    "agree_to_open",
    "ask_to_open",
    "cancel",
    "carry_out",
    "checker_lives",
    "decide",
    "deny_each",
    "deny_several",
    "derive_again",
    "end_opening",
    "erase",
    "expire",
    "hold_requester",
    "hold_without_checker",
    "let_requester_go",
    "lift_seal",
    "live_access",
    "look_again",
    "may_be_let_go_again",
    "note_alarm",
    "note_look",
    "note_sealed_view",
    "note_view",
    "prompt_hash",
    "requester_is_held",
    "reroute",
    "retire_known_picture",
    "said_together",
    "seal",
    "seal_case",
    "settle_delivered",
    "settle_generated",
    "settle_image",
    "settle_not_delivered",
    "settle_not_generated",
    "settle_prompt",
    "status_of",
    "undo",
    "undo_batch",
    "undo_together",
    "withdraw",
]
