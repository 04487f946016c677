"""A message that says something else than its subject is rejected by name, whoever reads it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Announcement, Job
from stt_shared.protocol.reading import ANNOUNCEMENT, JOB, read_message

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def job(target: str = "t1", site: str = "eu") -> Job:
    return Job(
        job_id="j1",
        run_id="r1",
        dispatch=1,
        target=target,
        family=Family.MYSQL,
        site=site,
        checks=(),
        created=NOW,
        expires=NOW,
    )


def test_a_message_on_the_subject_that_it_is_published_on_is_read() -> None:
    sent = job()
    subject = subjects.job(sent.family, sent.site, sent.target)
    assert read_message(JOB, subject, codec.encode(sent)) == sent


@pytest.mark.parametrize(
    ("sent", "subject", "code"),
    [
        (job(site="us"), "stt.v1.job.mysql.eu.t1", "wrong_site"),
        (job(), "stt.v1.job.postgresql.eu.t1", "wrong_site"),
        (job(target="t2"), "stt.v1.job.mysql.eu.t1", "wrong_subject"),
        (job(), "stt.v1.result.mysql.eu.t1", "wrong_subject"),
        (job(), "stt.v1.jobs.mysql.eu.t1", "wrong_subject"),
        (job(target="t.1"), "stt.v1.job.mysql.eu.t.1", "wrong_subject"),
        (job(target="T1"), "stt.v1.job.mysql.eu.T1", "wrong_subject"),
        (job(target=""), "stt.v1.job.mysql.eu.", "wrong_subject"),
    ],
)
def test_a_message_that_differs_from_its_subject_is_rejected(
    sent: Job, subject: str, code: str
) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_message(JOB, subject, codec.encode(sent))
    assert caught.value.code == code


def test_a_worker_cannot_announce_itself_for_another_site() -> None:
    sent = Announcement(
        worker="w1", site="us", version="1", pack="", at=NOW, started=NOW, targets=(), concurrency=1
    )
    with pytest.raises(ProtocolError) as caught:
        read_message(ANNOUNCEMENT, subjects.announce("eu", "w1"), codec.encode(sent))
    assert caught.value.code == "wrong_site"
