"""Pushing to an image registry (OCI distribution specification 1.1), streaming, with bounded memory.

oras-py's own uploads are never used: they read whole blobs into memory and re-serialise manifests, which changes
their digests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from violet_operator.clients.registry_errors import describe, from_response, upload_error
from violet_operator.clients.registry_http import TRIES, Body, Buffer
from violet_operator.clients.registry_reader import RegistryReader, scope_of
from violet_operator.errors import Stalled, Transient, Waiting
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import Digest, sha256_digest
from violet_operator.support.durations import backoff


class Registry(RegistryReader):
    """One registry. Thread-safe; one connection pool."""

    def mount(self, repository: str, digest: Digest, origin: str) -> bool:
        """Take over a blob from another repository without moving its bytes; False where the registry will not.

        Raises:
            OperatorError: the registry refuses or cannot be reached.
        """
        query = urlencode({"mount": digest, "from": origin})
        url = self._url(repository, f"blobs/uploads/?{query}")
        response = self.request("POST", url, f"{scope_of(repository)} {scope_of(origin, 'pull')}")
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
        scope, what = scope_of(repository), f"the upload of blob {digest} to {repository}"
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
            scope_of(repository),
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
        response = self._delete(repository, tag)
        if response.status_code in (requests.codes.accepted, requests.codes.ok, requests.codes.not_found):
            return True
        if response.status_code in _WILL_NOT_DELETE:
            return False
        raise from_response(self.address, what, response)

    def delete_manifest(self, repository: str, digest: Digest) -> bool:
        """Delete a manifest or index with all its tags; False where it was gone. Blobs are the registry's affair.

        Raises:
            Waiting: the registry deletes nothing, or not for us.
            OperatorError: the registry fails, or cannot be reached.
        """
        what = f"the deletion of {repository}@{digest}"
        response = self._delete(repository, digest)
        status = response.status_code
        if status in (requests.codes.accepted, requests.codes.ok, requests.codes.not_found):
            return bool(status != requests.codes.not_found)
        if status == requests.codes.method_not_allowed or "UNSUPPORTED" in describe(response):
            raise Waiting(
                "RegistryDeletesNothing",
                f"Registry {self.address} refuses {what}: {describe(response)}. Let it delete (distribution: "
                "storage.delete.enabled: true).",
            )
        if status in (requests.codes.unauthorized, requests.codes.forbidden):
            raise Waiting(
                "RegistryForbidden",
                f"Registry {self.address} refuses {what}: {describe(response)}. Grant the user of the Platform's "
                "spec.registry.credentialsSecretRef delete on that repository.",
            )
        raise from_response(self.address, what, response)

    def _delete(self, repository: str, reference: str) -> requests.Response:
        url, scope = self._url(repository, f"manifests/{reference}"), scope_of(repository, "pull,delete")
        return self.request("DELETE", url, scope)

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


_WILL_NOT_DELETE = (
    requests.codes.method_not_allowed,  # distribution specification, Deleting tags: a registry may disable it
    requests.codes.bad_request,
    requests.codes.unauthorized,
    requests.codes.forbidden,
)
