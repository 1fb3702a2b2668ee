"""The marketplace stand-in as a process, for demo and end-to-end tests; ends on SIGTERM or Ctrl-C."""

import argparse
import logging
import os
import signal
from pathlib import Path

from tests.platform.bundles import Bundles
from tests.platform.marketplace import GLOBAL, INTERVAL, Marketplace


def named_path(text: str) -> tuple[str, Path]:
    """``region1=/path/to/kubeconfig``."""
    name, _, path = text.partition("=")
    if not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=KUBECONFIG")
    return name, Path(path)


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m tests.platform", description="Play the platform's part.")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="of the global cluster")
    parser.add_argument(
        "--workload",
        type=named_path,
        action="append",
        default=[],
        metavar="NAME=KUBECONFIG",
        help="repeatable",
    )
    parser.add_argument("--interval", type=float, default=INTERVAL, help="seconds between two rounds")
    parser.add_argument("--plain-http", action="store_true", help="the registry has no TLS")
    parser.add_argument("--ca-file", type=Path, help="CA of the registry")
    parser.add_argument("--username", default="", help="of the registry; its password: REGISTRY_PASSWORD")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    bundles = Bundles(
        plain=options.plain_http,
        username=options.username,
        password=os.environ.get("REGISTRY_PASSWORD", ""),
        ca_file=options.ca_file,
    )
    marketplace = Marketplace({GLOBAL: options.kubeconfig, **dict(options.workload)}, bundles, options.interval)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: marketplace.stop())
    marketplace.run()


if __name__ == "__main__":
    main()
