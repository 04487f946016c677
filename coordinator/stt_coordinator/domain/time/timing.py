"""Every time limit of the coordinator's tasks, with what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Time limits of the tasks; production uses these defaults, tests set shorter ones."""

    # Between two reads of the schedule and of the control state, which others may have changed.
    schedule_s: float = 1.0
    # What the first run after enabling waits for the first announcement: workers send every 15 s.
    first_targets: timedelta = timedelta(seconds=20)
    # How long a published job may go without a result before it is reconciled.
    result_timeout: timedelta = timedelta(minutes=5)
    # How often a job that got lost is published before it is given up.
    max_dispatches: int = 3
    # When a job is tried again whose subject was still taken by the target's last one.
    occupied: timedelta = timedelta(seconds=1)
    reconcile_s: float = 60.0
    # Between two comparisons of the clocks, beside those before each act that depends on them.
    clock_s: float = 10.0
    # Between two looks whether replicas are up to date; at two in a row a server is named.
    replicas_s: float = 15.0
    # Between two looks at what does not work in the leader: it writes it, the others read it.
    report_s: float = 5.0
    # Three announcements missed.
    worker_down: timedelta = timedelta(seconds=45)
    # Between two deliveries of a result whose worker has not announced its target yet.
    announced_s: float = 10.0
    # How long every worker of a target must be silent before another site's claim is accepted.
    release_after: timedelta = timedelta(hours=24)
    # How long a discovered target that is gone stays in the counts before it is forgotten.
    forget_discovered: timedelta = timedelta(hours=72)
    # Between two looks which suppressions end, and which discovered targets are over.
    ends_s: float = 60.0
    # New targets get a first run together: when none was new for so long, or the first waited so
    # long. A worker may announce thousands, and many workers start at once.
    new_targets_quiet_s: float = 5.0
    new_targets_most_s: float = 60.0
    # Between two writes of what workers announced.
    registry_s: float = 0.25
    summary_s: float = 1.0
    # What a task waits before it tries again when NATS or the store do not answer.
    trouble_s: float = 1.0
    linger_s: float = 0.02
    prune_s: float = 3600.0
    # Silence after which a standby takes over: shorter than a worker's announcements are missed.
    lease_ttl_s: float = 15.0
