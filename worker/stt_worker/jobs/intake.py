"""Read a delivery as a job, or reject it with a code."""

from __future__ import annotations

from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Job
from stt_shared.protocol.reading import JOB, read_message


def read(delivery: Delivery, site: str, family: Family) -> Job:
    """The job in `delivery`, taken from the consumer of `site` and `family`.

    Raises ProtocolError: a code of the codec, `wrong_site` or `wrong_subject`.
    """
    job = read_message(JOB, delivery.subject, delivery.data)
    # The broker filters by subject; a consumer that somebody changed must not widen what runs here.
    if (job.site, job.family) != (site, family):
        here, there = f"{family} at {site}", f"{job.family} at {job.site}"
        raise ProtocolError("wrong_site", f"job for {there!r:.150}, this consumer is for {here!r}")
    return job
