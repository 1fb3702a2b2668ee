"""YAML as others write it: all of it text, and nothing that can grow, recurse or kill the process."""

import time
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.errors import Stalled
from violet_operator.package import documents
from violet_operator.package.documents import load_json, load_mapping, load_yaml, mapping, objects, text


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"a: 1.10", {"a": "1.10"}),
        (b"a: 2024-01-01\nb: 0x1F\nc: 1_000\nd: 12:30", {"a": "2024-01-01", "b": "0x1F", "c": "1_000", "d": "12:30"}),
        (b"a: yes\nb: Off\nc: true", {"a": "yes", "b": "Off", "c": "true"}),
        (b"a: null\nb: ~\nc:\nd: 'null'\ne: \"\"", {"a": None, "b": None, "c": None, "d": "null", "e": ""}),
        (b"a: 1\r\nb:\r\n  - x\r\n", {"a": "1", "b": ["x"]}),
        (b"\xef\xbb\xbfa: 1", {"a": "1"}),
        ("a: ü".encode("utf-16"), {"a": "ü"}),
        (b"%YAML 1.1\n---\na: 1\n...\n", {"a": "1"}),
        (b"# only\n---\n# comments\n---\na: 1\n", {"a": "1"}),
        (b"a: =\nb: <<", {"a": "=", "b": "<<"}),
        (b"a: !Custom {b: !!binary aGk=}\nc: !!python/object:os.system x", {"a": {"b": "aGk="}, "c": "x"}),
        (b"a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}", {"a": {"k": "1", "l": "2"}, "b": {"k": "1", "l": "3"}}),
        (b"b: {<<: [{k: 1}, {k: 2, m: 3}]}", {"b": {"k": "1", "m": "3"}}),
        (b"b: {'<<': {k: 1}}", {"b": {"<<": {"k": "1"}}}),
        (b"a: &x [1]\nb: *x", {"a": ["1"], "b": ["1"]}),
        (b"{a: 1, a: 2, [k]: 3}", {"a": "2"}),
        (b"a: |\n  line\n  more\nb: >-\n  one\n  two\n", {"a": "line\nmore\n", "b": "one two"}),
        (b"", {}),
        (b"---\n", {}),
        ("a: 😀 \u200b中文".encode(), {"a": "😀 \u200b中文"}),
        (b'{"a": "x\x7fy"}', {"a": "x\x7fy"}),
        (b'\xef\xbb\xbf \n{"a": "x\x7fy"}', {"a": "x\x7fy"}),
        ('{"a": "ü\x7f"}'.encode("utf-16"), {"a": "ü\x7f"}),
        (rb'{"a": "\ud83d", "\udc00": "\ud83d\ude00 \\ud83d\\ude00"}', {"a": "\ufffd", "\ufffd": "😀 \\ud83d\\ude00"}),
        (
            b'{"a": 1.10, "b": true, "c": null, "d": [1e3, "null", {}], "a": 0777}',
            {"a": "0777", "b": "true", "c": None, "d": ["1e3", "null", {}]},
        ),
        (
            b'{"a": 1.10, "b": true, "c": null, "d": [1e3, "null", {}], "a": 2.0}',
            {"a": "2.0", "b": "true", "c": None, "d": ["1e3", "null", {}]},
        ),
        (b'{"a": 1}\n---\n{"b": 2}', {"a": "1"}),
        (b'{"' + b"k" * 2000 + b'": 1}', {"k" * 2000: "1"}),
        (b'{"a": NaN}', {"a": "NaN"}),
    ],
)
def test_unusual_but_legal(data: bytes, wanted: Any) -> None:
    assert load_mapping("x", data) == wanted


