"""Tokens and lists of clusters: what counts, and that no answer of a platform is more than an answer."""

import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from violet_operator.clients import gateway
from violet_operator.clients.gateway import Login, cluster_names
from violet_operator.clients.gateway_http import GatewaySettings
from violet_operator.clients.gateway_token import Token, read_token
from violet_operator.errors import Transient

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def jwt(**claims: Any) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"


@pytest.mark.parametrize(
    "written",
    [
        (NOW + HOUR).timestamp(),
        int((NOW + HOUR).timestamp()),
        str(int((NOW + HOUR).timestamp())),
        int((NOW + HOUR).timestamp() * 1000),
        "2026-01-02T04:04:05Z",
        "2026-01-02T04:04:05",
        "2026-01-02T12:04:05+08:00",
    ],
)
def test_end_of_a_token_however_it_is_written(written: object) -> None:
    token = read_token({"access_token": "abc", "expire_at": written}, NOW)
    assert token == Token("abc", NOW, NOW + HOUR)


def test_end_that_only_the_token_itself_knows() -> None:
    text = jwt(exp=int((NOW + HOUR).timestamp()))
    assert read_token({"access_token": text}, NOW) == Token(text, NOW, NOW + HOUR)
    assert read_token({"id_token": text, "expire_at": "soon"}, NOW) == Token(text, NOW, NOW + HOUR)


@pytest.mark.parametrize("end", [None, "", "soon", "nan", "inf", "-1", 1e300, [], {}, "2020-01-01T00:00:00Z"])
def test_end_that_nobody_can_read_means_until_it_is_refused(end: object) -> None:
    assert read_token({"access_token": "abc", "expire_at": end}, NOW) == Token("abc", NOW, None)


@pytest.mark.parametrize("value", [None, "", 7, ["a"], "a b", "a\nb", "ä", "a\x00"])
def test_what_can_be_no_token(value: object) -> None:
    assert read_token({"access_token": value}, NOW) is None


@pytest.mark.parametrize(
    ("lifetime", "early"),
    [(timedelta(hours=1), timedelta(seconds=60)), (timedelta(seconds=50), timedelta(seconds=10))],
)
def test_token_is_due_shortly_before_its_end(lifetime: timedelta, early: timedelta) -> None:
    token = Token("abc", NOW, NOW + lifetime)
    assert not token.is_due(NOW)
    assert not token.is_due(NOW + lifetime - early - timedelta(seconds=1))
    assert token.is_due(NOW + lifetime - early)
    assert token.is_due(NOW + lifetime + HOUR)


def test_token_without_an_end_is_never_due() -> None:
    assert not Token("abc", NOW).is_due(NOW + timedelta(days=36500))


def test_token_is_not_in_its_own_text() -> None:
    assert "abc" not in repr(Token("abc", NOW))


async def test_token_serves_to_its_end_while_the_login_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now, tries = NOW, 0
    answers: list[Token | Transient] = [Token("first", NOW, NOW + HOUR)]

    async def sign_in(*_: object) -> Token:
        nonlocal tries
        tries += 1
        answer = answers[-1]
        if isinstance(answer, Transient):
            raise answer
        return answer

    monkeypatch.setattr(gateway, "sign_in", sign_in)
    whose = GatewaySettings("https://acp.example.com", "c", username="u", password="p")
    login = Login(whose, ssl.create_default_context(), lambda: now)
    assert await login.token() == "first"
    answers.append(Transient("Unreachable", "dex restarts"))
    now = NOW + HOUR - timedelta(seconds=30)
    for _ in range(20):
        assert await login.token() == "first"
    assert tries == 2  # a login that hangs holds up whoever comes
    now += timedelta(seconds=15)
    assert await login.token() == "first"
    assert tries == 3
    now = NOW + HOUR
    with pytest.raises(Transient):
        await login.token()
    answers.append(Token("second", now, now + HOUR))
    assert await login.token() == "second"


@settings(deadline=None)
@given(JSON, JSON)
def test_any_answer_is_a_token_or_none(value: object, end: object) -> None:
    token = read_token({"access_token": value, "expire_at": end}, NOW)
    assert token is None or (token.value == value and (token.expires is None or token.expires > NOW))


@settings(deadline=None)
@given(st.text())
def test_any_token_text_is_read(text: str) -> None:
    read_token({"access_token": f"a.{text}.b"}, NOW)


def listed(*names: object) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": name}} for name in names]}


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (listed("region1", "global"), ("global", "region1")),
        (listed("global", "global"), ("global",)),
        (listed("a" * 63, "a" * 64, "-a", "A", "a/b", "..", "", None, 7, "a b"), ("a" * 63,)),
        ({"items": [None, 7, {}, {"metadata": None}]}, ()),
        ({"items": []}, ()),
        ({"items": None}, ()),
        ({}, None),
        (None, None),
        ({"items": "global"}, None),
    ],
)
def test_names_of_clusters(answer: dict[str, Any] | None, names: tuple[str, ...] | None) -> None:
    assert cluster_names(answer) == names


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["items", "kind"]), JSON | st.lists(JSON)))
def test_any_answer_lists_clusters_or_none(answer: dict[str, Any]) -> None:
    cluster_names(answer)
