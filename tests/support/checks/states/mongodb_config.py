"""Parameters of MongoDB that may be changed while it runs."""

from __future__ import annotations

from tests.support.checks.scenario import State

BOTH = ("mongodb", "mongodb44")
SET = 'db.getSiblingDB("admin").runCommand({"setParameter": 1, '

STATES = [
    State(
        check="mongodb_logging",
        name="connections_are_kept_out_of_the_log_since_a_moment_ago",
        on=BOTH,
        make=[f'{SET}"quiet": true}})'],
        undo=[f'{SET}"quiet": false}})'],
        finds={"systemLog.quiet": "trivial"},
    ),
    State(
        check="mongodb_scram_iterations",
        name="both_kinds_of_passwords_are_hashed_with_few_rounds",
        on=BOTH,
        make=[f'{SET}"scramIterationCount": 5000}})', f'{SET}"scramSHA256IterationCount": 5000}})'],
        undo=[
            f'{SET}"scramIterationCount": 10000}})',
            f'{SET}"scramSHA256IterationCount": 15000}})',
        ],
        finds={"scramIterationCount": "trivial", "scramSHA256IterationCount": "trivial"},
    ),
]
