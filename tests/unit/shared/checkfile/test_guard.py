"""Guards compare numbers, and a guard that cannot be understood says where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.checkfile.guard import GuardError, holds, parse_guard
from stt_shared.checkfile.model import Server

VERSIONS = st.lists(st.integers(0, 99), min_size=1, max_size=4).map(tuple)


def applies(text: str, flavour: str, *version: int) -> bool:
    return holds(parse_guard(text), Server(flavour=flavour, version=version))


def test_versions_compare_as_numbers_not_as_text() -> None:
    assert applies("mysql >= 8.0.27", "mysql", 8, 0, 100)
    assert not applies("mysql >= 8.0.27", "mysql", 8, 0, 3)
    assert applies("mysql > 26.7", "mysql", 26, 10, 0)


def test_a_missing_part_is_zero_in_an_order_and_anything_in_an_equality() -> None:
    assert applies("mysql >= 8.0", "mysql", 8, 0, 0)
    assert not applies("mysql > 8.0.0", "mysql", 8)
    assert applies("postgresql == 16", "postgresql", 16, 4)
    assert not applies("postgresql != 16", "postgresql", 16, 4)
    assert not applies("mysql == 8.0.27", "mysql", 8, 0)


def test_a_flavour_is_exact() -> None:
    assert not applies("mysql", "percona", 8, 0, 36)
    assert applies("mysql or percona", "percona", 8, 0, 36)
    assert not applies("mysql >= 5", "mariadb", 11, 4, 2)


def test_not_binds_stronger_than_and_and_and_stronger_than_or() -> None:
    text = "mariadb or mysql and not mysql < 8"
    assert applies(text, "mariadb", 10, 4)
    assert applies(text, "mysql", 8, 4)
    assert not applies(text, "mysql", 5, 7)
    assert applies("not (mysql < 8 or mariadb)", "postgresql", 16)


@pytest.mark.parametrize(
    "text",
    [
        *("", "oracle", "mysql >=", "mysql >= x", "(mysql", "mysql)", "mysql & percona"),
        *("mysql mysql", "mysql >= 8..0", "and", "not", "(" * 50 + "mysql" + ")" * 50),
        "mysql or " * 100 + "mysql",
    ],
)
def test_a_guard_that_cannot_be_understood_is_an_error(text: str) -> None:
    with pytest.raises(GuardError):
        parse_guard(text)


@given(st.text(max_size=80))
def test_any_text_is_a_guard_or_an_error(text: str) -> None:
    try:
        parse_guard(text)
    except GuardError:
        return


@given(VERSIONS, VERSIONS)
def test_exactly_one_of_less_and_at_least_holds(
    found: tuple[int, ...], asked: tuple[int, ...]
) -> None:
    text = ".".join(map(str, asked))
    assert applies(f"mysql < {text}", "mysql", *found) != applies(
        f"mysql >= {text}", "mysql", *found
    )
