"""Only statements that read are allowed; what is not understood is refused and never raises."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import QueryType
from stt_shared.checkfile.statements.limits import MAX_CHARACTERS
from stt_shared.checkfile.statements.mysql import ACTING
from stt_shared.checkfile.statements.read_only import refusal
from tests.hostile.statements import MYSQL, MYSQL_SHOW, POSTGRESQL

SELECT = QueryType.MYSQL_SELECT
SHOW = QueryType.MYSQL_SHOW
PG = QueryType.POSTGRESQL_SELECT


@pytest.mark.parametrize("text", MYSQL)
def test_a_select_of_mysql_that_acts_or_can_be_read_in_two_ways_is_refused(text: str) -> None:
    assert refusal(SELECT, text)


@pytest.mark.parametrize("text", MYSQL_SHOW)
def test_a_show_that_is_not_on_the_list_is_refused(text: str) -> None:
    assert refusal(SHOW, text)


@pytest.mark.parametrize("text", POSTGRESQL)
def test_a_select_of_postgresql_that_acts_or_calls_others_code_is_refused(text: str) -> None:
    assert refusal(PG, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (SELECT, "'; DROP TABLE x /* into outfile */' AS words"),
        (SELECT, "1 AS a /* into outfile */ -- for update\n, 2 AS b -- sleep(1)"),
        (SELECT, '"double" AS a, `into` AS b FROM mysql.user u JOIN mysql.db USING (User)'),
        (SELECT, "x.n FROM (WITH RECURSIVE t AS (SELECT 1 AS n UNION SELECT n FROM t) TABLE_) x"),
        (SELECT, "GROUP_CONCAT(DISTINCT User ORDER BY Host SEPARATOR ',') FROM mysql.user"),
        (
            SELECT,
            "@@GLOBAL.sql_mode, CAST(1 AS CHAR(3)), a->>'$.x', _utf8'x', 1 << 2, b REGEXP 'c'",
        ),
        (
            SELECT,
            "SUM(data_length) OVER (PARTITION BY a) FROM INFORMATION_SCHEMA.TABLES LIMIT 1, 2",
        ),
        (SELECT, "user,host FROM mysql.user WHERE Select_priv='Y'AND (1=1) ;  "),
        (SHOW, "VARIABLES WHERE Variable_name IN ('have_ssl', 'have_openssl');"),
        (SHOW, "GLOBAL VARIABLES WHERE Variable_name IN ('a', 'b')"),
        (SHOW, "GRANTS FOR 'u'@'%'"),
        (SHOW, "CREATE TABLE mysql.user"),
        (SHOW, "CREATE USER CURRENT_USER"),
        (SHOW, "FULL COLUMNS FROM user FROM mysql LIKE 'a%'"),
        (SHOW, "INDEX FROM user IN mysql"),
        (SHOW, "OPEN TABLES FROM mysql WHERE In_use > 0"),
        (SELECT, "N'a', x'4D', b'01', _utf8mb4'x'"),
        (PG, "'pg_sleep(1); DROP TABLE x', $$INTO$$, E'\\'' /* INTO /* x */ */ -- FOR UPDATE"),
        (PG, "substring(rolname FROM 1 FOR 2), count(*) FILTER (WHERE true) OVER () FROM pg_roles"),
        (PG, "1 OPERATOR(pg_catalog.+) 2, 'a'::pg_catalog.text, ROW(1, 2), ARRAY[1], CURRENT_USER"),
        (PG, "* FROM stt.password_kinds()"),
        (PG, "* FROM stt.file_times()"),
        (PG, "* FROM ts_stat(CASE WHEN true THEN 'SELECT ''a''::tsvector' ELSE 'TABLE pg_am' END)"),
    ],
)
def test_words_in_strings_and_comments_do_not_act(kind: QueryType, text: str) -> None:
    assert refusal(kind, text.replace("TABLE_", "SELECT n FROM t")) == ""


@pytest.mark.parametrize(
    "text",
    [
        "(pg_control_system()).system_identifier, (aclexplode(datacl)).grantee FROM pg_database",
        "a.grantee, (p).proname FROM pg_proc p, LATERAL aclexplode(p.proacl) AS a",
        "n.n, e.value FROM generate_series(1, 3) n, json_array_elements_text('[1]') e",
        "u.v, u.ord FROM unnest(ARRAY['a']) WITH ORDINALITY AS u (v, ord)",
        "r.mine FROM json_to_recordset('[]') AS r (mine int)",
        "x.mine FROM (SELECT 1 AS mine, ARRAY(SELECT x FROM unnest(ARRAY[1]) x) AS a) x",
    ],
)
def test_a_dot_before_a_known_field_is_no_call(text: str) -> None:
    assert refusal(PG, text) == ""


def test_every_statement_of_the_library_is_allowed() -> None:
    texts = {(query.type, query.text) for one in builtin().checks.values() for query in one.queries}
    assert len(texts) > 80
    assert [why for kind, text in texts if (why := refusal(kind, text))] == []


def test_a_name_is_a_cte_only_where_the_server_sees_it() -> None:
    assert refusal(SELECT, "1 FROM (WITH v AS (SELECT 1) SELECT * FROM v) t") == ""
    for text in (
        "1 FROM (WITH v AS (SELECT 1) SELECT 1) t, v",
        "1 FROM (WITH v AS (SELECT * FROM v) SELECT * FROM v) t",
        "1 FROM (WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a) t",
    ):
        assert "is in none of" in refusal(SELECT, text)


def test_a_query_longer_than_the_limit_is_refused_before_it_is_read() -> None:
    assert str(MAX_CHARACTERS) in refusal(PG, "1" + "+1" * MAX_CHARACTERS)


@pytest.mark.parametrize("kind", [SELECT, SHOW, PG])
@pytest.mark.parametrize(
    "deep", ["(", "NOT ", "- ", "1+", "a[", "case when ", "(SELECT ", "VARIABLES WHERE ("]
)
def test_depth_is_refused_and_never_raises(kind: QueryType, deep: str) -> None:
    for times in (30, 3_000):
        text = (deep * times)[: MAX_CHARACTERS - 1]
        assert isinstance(refusal(kind, f"{text}1"), str)


TOKENS = st.sampled_from(
    [
        *("a", "1", "'into'", "'sleep(1)'", "''", "(", ")", ",", "=", "/* for update */", "-- c\n"),
        *("FROM", "WHERE", "mysql.user", "pg_class", "AND", "NOT", "COUNT(*)", "lower('A')", "AS"),
        *("UNION SELECT", "@@x", "::text", "NULL", "`into`", '"into"', "1.5e3", "LIKE", "CASE"),
    ]
)
SOUP = st.lists(TOKENS, max_size=12)
ANY = st.text(max_size=60) | st.text(string.punctuation + " \n\0abeINTOx01", max_size=60)


@given(ANY, st.sampled_from([SELECT, SHOW, PG]))
def test_any_text_is_allowed_or_refused_and_never_raises(text: str, kind: QueryType) -> None:
    assert isinstance(refusal(kind, text), str)


@given(SOUP, SOUP, st.sampled_from(sorted(ACTING)))
@settings(max_examples=300)
def test_an_acting_word_outside_of_strings_is_refused_wherever_it_stands(
    before: list[str], after: list[str], word: str
) -> None:
    assert refusal(SELECT, " ".join([*before, word, *after]))
    assert refusal(SHOW, " ".join([*before, word, *after, "x"]))


@given(SOUP, SOUP, st.sampled_from(["sleep(1)", "x.f(1)", "`load_file` ('x')", "GET_LOCK('a', 1)"]))
def test_a_call_that_is_not_listed_is_refused_wherever_it_stands(
    before: list[str], after: list[str], call: str
) -> None:
    assert refusal(SELECT, " ".join([*before, call, *after]))
    for own in (
        "pg_sleep(1)",
        '"pg_sleep" (1)',
        "s.f(1)",
        "1; SELECT 2",
        "INTO x FROM y",
        "1::s.t",
    ):
        # Directly before a string it would be the name of a type: pg_sleep(1) 'text'.
        assert refusal(PG, " ".join([*before, own, ",", *after]))
