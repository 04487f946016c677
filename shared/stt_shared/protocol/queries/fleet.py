"""Requests that change whom targets belong to: move and forget targets, forget workers."""

from __future__ import annotations

from stt_shared.protocol.enums import Leftovers
from stt_shared.protocol.messages import Value

MAX_FORGOTTEN = 1_000  # workers or targets that one request with a selection forgets
MAX_LISTED = 1_000  # targets in the reply to a request that forgets workers


class TargetMoveRequest(Value, frozen=True, kw_only=True):
    """Give targets to a site whose workers announce them; they leave the site that has them."""

    targets: tuple[str, ...]
    site: str
    by: str = ""
    reason: str = ""
    schema: str = "stt.control.target-move/v1"


class TargetForgetRequest(Value, frozen=True, kw_only=True):
    """Forget targets that no live worker announces: they leave the counts, findings resolve.

    Either those in `targets`, or with `which` the first `limit` of all gone ones of `sites` (empty:
    of every site). `dry_run` changes nothing.
    """

    targets: tuple[str, ...] = ()
    which: Leftovers | None = None
    sites: tuple[str, ...] = ()
    limit: int = MAX_FORGOTTEN
    dry_run: bool = False
    by: str = ""
    reason: str = ""
    schema: str = "stt.control.target-forget/v1"


class WorkerForgetRequest(Value, frozen=True, kw_only=True):
    """Forget workers that are down; targets that no other one announces are gone then.

    Either `worker` and those in `workers`, or with `which` the first `limit` of all that are down
    at `sites` (empty: at every site). `dry_run` changes nothing.
    """

    worker: str = ""
    workers: tuple[str, ...] = ()
    which: Leftovers | None = None
    sites: tuple[str, ...] = ()
    limit: int = MAX_FORGOTTEN
    dry_run: bool = False
    by: str = ""
    reason: str = ""
    schema: str = "stt.control.worker-forget/v1"


class FleetReply(Value, frozen=True, kw_only=True):
    """The targets that changed: moved, forgotten, or gone with their workers.

    `workers` are those that were forgotten, `more` is how many others a selection matches. With
    workers `targets` are the first MAX_LISTED of `target_count`. After a dry run all of that is
    what would change, and `changed` is false.
    """

    targets: tuple[str, ...]
    changed: bool
    workers: tuple[str, ...] = ()
    target_count: int = 0
    more: int = 0
    schema: str = "stt.control.fleet-reply/v1"
