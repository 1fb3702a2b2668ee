"""A token server as registries use one (distribution specification, token authentication), for distribution itself.

Tokens are JWTs signed by a key whose certificate the registry trusts. The server records what it was asked for, and
can be told to give short-lived tokens, to refuse, or to fail.
"""

import base64
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.cluster.pki import Authority, load_key
from tests.servers import HangUpServer

ISSUER, SERVICE = "violet test kit", "violet test registry"


class TokenServer:
    """``with TokenServer(directory) as tokens:`` serves on ``tokens.realm``; ``tokens.config`` is for the registry."""

    def __init__(self, directory: Path, username: str, password: str) -> None:
        authority = Authority(directory, "tokens")
        certificate, key = authority.server("tokens")
        self._key = load_key(key)
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._chain = [base64.b64encode(parsed.public_bytes(serialization.Encoding.DER)).decode()]
        self._login = f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
        self._bundle = authority.ca_file
        self.lifetime = 300  # seconds that a token really lives
        self.dead = False  # whether tokens are expired when they are given
        self.status = 200  # another one refuses, or fails
        self.asked: list[list[str]] = []  # scopes of each request
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tokens._answer(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = HangUpServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="token-server", daemon=True)
        self.realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"

    @property
    def config(self) -> dict[str, Any]:
        """The `auth` section of the registry's configuration."""
        names = {"realm": self.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(self._bundle)}
        return {"token": names | {"signingalgorithms": ["ES256"]}}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(request.path).query)
        scopes = query.get("scope", [])
        self.asked.append(scopes)
        status = self.status if request.headers["Authorization"] == self._login else 401
        body = b"{}"
        if status == 200:
            stated = {"token": self._token(scopes), "expires_in": self.lifetime}
            body = json.dumps(stated).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _token(self, scopes: list[str]) -> str:
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")  # several scopes come as several parameters
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        claims = {
            "iss": ISSUER, "aud": SERVICE, "sub": "someone", "jti": secrets.token_hex(8), "access": access,
            "iat": now, "nbf": now - 120, "exp": now + (-100 if self.dead else self.lifetime),
        }  # fmt: skip
        header = {"typ": "JWT", "alg": "ES256", "x5c": self._chain}
        signed = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
