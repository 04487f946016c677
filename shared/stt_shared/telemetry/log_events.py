"""The log events of shared code; coordinator and worker each have a list of their own.

The `event` of a line is a noun and a verb: `result_recorded`. Each list is closed: a test compares
it with the calls in the code, and `docs/log-events.md` is generated from both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

EVENT_NAME = re.compile(r"[a-z]+(_[a-z]+)+")

# By name: what happened, for an operator who reads the line.
EVENTS: Mapping[str, str] = {
    "acknowledgement_failed": "the broker did not confirm one; the message is delivered again",
    "connection_closed": "closing a connection to NATS failed; it is dropped",
    "connection_failed": "NATS cannot be reached; it is retried",
    "connection_lost": "the connection to NATS was lost; the client reconnects",
    "connection_replaced": "an unusable connection to NATS was replaced by a new one",
    "connection_restored": "the connection to NATS is restored",
    "handler_failed": "a handler of the control service raised; the request got an error",
    "headers_unreadable": "the headers of a message are not of NATS; it is read without them",
    "permission_refused": "nats-server refuses this user a subject; what is sent there is lost",
    "progress_stopped": "the service made no progress; systemd's watchdog is not fed",
    "request_dropped": "an answer of the server arrived on a subject of requests and was dropped",
    "reply_failed": "the answer to a request could not be sent",
    "settlement_failed": "a message could not be acknowledged or returned; it is delivered again",
    "task_crashed": "an internal error ended a background task; a loop starts again",
    "subscription_failed": "a subscription could not be ended; it ends with the connection",
}
