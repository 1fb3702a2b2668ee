"""olareg, a small strict registry, as a child process: with the referrers API, which distribution lacks, or without."""

from pathlib import Path
from typing import Self

from tests.cluster.process import Process, answers, free_port
from tests.cluster.toolchain import ensure


class Olareg:
    """`with Olareg(directory) as registry:` serves plain HTTP to everyone until the block ends."""

    def __init__(self, directory: Path, *, referrers: bool = True) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        place = ["--addr", "127.0.0.1", "--port", str(port), "--dir", directory / "data"]
        options = [f"--api-referrer={str(referrers).lower()}", "--api-delete"]
        program = ensure("olareg")["olareg"]
        self._process = Process("olareg", [program, "serve", *place, *options], directory / "olareg.log")

    def __enter__(self) -> Self:
        self._process.start(lambda: answers(f"{self.url}/v2/"))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
