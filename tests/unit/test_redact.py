"""No secret survives redaction wherever libraries put one, and text without secrets stays as it was."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.support.redact import MAX_MESSAGE, redact, shorten

# "~" and "Q" never stand in the texts below: a secret found in the output is a planted one that survived
PLACES = {
    "the signature of an S3 URL": "GET https://minio:9000/b/k?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature={}: 403",
    "the session token of an S3 URL": "https://s3.example.com/b/k?X-Amz-Security-Token={}&X-Amz-Expires=60",
    "the signature of an old S3 URL": "https://b.s3.example.com/k?AWSAccessKeyId=AKIA&Signature={}&Expires=1",
    "the signature of an Azure SAS": "https://a.blob.example.net/c/k?sv=2024-11-04&se=2026-01-01&sig={}",
    "the signature of a Google URL": "https://storage.example.com/b/k?X-Goog-Signature={}",
    "the query without a scheme": "Max retries exceeded with url: /b/k?X-Amz-Expires=60&X-Amz-Signature={} (timed out)",
    "the SAS without a scheme": "Max retries exceeded with url: /c/k?sv=2024-11-04&sig={}",
    "an access token in a query": "Max retries exceeded with url: /v2/token?access_token={}&a=b",
    "a refresh token in a form": "grant_type=refresh_token&refresh_token={}",
    "a client secret in a form": "client_id=violet&client_secret={}&a=b",
    "an account key of Azure": "AccountName=a;AccountKey={};EndpointSuffix=example.net",
    "a token in quotes": 'Bearer realm="https://a/token",token="{}"',
    "the password of a URL": "cannot reach https://admin:{}@registry.example.com:5000/v2/",
    "the user of a URL": "cannot reach https://{}@registry.example.com/v2/",
    "the password after an at sign": "cannot reach https://admin:p@{}@registry.example.com/v2/",
    "the fragment of a URL": "see https://registry.example.com/callback#id_token={}",
    "a Bearer header": "Authorization: Bearer {}",
    "a Basic header": "{{'Authorization': 'Basic {}'}}",
    "a header of another scheme": "authorization: Token {}",
    "a header of HTTP/2": "[(b'authorization', b'Bearer {}')]",
    "a Bearer token by itself": "the server refused bearer {}",
}
ORDINARY = [
    "Object opensearch.tgz is not in bucket packages.",
    "https://minio.example.com:9000/packages/a.tgz answers 403 Forbidden.",
    "Basic authentication is needed; give a Bearer token.",
    "registry.example.com:5000/acp/a@sha256:" + "0" * 64 + " has another digest.",
    "Set key=ca.crt, or user@example.com may help.",
    "The checksum file a.tgz.sha256 says 12ab, the package is 34cd.",
    "Certificate of https://[2001:db8::1]:8443/ is not trusted.",
    "Secret minio has no key secretkey. Its keys: accesskey, token.",
    "The design: significant work; tokens and passwords are read from Secrets.",
]
secrets = st.text(string.ascii_letters + string.digits, min_size=9, max_size=80).map(lambda text: f"Q7{text}")
base64 = st.text(string.ascii_letters + string.digits + "+/", min_size=9, max_size=80).map(lambda t: f"Q7{t}==")


@pytest.mark.parametrize("place", PLACES)
@given(secret=secrets)
def test_a_secret_does_not_survive_in(place: str, secret: str) -> None:
    text = PLACES[place].format(secret)
    assert secret not in redact(text)
    assert secret not in redact(f"before {text} after {text}")


@pytest.mark.parametrize("place", ["a Bearer header", "a Basic header", "a Bearer token by itself"])
@given(secret=base64)
def test_no_part_of_base64_survives_in(place: str, secret: str) -> None:
    assert "Q7" not in redact(PLACES[place].format(secret))
    assert secret.strip("Q7=")[-6:] not in redact(PLACES[place].format(secret))


@pytest.mark.parametrize("place", [place for place in PLACES if "URL" in place or "query" in place or "form" in place])
@given(secret=st.text(min_size=3, max_size=40))
def test_an_escaped_secret_does_not_survive_in(place: str, secret: str) -> None:
    escaped = "Q7" + quote(secret, safe="")
    assert escaped not in redact(PLACES[place].format(escaped))


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


def test_what_is_around_a_secret_stays() -> None:
    text = "GET https://a:b@minio:9000/packages/a.tgz?X-Amz-Signature=c answers 403; Authorization: Basic YTpi, retry"
    assert redact(text) == "GET https://minio:9000/packages/a.tgz answers 403; Authorization: ***, retry"


@given(st.text(max_size=300))
def test_redaction_is_done_at_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text(max_size=3000), st.integers(min_value=1, max_value=2000))
def test_a_shortened_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == " ".join(short.split())


def test_a_text_of_the_longest_length_is_not_cut() -> None:
    assert shorten("x" * MAX_MESSAGE) == "x" * MAX_MESSAGE
    assert shorten("x" * (MAX_MESSAGE + 1)) == "x" * (MAX_MESSAGE - 1) + "…"


@given(secrets)
def test_a_cut_cannot_save_a_secret(secret: str) -> None:
    for room in (900, 1000, 1015):
        assert "Q7" not in shorten("x" * room + f" https://minio/k?X-Amz-Signature={secret}")


@pytest.mark.parametrize("part", ["a", "a-", "://", "bearer ", "authorization: ", "token=", "https://a?"])
@pytest.mark.timeout(30)
def test_a_long_answer_of_a_server_does_not_hold_up_the_operator(part: str) -> None:
    assert redact(part * 100_000 + " end").endswith("end")


def test_what_a_terminal_would_act_on_is_escaped() -> None:
    assert shorten("a\x1b[2J\nb\u202e\x9b\udcff 网页") == r"a\x1b[2J b\u202e\x9b\udcff 网页"
