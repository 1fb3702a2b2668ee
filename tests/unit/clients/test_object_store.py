"""Uploads from one bucket share a client; another login, address or trust never does."""

from dataclasses import replace

import pytest

from violet_operator.clients.bucket import StorageSettings
from violet_operator.clients.object_store import ObjectStore

SETTINGS = StorageSettings(
    "s3://packages/a.tgz", "http://127.0.0.1:9", "us-east-1", {"accesskey": "a", "secretkey": "b"}
)


def test_one_bucket_has_one_client() -> None:
    other = replace(SETTINGS, url="s3://packages/folder/b.tgz")
    assert ObjectStore(SETTINGS)._store is ObjectStore(other)._store


@pytest.mark.parametrize(
    "change",
    [
        {"url": "s3://other/a.tgz"},
        {"endpoint": "http://127.0.0.1:10"},
        {"region": "eu-west-1"},
        {"credentials": {"accesskey": "a", "secretkey": "changed"}},
        {"credentials": {"accesskey": "a", "secretkey": "b", "sessiontoken": "t"}},
        {"credentials": None},
    ],
    ids="-".join,
)
def test_whatever_differs_makes_another_client(change: dict) -> None:
    assert ObjectStore(SETTINGS)._store is not ObjectStore(replace(SETTINGS, **change))._store
