"""No secret that a MongoDB server's answers hold reaches a result, whichever check asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.hostile.mongodb.fake_mongodb import BUILD, answering, faking
from tests.support.checks.real import open_check_runner

SECRET = "throw-away-secret"
LEAST_FAILED = 21  # checks that have something to show
PARSED: dict[str, Any] = {
    "net": {
        "bindIp": "0.0.0.0",  # noqa: S104  # nobody listens
        "port": 27017,
        "tls": {
            "mode": "allowTLS",
            "certificateKeyFilePassword": SECRET,
            "clusterPassword": SECRET,
            "allowInvalidCertificates": True,
            "disabledProtocols": "none",
        },
        "ssl": {"PEMKeyPassword": SECRET},
    },
    "security": {
        "javascriptEnabled": True,
        "ldap": {
            "servers": "ldap.example",
            "transportSecurity": "none",
            "bind": {"queryUser": "u", "queryPassword": SECRET},
        },
        "kmip": {"serverName": "x", "clientCertificatePassword": SECRET},
    },
    "setParameter": {"ldapQueryPassword": SECRET, "enableTestCommands": "1"},
    "systemLog": {"quiet": True},
}
EVERYTHING = [{"resource": {"anyResource": True}, "actions": ["anyAction"]}]
REPLIES: dict[str, Any] = {
    "getCmdLineOpts": {
        "argv": ["mongod", "--ldapQueryPassword", SECRET, f"--tlsClusterPassword={SECRET}"],
        "parsed": PARSED,
    },
    "getParameter": {
        "tlsMode": "allowTLS",
        "quiet": True,
        "authenticationMechanisms": ["PLAIN", "SCRAM-SHA-1"],
        "scramIterationCount": 5000,
        "scramSHA256IterationCount": 5000,
        "enableLocalhostAuthBypass": True,
        "enableTestCommands": True,
        "featureCompatibilityVersion": {"version": "5.0"},
        "awsSecretAccessKey": SECRET,
        "ldapQueryPassword": SECRET,
    },
    "usersInfo": {
        "users": [
            {
                "user": "app",
                "db": "shop",
                "roles": [{"role": "root", "db": "admin"}, {"role": "__system", "db": "admin"}],
                "mechanisms": ["SCRAM-SHA-1"],
                "customData": {"password": SECRET},
                "credentials": {"SCRAM-SHA-1": {"storedKey": SECRET, "serverKey": SECRET}},
            }
        ]
    },
    "rolesInfo": {
        "roles": [
            {
                "role": name,
                "db": "admin",
                "isBuiltin": name != "god",
                "roles": [],
                "inheritedRoles": [],
                "privileges": EVERYTHING,
                "inheritedPrivileges": EVERYTHING,
                "customData": {"token": SECRET},
            }
            for name in ("god", "root", "__system")
        ]
    },
    "getLog": {"log": [f'{{"id":22138,"msg":"as root","attr":{{"password":"{SECRET}"}}}}']},
    "serverStatus": {"uptime": 1, "transportSecurity": {"1.0": 1}, "secret": SECRET},
}


@pytest.mark.parametrize("edition", [{}, {"modules": ["enterprise"]}, {"psmdbVersion": "6.0.1-1"}])
async def test_no_secret_of_the_configuration_or_the_users_is_in_any_outcome(
    edition: dict[str, Any],
) -> None:
    replies = {name: {"ok": 1, **reply} for name, reply in REPLIES.items()}
    act = answering(buildInfo=BUILD | edition, **replies)
    async with faking(act, anonymous=True) as fake, open_check_runner() as runner:
        outcomes = await runner.run_all(fake.endpoint)
    failed = [one for one in outcomes.values() if one.outcome == "failed"]
    assert len(failed) >= LEAST_FAILED, {name: one.reason for name, one in outcomes.items()}
    for name, one in outcomes.items():
        assert SECRET.encode() not in msgspec.json.encode(one), name
