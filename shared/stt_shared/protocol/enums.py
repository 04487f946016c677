"""The enumerations that messages, the store, reports and commands share."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """The database type of a target; a token of subjects."""

    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"


class Outcome(StrEnum):
    """How a check on a target ended; only the first two say anything about the database."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(StrEnum):
    """Why an outcome is skipped or error."""

    NOT_APPLICABLE = "not_applicable"  # skipped: no guard of the check holds for this server
    UNDECIDED = "undecided"  # skipped: the script called skip(); its reason says why
    UNSUPPORTED = "unsupported"  # skipped: a query type that is not available here
    UNKNOWN_CHECK = "unknown_check"  # error: this worker has no check of that id and digest
    UNTRUSTED_PACK = "untrusted_pack"  # skipped: the reason names why the pack is refused
    DISABLED = "disabled"  # skipped: STT or the check was disabled before the job ran
    EXPIRED = "expired"  # skipped: the job's time was over before a worker took it
    NO_PRIVILEGE = "no_privilege"  # error: the reason names the missing grant
    QUERY = "query"
    TIMEOUT = "timeout"
    SCRIPT = "script"
    UNREACHABLE = "unreachable"
    AUTH = "auth"
    TLS = "tls"  # error: the server's certificate or TLS mode is not what the target asks for
    CONFIG = "config"  # error: the target's own settings or its secret cannot be read
    SESSION = "session"  # error: a setting of the server could change what the queries mean
    TOO_LARGE = "too_large"  # error: rows, bytes or findings over the limit
    DEAD = "dead"  # error: five deliveries ended without a result
    NO_WORKER = "no_worker"  # error, written by the coordinator: nobody answered by the deadline


class Severity(StrEnum):
    """The three severities people see, most severe first."""

    CRITICAL = "critical"
    MAJOR = "major"
    TRIVIAL = "trivial"

    @property
    def rank(self) -> int:
        """The place in this order: 0 for the most severe."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class FindingState(StrEnum):
    """Where a finding is in its life."""

    OPEN = "open"
    RESOLVED = "resolved"
    REOPENED = "reopened"


class Change(StrEnum):
    """What happened to a finding; a token of event subjects."""

    OPENED = "opened"
    CHANGED = "changed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ACCEPTED = "accepted"  # an exception holds for it from now on, or another one than before
    UNACCEPTED = "unaccepted"  # no exception holds for it any more


class ExceptionPhase(StrEnum):
    """What happened to an exception; a token of event subjects."""

    CREATED = "created"
    CHANGED = "changed"  # a file has another last day, reason or severity for it
    ENDING = "ending"  # it ends within 7 days
    ENDED = "ended"
    REVOKED = "revoked"


class RunPhase(StrEnum):
    """What happened to a run; a token of event subjects."""

    STARTED = "started"
    FINISHED = "finished"
    SKIPPED = "skipped"  # the decision was not to run


class WorkerState(StrEnum):
    """Whether a worker is there; a token of event subjects."""

    UP = "up"
    DOWN = "down"


class Interval(StrEnum):
    """How often a check runs; the periods are constants of the coordinator's schedule."""

    STANDARD = "standard"
    FREQUENT = "frequent"
    RARE = "rare"


class Role(StrEnum):
    """What somebody who logged in may do, each all of the one before."""

    VIEWER = "viewer"  # look
    OPERATOR = "operator"  # accept findings, run and check again
    ADMIN = "admin"  # enable, disable, other severities, switch checks


class Way(StrEnum):
    """How a request for a change came."""

    CLI = "cli"  # over NATS
    PAGE = "page"
    API = "api"
