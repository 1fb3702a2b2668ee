"""The operator's registry client in tests: how to make one, and a blob for it to upload."""

import os
from collections.abc import Iterator
from typing import Any

from violet_operator.clients.registry import Registry as Client
from violet_operator.clients.registry_http import RegistrySettings
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import sha256_digest

MIB = 1 << 20


def connect(address: str, **settings: Any) -> Client:
    return Client(RegistrySettings(address, **({"plain_http": True} | settings)))


class Blob:
    """A blob to upload, in pieces; counts what was taken of it and what the meter was told."""

    def __init__(self, size: int, piece: int = MIB) -> None:
        self.data = os.urandom(size)
        self.digest = sha256_digest(self.data)
        self.piece = piece
        self.starts: list[int] = []
        self.told = 0

    def read_from(self, offset: int) -> Iterator[memoryview]:
        self.starts.append(offset)
        view = memoryview(self.data)
        for start in range(offset, len(view), self.piece):
            yield view[start : start + self.piece]

    def count(self, sent: int) -> None:
        self.told += sent

    def upload(self, client: Client, repository: str, cancel: CancelToken | None = None) -> None:
        client.upload(
            repository, self.digest, len(self.data), self.read_from, cancel=cancel or CancelToken(), on_bytes=self.count
        )
