"""The statements of a monitoring account: every grant that checks name, and nothing else."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.checkfile.catalogue import builtin
from stt_shared.errors import UsageError
from stt_shared.grants.statements import Account, Product, render, steps

CHECKS = list(builtin().checks.values())
STRONG = re.compile(
    r"\b(ALL|SUPER|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|FILE|root|GRANT OPTION)\b"
)


@pytest.mark.parametrize("product", Product)
def test_every_grant_of_every_check_is_there_once_and_says_what_it_is_for(
    product: Product,
) -> None:
    made = steps(product, CHECKS, Account())
    wanted = {
        grant
        for check in CHECKS
        if check.family is product.family
        for grant in check.privileges[product.value]
    }
    assert sorted(step.grant for step in made[1:]) == sorted(wanted)
    assert all(step.checks for step in made[1:])


@pytest.mark.parametrize("product", Product)
def test_no_grant_writes(product: Product) -> None:
    for step in steps(product, CHECKS, Account())[1:]:
        assert not STRONG.search(step.grant), step


def test_only_what_the_named_checks_need() -> None:
    version = [check for check in CHECKS if check.name == "mysql_version"]
    assert [step.grant for step in steps(Product.MARIADB, version, Account())] == [""]


def test_checks_of_another_family_are_refused() -> None:
    version = [check for check in CHECKS if check.name == "mysql_version"]
    with pytest.raises(UsageError, match="none of these checks is for postgresql"):
        steps(Product.POSTGRESQL, version, Account())


def test_names_are_quoted_for_each_product() -> None:
    account = Account(user="o'b\"r\\", host="10.%")
    mysql = steps(Product.MYSQL, CHECKS, account)[0].statements[0]
    assert mysql.startswith(r"CREATE USER 'o''b" + '"' + r"r\\'@'10.%' ")
    assert '"o\'b""r\\"' in steps(Product.POSTGRESQL, CHECKS, account)[0].statements[0]


@given(st.text(min_size=1))
def test_commands_of_mongodb_are_json_whatever_the_name(user: str) -> None:
    for step in steps(Product.MONGODB, CHECKS, Account(user=user)):
        for statement in step.statements:
            document = json.loads(statement.partition(".runCommand(")[2].removesuffix(")"))
            assert next(iter(document.values())) in {user, f"{user}View"}


def test_the_text_has_the_account_first_and_a_comment_for_each_grant() -> None:
    text = render(Product.MYSQL, steps(Product.MYSQL, CHECKS, Account()))
    assert text.startswith("-- the account; replace <password> with your own password\nCREATE")
    assert text.count("\n-- ") == text.count("\nGRANT ")
