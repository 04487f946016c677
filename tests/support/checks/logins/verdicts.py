"""What the model and the checks say about log-ins, and whether the server agrees."""

from __future__ import annotations

from dataclasses import dataclass

from stt_shared.protocol.messages import CheckOutcome
from tests.support.checks.hba import place_of
from tests.support.checks.logins.client import Answer, LogIn

CHECKS = ("postgresql_hba_trust", "postgresql_hba_md5", "postgresql_hba_replication_open")
HERE = {"socket", "machine"}  # what a test can try of where log-ins come from
MD5 = "md5"
OTHER = "replication of every address"  # is about rules that ask for a password
NOBODY = Answer(admitted=False, asked="")


@dataclass(frozen=True)
class Predicted:
    """The rule that lets a log-in in, by the model."""

    rule: str
    method: str


def agrees(predicted: Predicted | None, answer: Answer) -> bool:
    """Whether who gets in, and by a password or without one, is what the model says."""
    if predicted is None or not answer.admitted:
        return predicted is None and not answer.admitted
    return (predicted.method == "trust") == (answer.asked == "")


def expected(in_by: dict[LogIn, Predicted], hashes: set[str]) -> dict[str, dict[str, str]]:
    """What each check has to find of a test's own machine: rule and severity."""
    trusted = {one: by.rule for one, by in in_by.items() if by.method == "trust"}
    md5 = {one: by.rule for one, by in in_by.items() if by.method == MD5}
    weak = {rule for one, rule in md5.items() if one.user in hashes}
    return dict(
        zip(
            CHECKS,
            (
                dict.fromkeys(trusted.values(), "major"),
                {rule: "major" if rule in weak else "trivial" for rule in md5.values()},
                {rule: "major" for one, rule in trusted.items() if not one.database},
            ),
            strict=True,
        )
    )


def named(outcome: CheckOutcome) -> dict[str, str]:
    """The rules that a check found for the machine itself, and how bad if for nobody else."""
    assert outcome.outcome in {"passed", "failed"}, outcome
    found: dict[str, str] = {}
    for one in outcome.findings:
        (evidence,) = one.evidence
        if OTHER in one.summary:
            continue
        if HERE & {*evidence["from"]}:
            only_here = {*evidence["from"]} <= HERE
            found[place_of(one)] = str(one.severity) if only_here else ""
    return found


def matches(found: dict[str, str], wanted: dict[str, str]) -> bool:
    """Whether the rules are the same; how bad only where nobody else is let in."""
    return found.keys() == wanted.keys() and all(
        severity in {"", wanted[rule]} for rule, severity in found.items()
    )
