"""Every YAML text gives plain values or faults with their lines, within time and memory."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stt_shared.checkfile.document import DocumentError, entries, mapping, shown
from stt_shared.checkfile.yaml.reader import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DOCUMENTS,
    documents,
)
from stt_shared.checkfile.yaml.scalars import MAX_DIGITS, scalar

SECONDS = 2.0  # of CPU, for the worst file within the limits


def value(text: str) -> object:
    (document,) = documents(text)
    assert document.faults == ()
    return document.value


def faults(text: str) -> list[tuple[int, str]]:
    try:
        return [(e.line, e.message) for one in documents(text) for e in one.faults]
    except DocumentError as error:
        return [(error.line, error.message)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("1", 1),
            ("-7", -7),
            ("+7", 7),
            ("0", 0),
            ("1.5", 1.5),
            ("-.5", -0.5),
            ("1.0e3", 1000.0),
        ),
        *(("true", True), ("False", False), ("null", None), ("~", None), ("", None)),
        # Texts, however a YAML 1.1 reader takes them.
        *((word, word) for word in ("yes", "no", "on", "off", "y", "N", "0x1f", "0o17", "017")),
        *((word, word) for word in ("1:00:00", "190:20:30.15", "1_000", "2026-11-29", "1e3", "=")),
        *((word, word) for word in ("2026-11-29T12:00:00Z", "8.0.36", "<<", "0b11", "1.2.3", "-")),
    ],
)
def test_a_plain_scalar_is_what_it_looks_like_and_nothing_else(text: str, expected: object) -> None:
    found = scalar(text)
    assert (found, type(found)) == (expected, type(expected))


def test_quoted_and_tagged_texts_are_texts() -> None:
    assert value("['1', \"true\", !!str 2, ! 3, |\n  4\n ]".replace("|\n  4\n ", "'4'")) == [
        *("1", "true", "2", "3", "4"),
    ]


def test_merged_mappings_come_first_and_do_not_replace_what_is_there() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {y: 5, <<: [*a, *b], w: 6}"
    found = value(text)
    assert isinstance(found, dict)
    assert list(found["c"].items()) == [("y", 5), ("z", 4), ("x", 1), ("w", 6)]
    assert mapping("'<<': {a: 1}") == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\nb: !!binary aGVsbG8=", 2, "tag"),
        ("a: 1\nb: !!set {x, y}", 2, "tag"),
        ("a: !!python/object:os.system x", 1, "tag"),
        ("a: !!timestamp 2026-01-01", 1, "tag"),
        ("a: !!int '7'", 1, "tag"),
        ("a: 1\na: 2", 2, "key 'a' twice"),
        ("? [a, b]\n: 1", 1, "a key must be text"),
        ("? {a: b}\n: 1", 1, "a key must be text"),
        ("a: &x [1]\n? *x\n: 1", 2, "a key must be text"),
        ("a: &a\n  b: *a", 2, "refers to a value that contains it"),
        ("a: &a [1, [*a]]", 1, "refers to a value that contains it"),
        ("a: *b", 1, "has no anchor"),
        ("a:\n  <<: 7", 2, "only mappings can be merged"),
        ("a:\n  <<: [{b: 1}, 7]", 2, "only mappings can be merged"),
        ("a: " + "9" * (MAX_DIGITS + 1), 1, "an integer of"),
        ("a: 1.0e999", 1, "beyond the range"),
        ("a: 1." + "0" * 100, 1, "a float of"),
        ("a: .nan", 1, "is not a supported number"),
        ("a: -.inf", 1, "is not a supported number"),
        ('a: "\\0"', 1, "NUL"),
        ("a: [1,\nb ]]", 2, "not valid YAML"),
        ("a: \0", 1, "not valid YAML"),
        ("a: '\ud800'", 1, "not valid YAML"),
        ("a: \x1b", 1, "not valid YAML"),
        ("%YAML 3.0\n---\na: 1", 1, "not valid YAML"),
        ("[" * (MAX_DEPTH + 1), 1, "nested deeper"),
        ("a:\n" + "".join(" " * n + "- \n" for n in range(1, 100)), MAX_DEPTH + 1, "nested deeper"),
        ("--- 1\n" * (MAX_DOCUMENTS + 1), MAX_DOCUMENTS + 1, "documents"),
        ("a" * (MAX_BYTES + 1), 1, "larger than the limit"),
        ("- a\n" * (MAX_BYTES // 4), 100_000, "expands to more"),
    ],
)
def test_what_is_not_taken_is_a_fault_with_its_line(text: str, line: int, why: str) -> None:
    (found,) = faults(text)
    assert found[0] == line
    assert why in found[1]


def laughs(levels: int, width: int) -> str:
    """Each level names the one before it many times."""
    lines = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels))
    return "\n".join(["a0: &a0 [lol]", *lines])


@pytest.mark.parametrize(
    "text",
    [
        laughs(9, 9),
        "a: &a " + "x" * 500_000 + "\nb: [" + "*a, " * 10_000 + "]",
        "a: &a {"
        + ", ".join(f"k{n}: 1" for n in range(5_000))
        + "}\nb: ["
        + "{<<: *a}, " * 5_000
        + "]",
    ],
)
def test_what_expands_without_end_is_a_fault(text: str) -> None:
    started = time.process_time()
    (found,) = faults(text)
    assert "expands" in found[1]
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "line",
    [
        *("- 1:00:00:00:00:00:00\n", "- 0x" + "f" * 40 + "\n", "- {a: 1}\n", "- &a [*a]\n"),
        *("- '" + "x" * 1_000 + "'\n", "- 1e999999\n", "- " + "9" * 500 + "\n", "- !!set {a}\n"),
    ],
)
def test_the_largest_file_is_read_in_bounded_time(line: str) -> None:
    """160 KB of base-60 integers took 5 seconds."""
    text = line * (MAX_BYTES // len(line))
    started = time.process_time()
    faults(text)
    shown(list(range(100_000)))
    assert time.process_time() - started < 2 * SECONDS


def test_a_fault_in_one_entry_hides_no_other_entry_or_document() -> None:
    text = (
        "checks:\n- name: a\n- name: !!binary b\n- {name: c, name: d}\n- 7\n- name: e\n"
        "---\nchecks: 7\n---\nchecks:\n- name: f\n---\nchecks: [\n"
    )
    bad: list[DocumentError] = []
    found = entries(text, "checks", bad)
    assert [one.value["name"] for one in found] == ["a", "e", "f"]
    assert [(one.line, one.message.split()[0]) for one in bad] == [
        *((3, "tag"), (4, "key"), (5, "expected"), (8, "expected"), (14, "not")),
    ]


def test_a_fault_outside_of_the_entries_is_a_fault_of_all_of_them() -> None:
    bad: list[DocumentError] = []
    assert entries("shape: !!binary x\nchecks:\n- name: a\n", "checks", bad) == []
    assert [one.line for one in bad] == [1]


def test_a_byte_order_mark_and_an_empty_document_are_nothing() -> None:
    assert entries("\ufeff---\n---\nchecks: []\n", "checks") == []


SOUP = st.lists(
    st.sampled_from(
        [*"[]{}&*!|>?:-,#%@`'\"ab1.\n ", "\n  ", "- ", ": ", "<<: ", "&a ", "*a", "!!x "]
    )
).map("".join)


@given(SOUP | st.text())
@settings(max_examples=400)
def test_any_text_gives_entries_or_faults_and_never_raises(text: str) -> None:
    bad: list[DocumentError] = []
    for one in entries(text, "checks", bad):
        assert one.line >= 1
    assert all(one.line >= 1 for one in bad)
