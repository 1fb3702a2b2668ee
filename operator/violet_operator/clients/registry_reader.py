"""Looking into an image registry (OCI distribution specification 1.1): manifests, tags, referrers, small blobs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from violet_operator.clients.registry_errors import RETRIED, from_response
from violet_operator.clients.registry_http import MANIFEST_TYPES, RegistryTransport
from violet_operator.errors import Stalled, Transient, Waiting
from violet_operator.support.digests import Digest, parse_digest, sha256_digest

_PROBE = "violet-operator/probe"
"""A repository that need not exist: the referrers API answers an empty list for it."""

_PAGES = 20
"""Pages of a list that are read; one has hundreds of entries."""

_TAG_PAGES = 100
"""Pages of tags that are read, of a thousand each where the registry lets us say so."""


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest or index as a registry has it.

    Attributes:
        raw: the document, byte for byte.
        media_type: as the registry says.
    """

    raw: bytes
    media_type: str


class RegistryReader(RegistryTransport):
    """One registry, to be read. Thread-safe; one connection pool."""

    def ping(self) -> None:
        """Check that this is a registry and takes our credentials (`GET /v2/`).

        Raises:
            OperatorError: it is not, or does not.
        """
        response = self.request("GET", f"{self.prefix}://{self.address}/v2/", "")
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, "GET /v2/", response)

    def capabilities(self) -> list[str]:
        """Optional parts of the specification that it serves: `Catalog`, `Referrers`; a refusal counts as no.

        Raises:
            OperatorError: it cannot be reached.
        """
        probes = {
            "Catalog": (f"{self.prefix}://{self.address}/v2/_catalog?n=1", "registry:catalog:*"),
            "Referrers": (self._url(_PROBE, f"referrers/{sha256_digest(b'')}"), scope_of(_PROBE, "pull")),
        }
        answers = {name: self.request("GET", url, scope) for name, (url, scope) in probes.items()}
        return [name for name, response in answers.items() if response.status_code == requests.codes.ok]

    def manifest_digest(self, repository: str, reference: str) -> Digest | None:
        """The digest that a tag points at, or None where there is no such manifest.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        url, what = self._url(repository, f"manifests/{reference}"), f"a look at {repository}:{reference}"
        accept = {"Accept": MANIFEST_TYPES}
        response = self.request("HEAD", url, scope_of(repository), headers=accept)
        if response.status_code == requests.codes.not_found:
            return None
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, what, response)
        try:
            return parse_digest(response.headers.get("Docker-Content-Digest"))
        except ValueError:  # the header is optional; the document itself always tells
            response = self.request("GET", url, scope_of(repository), headers=accept)
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, what, response)
        return sha256_digest(response.content)

    def get_manifest(self, repository: str, reference: str) -> bytes | None:
        """The bytes of a manifest or index by tag or digest, or None where there is none.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        found = self.find(repository, reference)
        return found.raw if found else None

    def find(self, repository: str, reference: str) -> Found | None:
        """A manifest or index by tag or digest, or None where there is none.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        url = self._url(repository, f"manifests/{reference}")
        response = self.request("GET", url, scope_of(repository), headers={"Accept": MANIFEST_TYPES})
        if response.status_code == requests.codes.not_found:
            return None
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, f"a look at {repository}:{reference}", response)
        return Found(response.content, response.headers.get("Content-Type", "").partition(";")[0].strip())

    def is_whole(self, repository: str, raw: bytes) -> bool:
        """Whether every manifest that an index names is there.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        try:
            children = [parse_digest(entry["digest"]) for entry in json.loads(raw).get("manifests") or []]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False
        return all(self.manifest_digest(repository, child) == child for child in children)

    def referrers(self, repository: str, subject: Digest) -> set[str] | None:
        """Digests of what the registry lists as being about a manifest; None: it has no referrers API.

        Raises:
            OperatorError: the registry fails or cannot be reached.
        """
        found: set[str] = set()
        url: str | None = self._url(repository, f"referrers/{subject}")
        for _ in range(_PAGES):
            response = self.request("GET", str(url), scope_of(repository, "pull"))
            if response.status_code in RETRIED:
                raise from_response(self.address, f"a look at what is about {repository}@{subject}", response)
            if response.status_code != requests.codes.ok:
                return None
            try:
                found |= {str(entry["digest"]) for entry in response.json()["manifests"] or ()}
            except (ValueError, KeyError, TypeError):  # a page of a proxy that answers everything
                return None
            url = self._next_page(response)
            if url is None:
                break
        return found

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the repository holds a blob.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        what = f"a look at blob {digest} of {repository}"
        response = self.request("HEAD", self._url(repository, f"blobs/{digest}"), scope_of(repository))
        if response.status_code == requests.codes.not_found:
            return False
        if response.ok or response.is_redirect:  # a redirect leads to where the blob is stored
            return True
        raise from_response(self.address, what, response)

    def tags(self, repository: str) -> list[str]:
        """Every tag of a repository; none where there is no such repository.

        Raises:
            Waiting: there are more than can be looked through.
            OperatorError: the registry refuses or cannot be reached.
        """
        found: list[str] = []
        what = f"a list of the tags of {repository}"
        url: str | None = self._url(repository, "tags/list?n=1000")
        for _ in range(_TAG_PAGES):
            response = self.request("GET", str(url), scope_of(repository, "pull"))
            if response.status_code == requests.codes.not_found and not found:
                return []
            if response.status_code != requests.codes.ok:
                raise from_response(self.address, what, response)
            try:
                found += [str(tag) for tag in response.json()["tags"] or []]
            except (ValueError, KeyError, TypeError):
                raise Transient("RegistryUnavailable", f"Registry {self.address} answers {what} with none.") from None
            link = response.links.get("next", {}).get("url")
            if not link:
                return found
            url = urlsplit(urljoin(response.url, link))._replace(scheme=self.prefix, netloc=self.address).geturl()
        raise Waiting(
            "RegistryUnavailable",
            f"Registry {self.address} has more than {len(found)} tags in {repository}. Delete some of them.",
        )

    def small_blob(self, repository: str, digest: Digest, size: int) -> bytes:
        """The bytes of a blob, which its manifest says to have so many.

        Raises:
            OperatorError: it is not there, is another, or the registry refuses or cannot be reached.
        """
        what = f"blob {digest} of {repository}"
        url = self._url(repository, f"blobs/{digest}")
        response = self.request("GET", url, scope_of(repository, "pull"))
        if response.is_redirect:  # to where it is stored, which does not get our login
            response = self.request("GET", urljoin(url, response.headers["Location"]), "")
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, f"reading {what}", response)
        if len(response.content) != size or sha256_digest(response.content) != digest:
            raise Stalled(
                "RegistryRefused", f"Registry {self.address} gives out other bytes for {what}: it is damaged."
            )
        return response.content

    def _next_page(self, response: requests.Response) -> str | None:
        """Where a list goes on, on this very registry."""
        link = response.links.get("next", {}).get("url")
        url = urljoin(response.url, link) if link else ""
        return url if url.startswith(f"{self.prefix}://{self.address}/") else None

    def _url(self, repository: str, rest: str) -> str:
        return f"{self.prefix}://{self.address}/v2/{repository}/{rest}"


def scope_of(repository: str, actions: str = "pull,push") -> str:
    """What a token is asked for (distribution specification, token scopes)."""
    return f"repository:{repository}:{actions}"
