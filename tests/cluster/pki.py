"""The kit's own certificate authority: TLS is real, and clients must be given the CA to trust it."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=365)
_USAGES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


class Authority:
    """A CA that lives in a directory; it is made on first use and read again after a restart."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.ca_file = directory / "ca.crt"
        key_file = directory / "ca.key"
        if self.ca_file.exists():
            self._certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
            self._key = load_key(key_file)
            return
        directory.mkdir(parents=True, exist_ok=True)
        self._key = new_key(key_file)
        subject = _name(f"violet test kit CA {name}")
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        self._certificate = (
            _builder(subject, subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, name: str, *, dns: tuple[str, ...] = ()) -> tuple[Path, Path]:
        """Return certificate and key files of a server on loopback, good for a client too."""
        certificate_file, key_file = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        if certificate_file.exists():
            return certificate_file, key_file
        key = new_key(key_file)
        names: list[x509.GeneralName] = [x509.DNSName(entry) for entry in ("localhost", *dns)]
        names += [x509.IPAddress(ipaddress.ip_address(entry)) for entry in ("127.0.0.1", "::1", "10.0.0.1")]
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(_name(name), self._certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(_USAGES), critical=False)
            .add_extension(issuer_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return certificate_file, key_file


def new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Make a private key and write it for the owner's eyes only."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return key


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a key that `new_key` wrote."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
    )
