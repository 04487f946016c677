"""The log events of the worker: a closed set, by name with what happened."""

from __future__ import annotations

from collections.abc import Mapping

EVENTS: Mapping[str, str] = {
    "access_missing": "NATS does not let this worker use these subjects: rights are missing",
    "access_restored": "NATS lets this worker use all of its subjects again",
    "check_finished": "a check of a job has its outcome",
    "check_rejected": "a check of an accepted pack is not valid; the pack is used without it",
    "consumer_failed": "jobs cannot be taken from NATS; tried again",
    "control_state_failed": "the control state cannot be read; the job waits",
    "filter_missing": "the sandbox runs without its filter of system calls on this machine",
    "heartbeat_failed": "a heartbeat could not be sent; the next one replaces it",
    "heartbeat_shortened": "a heartbeat was too large; it was sent without labels",
    "job_abandoned": "a job was delivered too often and is not tried again",
    "job_interrupted": "an internal error ended the task of a job; it is delivered again",
    "job_crashed": "an internal error ended a job; its checks have errors as outcomes",
    "job_postponed": "a job cannot run or be recorded now; it is delivered again",
    "job_rejected": "a message is not a job for this worker; it is not delivered again",
    "job_started": "a job was admitted and begins",
    "nudges_failed": "requests for a heartbeat cannot be received; tried again",
    "outbox_failed": "the outbox cannot be read",
    "outbox_restored": "the file of the outbox was deleted or replaced; it was written again",
    "pack_accepted": "another pack of checks is in use",
    "pack_failed": "the pack of a job cannot be fetched or recorded now; the job waits",
    "pack_rejected": "a pack is not valid or not trusted; it is not used",
    "result_recorded": "the result of a job is in the outbox",
    "result_shortened": "the result was too large for NATS; outcomes became errors or are left out",
    "results_delayed": "NATS does not store results now; tried again",
    "script_rejected": "a script of an accepted pack is not valid; its check ends as an error",
    "settlement_failed": "a job could not be acknowledged or returned; it is delivered again",
    "targets_rejected": "the changed list of targets has faults; the one before stays in use",
    "targets_reloaded": "the list of targets was read again",
    "targets_suspected": "the list of targets probably contains a mistake",
    "unsigned_pack_accepted": "another pack of checks is in use, without a signature",
    "unsigned_packs_allowed": "packs without a signature are accepted: allow_unsigned is on",
    "watermark_failed": "the coordinator's watermark cannot be read; tried again",
    "watermark_ahead": "the watermark is above all positions of this outbox: an older copy of the "
    "outbox, or another worker of this name",
    "watermark_stalled": "the coordinator stores nothing; all results are published again",
    "worker_started": "the worker takes jobs",
    "worker_stopped": "the worker ended",
}
