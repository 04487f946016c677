"""Users, roles and parameters of MongoDB."""

from __future__ import annotations

from tests.support.checks.scenario import State

BOTH = ("mongodb", "mongodb44")
ADMIN = 'db.getSiblingDB("admin").runCommand'
SHOP = 'db.getSiblingDB("stt_shop").runCommand'


def user(name: str, roles: str, more: str = "") -> str:
    return f'{SHOP}({{"createUser": "{name}", "pwd": "x", "roles": {roles}{more}}})'


def role(name: str, resource: str, actions: str) -> str:
    privileges = f'[{{"resource": {resource}, "actions": {actions}}}]'
    return f'{ADMIN}({{"createRole": "{name}", "roles": [], "privileges": {privileges}}})'


def gone(name: str) -> str:
    return f'{SHOP}({{"dropUser": "{name}"}})'


STATES = [
    State(
        check="mongodb_superuser_roles",
        name="an_application_is_all_powerful_directly_and_by_a_role_of_its_own",
        on=BOTH,
        make=[
            f'{ADMIN}({{"createRole": "stt_ops", "privileges": [], "roles": ["restore"]}})',
            user("app", '[{"role": "root", "db": "admin"}, "readWrite"]'),
            user("inherits", '[{"role": "stt_ops", "db": "admin"}, "read"]'),
        ],
        undo=[gone("app"), gone("inherits"), f'{ADMIN}({{"dropRole": "stt_ops"}})'],
        finds={"app@stt_shop": "major", "inherits@stt_shop": "major"},
    ),
    State(
        check="mongodb_system_role",
        name="somebody_is_the_server_itself",
        on=BOTH,
        make=[user("sys", '[{"role": "__system", "db": "admin"}]')],
        undo=[gone("sys")],
        finds={"sys@stt_shop": "critical"},
    ),
    State(
        check="mongodb_unbounded_custom_roles",
        name="a_role_may_do_anything_to_anything",
        on=BOTH,
        make=[
            role("stt_god", '{"anyResource": true}', '["anyAction"]'),
            role("stt_w", '{"db": "", "collection": ""}', '["find", "insert"]'),
        ],
        undo=[f'{ADMIN}({{"dropRole": "stt_god"}})', f'{ADMIN}({{"dropRole": "stt_w"}})'],
        finds={"stt_god@admin": "major", "stt_w@admin": "major"},
    ),
    State(
        check="mongodb_multi_db_users",
        name="one_user_works_in_two_databases",
        on=BOTH,
        make=[user("both", '["readWrite", {"role": "read", "db": "stt_crm"}]')],
        undo=[gone("both")],
        finds={"both@stt_shop": "trivial"},
    ),
    State(
        check="mongodb_scram_sha1_users",
        name="a_user_has_the_older_hash_alone",
        on=BOTH,
        make=[user("old", '["read"]', ', "mechanisms": ["SCRAM-SHA-1"]')],
        undo=[gone("old")],
        finds={"old@stt_shop": "trivial"},
        not_mended="the password has to be set again: test_mongodb_config",
    ),
    State(
        check="mongodb_scram_iterations",
        name="passwords_are_hashed_with_few_rounds",
        on=BOTH,
        make=[f'{ADMIN}({{"setParameter": 1, "scramIterationCount": 5000}})'],
        undo=[f'{ADMIN}({{"setParameter": 1, "scramIterationCount": 10000}})'],
        finds={"scramIterationCount": "trivial"},
    ),
    State(
        check="mongodb_fcv_mismatch",
        name="the_server_keeps_to_the_release_before",
        on=["mongodb"],
        make=[f'{ADMIN}({{"setFeatureCompatibilityVersion": "5.0"}})'],
        undo=[f'{ADMIN}({{"setFeatureCompatibilityVersion": "6.0"}})'],
        finds={"featureCompatibilityVersion": "trivial"},
    ),
]
