"""Pushing to an image registry (OCI distribution specification 1.1), streaming, with bounded memory.

oras-py's own uploads are never used: they read whole blobs into memory and re-serialise manifests, which changes
their digests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from violet_operator.clients.registry_errors import RETRIED, from_response, upload_error
from violet_operator.clients.registry_http import MANIFEST_TYPES, TRIES, Body, Buffer, RegistryTransport
from violet_operator.errors import Stalled, Transient
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import Digest, parse_digest, sha256_digest
from violet_operator.support.durations import backoff

_PROBE = "violet-operator/probe"
"""A repository that need not exist: the referrers API answers an empty list for it."""

_PAGES = 20
"""Pages of a list that are read; one has hundreds of entries."""


class Registry(RegistryTransport):
    """One registry. Thread-safe; one connection pool."""

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
            "Referrers": (self._url(_PROBE, f"referrers/{sha256_digest(b'')}"), _scope(_PROBE, "pull")),
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
        response = self.request("HEAD", url, _scope(repository), headers=accept)
        if response.status_code == requests.codes.not_found:
            return None
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, what, response)
        try:
            return parse_digest(response.headers.get("Docker-Content-Digest"))
        except ValueError:  # the header is optional; the document itself always tells
            response = self.request("GET", url, _scope(repository), headers=accept)
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, what, response)
        return sha256_digest(response.content)

    def get_manifest(self, repository: str, reference: str) -> bytes | None:
        """A manifest or index by tag or digest, or None where there is none.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        url = self._url(repository, f"manifests/{reference}")
        response = self.request("GET", url, _scope(repository), headers={"Accept": MANIFEST_TYPES})
        if response.status_code == requests.codes.not_found:
            return None
        if response.status_code != requests.codes.ok:
            raise from_response(self.address, f"a look at {repository}:{reference}", response)
        return response.content

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
            response = self.request("GET", str(url), _scope(repository, "pull"))
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
        response = self.request("HEAD", self._url(repository, f"blobs/{digest}"), _scope(repository))
        if response.status_code == requests.codes.not_found:
            return False
        if response.ok or response.is_redirect:  # a redirect leads to where the blob is stored
            return True
        raise from_response(self.address, what, response)

    def mount(self, repository: str, digest: Digest, origin: str) -> bool:
        """Take over a blob from another repository without moving its bytes; False where the registry will not.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        query = urlencode({"mount": digest, "from": origin})
        url = self._url(repository, f"blobs/uploads/?{query}")
        response = self.request("POST", url, f"{_scope(repository)} {_scope(origin, 'pull')}")
        if response.status_code == requests.codes.accepted:  # it opened an upload instead: leave that one to expire
            return False
        return bool(response.status_code == requests.codes.created)

    def upload(
        self,
        repository: str,
        digest: Digest,
        size: int,
        read_from: Callable[[int], Iterator[Buffer]],
        *,
        cancel: CancelToken,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Stream a blob into a repository: one PATCH with all its bytes, then a PUT that names its digest.

        A broken upload goes on where the registry kept its session, and starts over where it did not.

        Args:
            repository: without host and prefix.
            digest: of the blob; the registry checks it.
            size: bytes.
            read_from: the blob's bytes from an offset on.
            cancel: checked between pieces.
            on_bytes: told what was sent; negative where bytes have to be sent again.

        Raises:
            Cancelled: the work was called off.
            OperatorError: the source or the registry fails.
        """
        scope, what = _scope(repository), f"the upload of blob {digest} to {repository}"
        failures, offset, location = 0, 0, ""
        while True:
            cancel.check()
            location = location or self._open_upload(repository, scope, what)
            body = Body(read_from(offset), size - offset, on_bytes)
            try:
                if offset < size or not size:
                    location = self._send(location, scope, what, body, offset)
                return self._close_upload(location, scope, what, digest)
            except Transient as error:
                if body.failure is not None:
                    raise body.failure from None
                failures += 1
                if failures >= TRIES:
                    raise
                cancel.sleep(error.after or backoff(failures - 1, first=0.5, longest=15))
                kept, location = self._resume(location, scope)
                if not kept and self.has_blob(repository, digest):
                    return None  # only the answer was lost
                on_bytes(kept - offset - body.sent)
                failures = 0 if kept > offset else failures  # what the registry kept is progress
                offset = kept

    def put_manifest(self, repository: str, reference: str, raw: bytes, media_type: str) -> bool:
        """Store a manifest byte for byte, under a tag or its digest; whether the registry lists it for its subject.

        Raises:
            OperatorError: the registry refuses, fails, or stores something else.
        """
        what = f"the manifest {repository}:{reference}"
        response = self.request(
            "PUT",
            self._url(repository, f"manifests/{reference}"),
            _scope(repository),
            data=raw,
            headers={"Content-Type": media_type},
        )
        if response.status_code != requests.codes.created:
            raise from_response(self.address, what, response)
        stored = response.headers.get("Docker-Content-Digest", "")
        if stored and stored != sha256_digest(raw):
            raise Stalled(
                "RegistryRefused",
                f"Registry {self.address} stored {what} with digest {stored} instead of {sha256_digest(raw)}: "
                "it rewrites manifests, so signatures would break.",
            )
        return "OCI-Subject" in response.headers

    def delete_tag(self, repository: str, tag: str) -> bool:
        """Remove a tag and nothing else; False where the registry does not, or not for us. One that is gone is removed.

        Raises:
            OperatorError: the registry fails, or cannot be reached.
        """
        what = f"the deletion of tag {repository}:{tag}"
        response = self.request("DELETE", self._url(repository, f"manifests/{tag}"), _scope(repository, "pull,delete"))
        if response.status_code in (requests.codes.accepted, requests.codes.ok, requests.codes.not_found):
            return True
        if response.status_code in _WILL_NOT_DELETE:
            return False
        raise from_response(self.address, what, response)

    def _open_upload(self, repository: str, scope: str, what: str) -> str:
        response = self.request("POST", self._url(repository, "blobs/uploads/"), scope)
        if response.status_code != requests.codes.accepted:
            raise from_response(self.address, what, response)
        return self._location(response)

    def _send(self, location: str, scope: str, what: str, body: Body, offset: int) -> str:
        headers = {"Content-Type": "application/octet-stream"}
        if offset:
            headers["Content-Range"] = f"{offset}-{offset + len(body) - 1}"
        response = self.once("PATCH", location, scope, headers=headers, data=body)
        if response.status_code not in (requests.codes.accepted, requests.codes.created):
            raise upload_error(from_response(self.address, what, response), response, body.sent)
        return self._location(response)

    def _close_upload(self, location: str, scope: str, what: str, digest: Digest) -> None:
        url = f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest})}"
        response = self.request("PUT", url, scope, headers={"Content-Length": "0"})
        if response.status_code != requests.codes.created:
            raise upload_error(from_response(self.address, what, response), response)

    def _resume(self, location: str, scope: str) -> tuple[int, str]:
        """Bytes the registry kept of a broken upload and where to go on; (0, "") where it kept nothing."""
        response = self.request("GET", location, scope)
        kept = response.headers.get("Range", "").rpartition("-")[2]
        if response.status_code != requests.codes.no_content or not kept.isdigit() or kept == "0":
            return 0, ""
        return int(kept) + 1, self._location(response)

    def _location(self, response: requests.Response) -> str:
        location = response.headers.get("Location")
        if not location:
            raise Transient("RegistryUnavailable", f"Registry {self.address} sends no upload location.")
        url = urljoin(f"{self.prefix}://{self.address}/", location)
        # A registry behind a TLS proxy that it does not know of says http:// of itself.
        return urlsplit(url)._replace(scheme=self.prefix).geturl() if urlsplit(url).netloc == self.address else url

    def _next_page(self, response: requests.Response) -> str | None:
        """Where a list goes on, on this very registry."""
        link = response.links.get("next", {}).get("url")
        url = urljoin(response.url, link) if link else ""
        return url if url.startswith(f"{self.prefix}://{self.address}/") else None

    def _url(self, repository: str, rest: str) -> str:
        return f"{self.prefix}://{self.address}/v2/{repository}/{rest}"


_WILL_NOT_DELETE = (
    requests.codes.method_not_allowed,  # distribution specification, Deleting tags: a registry may disable it
    requests.codes.bad_request,
    requests.codes.unauthorized,
    requests.codes.forbidden,
)


def _scope(repository: str, actions: str = "pull,push") -> str:
    return f"repository:{repository}:{actions}"
