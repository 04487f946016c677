"""A delivery becomes a job, or the named reason why it is none for this worker."""

from __future__ import annotations

from stt_shared.bus.port import Delivery
from stt_shared.errors import ProtocolError
from stt_shared.identity import is_token
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Job


def read(delivery: Delivery, site: str, family: Family) -> Job:
    """The job in `delivery`, taken from the consumer of `site` and `family`.

    Raises ProtocolError: a code of the codec, `wrong_site` or `wrong_subject`.
    """
    job = codec.decode(Job, delivery.data)
    if (job.site, job.family) != (site, family):
        here, there = f"{family} at {site}", f"{job.family} at {job.site}"
        raise ProtocolError(
            "wrong_site", f"a job for {there!r:.150}, this consumer is for {here!r}"
        )
    if not is_token(job.target) or delivery.subject != subjects.job(family, site, job.target):
        what = f"a job for target {job.target!r:.80} came on {delivery.subject!r:.200}"
        raise ProtocolError("wrong_subject", what)
    return job