DEEP = 200_000
LAUGHS = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]).encode()
MERGES = "\n".join(
    ["a0: &a0 {k: v}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))]
).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[" * DEEP, "deeper than 100"),
        (b"{a: " * DEEP, "deeper than 100"),
        (b"- " * DEEP, "deeper than 100"),
        (b"[" * DEEP + b"]" * DEEP, "deeper than 100"),
        (LAUGHS, "more than 500000 values"),
        (MERGES, "more than 500000 values"),
        (b"- x\n" * 500_001, "more than 500000 values"),
        (b"a: &a [*a]", "*a stands for nothing"),
        (b"a: &a {<<: *a}", "*a stands for nothing"),
        (b"a: *b", "*b stands for nothing"),
        (b"---\n&a x\n---\n*a\n", "*a stands for nothing"),
        (b"a: [1", "not usable YAML"),
        (b"a: \xff", "not usable YAML"),
        (b"a: \x01", "not usable YAML"),
        (b"\ta: 1", "not usable YAML"),
        (b"- 1", "not a mapping"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "deeper than 100"),
        (b"[" * 101 + b'"\\ud83d"' + b"]" * 101, "deeper than 100"),
        (b"[" + b"[]," * 500_001 + b"[]]", "more than 500000 values"),
    ],
)
def test_what_is_refused(data: bytes, why: str) -> None:
    started = time.monotonic()
    with pytest.raises(Stalled) as caught:
        load_mapping("the-file.yaml", data)
    assert caught.value.reason == "InvalidPackage"
    assert "the-file.yaml" in caught.value.message
    assert why in caught.value.message
    assert time.monotonic() - started < 20


def test_without_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_LOADER", yaml.SafeLoader)
    assert load_yaml("x", b"\xef\xbb\xbfa: 1.10\r\nb: &x {k: 1}\r\nc: {<<: *x}\r\n") == [
        {"a": "1.10", "b": {"k": "1"}, "c": {"k": "1"}}
    ]
    with pytest.raises(Stalled):
        load_yaml("x", b"[" * 1000)


PLAIN = st.recursive(
    st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcü<=~0.", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(PLAIN, st.booleans())
def test_what_pyyaml_writes_is_read_back(document: Any, flow: bool) -> None:
    data = yaml.safe_dump(document, allow_unicode=True, default_flow_style=flow).encode()
    (found,) = load_yaml("x", data)
    assert found == document


@given(st.binary(max_size=300) | st.text("ab:-[]{},&*<>|#'\"!%@ \n\r\t", max_size=80).map(str.encode))
def test_any_bytes_end_in_data_or_in_our_error(data: bytes) -> None:
    for load in (load_yaml, load_json):
        with suppress(Stalled):
            load("x", data)


def test_json_nested_too_deep_is_refused() -> None:
    with pytest.raises(Stalled, match="not usable JSON"):
        load_json("x", b"[" * DEEP)


def test_json_has_nothing_that_no_status_can_hold() -> None:
    assert load_json("x", rb'{"\ud83d": ["\udc00\ud83d", "\ud83d\ude00", 1, 1.5, true, null]}') == {
        "\ufffd": ["\ufffd\ufffd", "😀", 1, 1.5, True, None]
    }
    assert load_json("x", b'"\xed\xa0\xbd"').encode().decode() == "\ufffd"


def test_paths_into_data_of_any_shape() -> None:
    document = {"a": {"b": " x ", "l": [{"c": "1"}, "no", None]}}
    assert text(document, "a", "b") == "x"
    assert text(document, "a", "l") == text(document, "a", "b", "c") == text(None, "a") == ""
    assert mapping(document, "a", "l") == {}
    assert objects(document, "a", "l") == [{"c": "1"}]
    assert objects(document, "a", "b") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("No", False),
        ("on", True),
        ('"true"', "true"),
        ("oN", "oN"),
        ("7", 7),
        ("-7", -7),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1.10.0", "1.10.0"),
        ("v1", "v1"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        (".inf", ".inf"),
        ("~", None),
        ("!!str 7", "7"),
        ("|-\n  7", "7"),
    ],
)
def test_typed_scalars_are_what_kubectl_makes_of_them(text: str, value: object) -> None:
    (document,) = load_yaml(
        "a", f"key: {text}\nlist: [{text if chr(10) not in text else 7}]\n7: yes\n".encode(), typed=True
    )
    assert document["key"] == value
    assert type(document["key"]) is type(value)
    assert document["7"] is True
    assert load_yaml("a", b'{"a": 1, "b": 1.5, "c": false, "d": "true"}', typed=True) == [
        {"a": 1, "b": 1.5, "c": False, "d": "true"}
    ]
    assert load_yaml("a", b"key: true")[0] == {"key": "true"}
