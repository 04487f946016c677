"""The enumerations that messages, the store, reports and commands share."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """The database type of a target; a token of subjects."""

    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"


class Outcome(StrEnum):
    """How a check on a target ended; only the first two are a verdict on the database."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(StrEnum):
    """The reason for an outcome `skipped` or `error`."""

    NOT_APPLICABLE = "not_applicable"  # skipped: no guard of the check matches this server
    UNDECIDED = "undecided"  # skipped: the script called skip(); its reason says why
    UNSUPPORTED = "unsupported"  # skipped: a query type that is not available here
    UNKNOWN_CHECK = "unknown_check"  # error: this worker has no check of that id and digest
    UNTRUSTED_PACK = "untrusted_pack"  # skipped: `reason` says why the pack was rejected
    DISABLED = "disabled"  # skipped: STT or the check was disabled before the job ran
    EXPIRED = "expired"  # skipped: the job expired before a worker took it
    NO_PRIVILEGE = "no_privilege"  # error: the reason names the missing grant
    QUERY = "query"
    TIMEOUT = "timeout"
    SCRIPT = "script"
    UNREACHABLE = "unreachable"
    AUTH = "auth"
    TLS = "tls"  # error: the certificate or TLS mode of the server is not the required one
    CONFIG = "config"  # error: the settings or the secret of the target cannot be read
    SESSION = "session"  # error: a session setting of the server changes the meaning of queries
    TOO_LARGE = "too_large"  # error: rows, bytes or findings over the limit
    DEAD = "dead"  # error: five deliveries ended without a result
    NO_WORKER = "no_worker"  # error, set by the coordinator: no result by the deadline
    NOT_RUN = "not_run"  # skipped, set by the coordinator: never run on this target
    GONE = "gone"  # skipped, set by the coordinator: no worker announces the target any more


class Leftovers(StrEnum):
    """Which of the workers that are down, or of the targets that are gone, are forgotten."""

    ALL = "all"
    NEVER_ANSWERED = "never_answered"  # no result of the worker, or of the target, was recorded


class Restart(StrEnum):
    """What a remediation needs before it holds."""

    NONE = "none"
    RELOAD = "reload"  # of the configuration; open sessions stay
    RESTART = "restart"  # of the server; every session ends


class Severity(StrEnum):
    """The three severities, most severe first."""

    CRITICAL = "critical"
    MAJOR = "major"
    TRIVIAL = "trivial"

    @property
    def rank(self) -> int:
        """The place in this order: 0 for the most severe."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class FindingState(StrEnum):
    """The life-cycle state of a finding."""

    OPEN = "open"
    RESOLVED = "resolved"
    REOPENED = "reopened"


class Change(StrEnum):
    """What happened to a finding; a token of event subjects."""

    OPENED = "opened"
    CHANGED = "changed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ACCEPTED = "accepted"  # a suppression applies from now on, or a different one than before
    UNACCEPTED = "unaccepted"  # no suppression applies any more


class SuppressionPhase(StrEnum):
    """What happened to a suppression; a token of event subjects."""

    CREATED = "created"
    CHANGED = "changed"  # an import changed its last day, reason or severity
    ENDING = "ending"  # it ends within 7 days
    ENDED = "ended"
    REVOKED = "revoked"


class RunPhase(StrEnum):
    """What happened to a run; a token of event subjects."""

    STARTED = "started"
    FINISHED = "finished"
    SKIPPED = "skipped"  # the coordinator decided not to run


class ClockState(StrEnum):
    """Whether acts wait because clocks disagree; a token of event subjects."""

    HELD = "held"
    RELEASED = "released"


class WorkerState(StrEnum):
    """Whether a worker is alive; a token of event subjects."""

    UP = "up"
    DOWN = "down"


class TargetPhase(StrEnum):
    """What happened to a target; a token of event subjects."""

    CLAIMED = "claimed"  # a worker announces it that may not have it; it gets no jobs
    MOVED = "moved"  # it belongs to another site, or is of another family, from now on
    GONE = "gone"  # a worker withdrew it, and no live worker of its site announces it
    BACK = "back"  # it was gone and is announced again
    FORGOTTEN = "forgotten"  # by an operator: no longer counted, its findings are resolved


class Interval(StrEnum):
    """How often a check runs; the coordinator's schedule defines the periods."""

    STANDARD = "standard"
    FREQUENT = "frequent"
    RARE = "rare"


class Role(StrEnum):
    """Permissions of a logged-in user; each role includes the one before."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # accept findings, run and check again
    ADMIN = "admin"  # enable, disable, override severities, switch checks


class Way(StrEnum):
    """The interface that a change was requested through."""

    CLI = "cli"  # over NATS
    PAGE = "page"
    API = "api"
