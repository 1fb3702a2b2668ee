"""An S3 server as a child process, with one bucket: versitygw (light) or MinIO (what sites run)."""

import secrets
import subprocess
from pathlib import Path

import minio
import obstore
from minio.credentials.providers import StaticProvider
from obstore.store import S3Store

from tests.cluster.process import Process, ToolError, answers, free_port
from tests.cluster.toolchain import Programs

REGION = "us-east-1"
BUCKET = "packages"


class Storage:
    """What both servers have in common; the subclasses say how to start one and how to add a user."""

    program: str
    health: str

    def __init__(self, directory: Path, programs: Programs) -> None:
        self.directory = directory
        self.region = REGION
        self.bucket = BUCKET
        self.access_key = "violet"
        self.secret_key = secrets.token_urlsafe(24)
        self._program = programs[self.program]
        self._address = f"127.0.0.1:{free_port()}"
        self.endpoint = f"http://{self._address}"
        directory.mkdir(parents=True, exist_ok=True)
        self.process = self._process()

    def start(self) -> None:
        """Start it, wait until it answers, and make the bucket if it is not there yet."""
        self.process.start(lambda: answers(f"{self.endpoint}{self.health}"))
        client = minio.Minio(
            self._address,
            access_key=self.access_key,
            secret_key=self.secret_key,
            region=self.region,
            secure=False,
        )
        if not client.bucket_exists(self.bucket):
            client.make_bucket(self.bucket)

    def stop(self) -> None:
        """Stop it; `start` brings it back with all that it held."""
        self.process.stop()

    def store(self, access_key: str | None = None, secret_key: str | None = None) -> S3Store:
        """Return an obstore client of the bucket, with our own keys unless others are given."""
        return S3Store(
            self.bucket,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=access_key or self.access_key,
            secret_access_key=secret_key or self.secret_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def put(self, key: str, content: bytes | Path) -> None:
        """Put an object; a file is streamed, in parts if it is large."""
        obstore.put(self.store(), key, content)

    def delete(self, key: str) -> None:
        """Delete an object."""
        obstore.delete(self.store(), key)

    def url(self, key: str) -> str:
        """Return the s3:// URL of an object."""
        return f"s3://{self.bucket}/{key}"

    def add_user_without_rights(self) -> tuple[str, str]:
        """Make a user whom the server knows but who may not touch the bucket; return its keys."""
        access_key, secret_key = f"stranger-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
        self._add_user(access_key, secret_key)
        return access_key, secret_key

    def _process(self) -> Process:
        raise NotImplementedError

    def _add_user(self, access_key: str, secret_key: str) -> None:
        raise NotImplementedError


class Versitygw(Storage):
    """The Versity gateway over a plain directory."""

    program = "versitygw"
    health = "/health"

    def _process(self) -> Process:
        folders = {name: self.directory / name for name in ("data", "users", "metadata")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        return Process(
            "versitygw",
            [
                self._program,
                f"--port={self._address}",
                f"--region={self.region}",
                f"--health={self.health}",
                f"--iam-dir={folders['users']}",
                "--iam-cache-disable",
                "posix",
                f"--sidecar={folders['metadata']}",  # not every file system has extended attributes
                str(folders["data"]),
            ],
            self.directory / "versitygw.log",
            env={"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key},
        )

    def _add_user(self, access_key: str, secret_key: str) -> None:
        environment = {
            "ADMIN_ACCESS_KEY": self.access_key,
            "ADMIN_SECRET_KEY": self.secret_key,
            "ADMIN_ENDPOINT_URL": self.endpoint,
            "ADMIN_REGION": self.region,
        }
        done = subprocess.run(
            [self._program, "admin", "create-user", "-a", access_key, "-s", secret_key, "-r", "user"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if done.returncode != 0:
            raise ToolError(f"versitygw does not make the user {access_key}: {done.stderr or done.stdout}")


class Minio(Storage):
    """MinIO over a single directory."""

    program = "minio"
    health = "/minio/health/ready"

    def _process(self) -> Process:
        return Process(
            "minio",
            [
                self._program,
                "server",
                "--quiet",
                f"--address={self._address}",
                f"--console-address=127.0.0.1:{free_port()}",
                str(self.directory / "data"),
            ],
            self.directory / "minio.log",
            env={
                "MINIO_ROOT_USER": self.access_key,
                "MINIO_ROOT_PASSWORD": self.secret_key,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
            },
        )

    def _add_user(self, access_key: str, secret_key: str) -> None:
        admin = minio.MinioAdmin(
            endpoint=self._address,
            credentials=StaticProvider(self.access_key, self.secret_key),
            region=self.region,
            secure=False,
        )
        admin.user_add(access_key, secret_key)


SERVERS: dict[str, type[Storage]] = {"versitygw": Versitygw, "minio": Minio}
