"""What MySQL executes from a version on becomes variants without such comments."""

from __future__ import annotations

from stt_shared.checkfile.guard import holds, parse_guard
from stt_shared.checkfile.model import Server
from stt_shared.checkfile.parse import parse_checks
from stt_shared.checkfile.statements.version_comments import variants
from stt_shared.checkfile.variants import choose

OF_PMM = """\
checks:
- version: 2
  name: mysql_comments
  summary: s
  description: d
  family: MYSQL
  queries:
  - {{type: MYSQL_SELECT, query: "1 AS first"}}
  - type: MYSQL_SELECT
    query: {query}
  script: |
    def check_context(docs, context):
        return []
"""


def asked(text: str, flavour: str, *version: int) -> str:
    server = Server(flavour=flavour, version=version)
    found = variants(text)
    one = next(code for when, code in found if not when or holds(parse_guard(when), server))
    return " ".join(one.split())


def test_each_server_is_asked_what_it_would_have_executed() -> None:
    text = "a /*!50700 , b */ /*!80026 , c*/ /*! , d*/ /*!50101 , e */ /*!100200 , f */"
    assert asked(text, "mysql", 8, 0, 36) == "a , b , c , d , e"
    assert asked(text, "percona", 8, 0, 25) == "a , b , d , e"
    assert asked(text, "mysql", 5, 7, 0) == "a , b , d , e"
    assert asked(text, "mysql", 5, 6, 51) == "a , d , e"
    assert asked(text, "mysql", 5, 1, 0) == "a , d"
    assert asked(text, "mysql", 26, 7, 0) == "a , b , c , d , e , f"
    assert asked(text, "mariadb", 10, 11, 2) == "a , d , e , f"
    assert asked(text, "mariadb", 10, 1, 48) == "a , d , e"


def test_what_looks_like_such_a_comment_in_a_string_stays() -> None:
    assert asked("'/*!1 x */', `/*!2*/` /*!99999 y */", "mysql", 8, 4) == "'/*!1 x */', `/*!2*/`"


def test_a_file_of_pmm_loads_with_a_variant_for_each_server_and_ours_is_refused() -> None:
    text = OF_PMM.format(query='"2 AS n /*!80001 , 3 AS m */;"')
    (check,) = parse_checks(text, "f", strict=False).checks
    new, old = (
        choose(check, Server(flavour="mysql", version=version)).queries
        for version in ((8, 4, 0), (5, 7, 44))
    )
    assert [" ".join(query.text.split()) for query in new] == ["1 AS first", "2 AS n , 3 AS m ;"]
    assert [" ".join(query.text.split()) for query in old] == ["1 AS first", "2 AS n ;"]
    assert "/*!" not in "".join(query.text for query in check.queries)
    (fault,) = parse_checks(text, "f", strict=True).faults
    assert "an executable comment" in fault.message
    assert fault.line == 10


def test_a_comment_that_acts_is_refused_in_a_file_of_pmm_too() -> None:
    for query in (
        "1 /*!50000INTO*/ OUTFILE '/tmp/x'",
        "1 /*!99999 INTO OUTFILE '/tmp/x' */",
        "1 /*! INTO OUTFILE '/tmp/x' */",
        "1 /*M!100100 INTO OUTFILE '/tmp/x' */",
        "1 /*!50000 /*!50000 INTO*/ OUTFILE '/tmp/x' */",
        "1 /*!5 INTO OUTFILE '/tmp/x' */",
        "1 /*!1000000 INTO OUTFILE '/tmp/x' */",
        "'\\' /*!50000 INTO OUTFILE '/tmp/x' */ -- '",
        "1 /*!50000 x" + " /*!50000 y */" * 9,
    ):
        parsed = parse_checks(OF_PMM.format(query=repr(query)), "f", strict=False)
        assert parsed.checks == ()
        assert parsed.faults
