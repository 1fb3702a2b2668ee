"""Pushing to an image registry (OCI distribution specification 1.1), streaming, with bounded memory.

oras-py's own uploads are never used: they read whole blobs into memory and re-serialise manifests, which changes
their digests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from violet_operator.clients.registry_errors import from_response
from violet_operator.clients.registry_http import TRIES, Body, Buffer, RegistryTransport
from violet_operator.errors import OperatorError, Stalled, Transient
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import Digest, parse_digest, sha256_digest
from violet_operator.support.durations import backoff

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
)


_PROBE = "violet-operator/probe"
"""A repository that need not exist: the referrers API answers an empty list for it."""


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

    def is_whole(self, repository: str, digest: Digest) -> bool:
        """Whether a manifest that is there still has every manifest that it names.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        url = self._url(repository, f"manifests/{digest}")
        response = self.request("GET", url, _scope(repository), headers={"Accept": MANIFEST_TYPES})
        if response.status_code != requests.codes.ok:
            return False
        try:
            children = [parse_digest(entry["digest"]) for entry in response.json().get("manifests") or []]
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        return all(self.manifest_digest(repository, child) == child for child in children)

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

    def put_manifest(self, repository: str, reference: str, raw: bytes, media_type: str) -> None:
        """Store a manifest byte for byte, under a tag or its digest.

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
            raise _upload_error(from_response(self.address, what, response), response, body.sent)
        return self._location(response)

    def _close_upload(self, location: str, scope: str, what: str, digest: Digest) -> None:
        url = f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest})}"
        response = self.request("PUT", url, scope, headers={"Content-Length": "0"})
        if response.status_code != requests.codes.created:
            raise _upload_error(from_response(self.address, what, response), response)

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


def _upload_error(error: OperatorError, response: requests.Response, sent: int = 0) -> OperatorError:
    """What ends an upload, and what only this try.

    An upload session that is gone (404) or disagrees about its offset (416) is started anew, not given up; so is one
    whose token has expired (401) on the way, as it was good when the upload was opened.
    """
    status = response.status_code
    if status in (requests.codes.not_found, requests.codes.requested_range_not_satisfiable):
        return Transient("RegistryUnavailable", error.message)
    return Transient(error.reason, error.message) if status == requests.codes.unauthorized and sent else error
