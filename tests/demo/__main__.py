"""Command line of the demo: `python -m tests.demo up | down | put FILE`."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from tests.cluster import KubectlError, ToolError, session
from tests.demo import supervisor, tour
from tests.demo.place import Place

FOLDER = Path(".demo")
SIZE = "200MiB"


def main() -> int:
    arguments = _parser().parse_args()
    place = Place(arguments.dir.absolute())
    try:
        match arguments.command:
            case "up":
                for number in (signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, _interrupt)
                tour.up(place, arguments.size)
            case "down":
                tour.down(place)
            case "put":
                tour.put(session.read_environment(place.env), arguments.file)
            case "supervise":
                supervisor.run(place, arguments.kubeconfig)
    except (ToolError, KubectlError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=FOLDER, help="where everything lives (default %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything, bring a sample package to Ready, leave it up")
    size = os.environ.get("VIOLET_DEMO_SIZE", SIZE)
    up.add_argument("--size", default=size, help="of the package (default %(default)s; VIOLET_DEMO_SIZE)")
    commands.add_parser("down", help="end it and remove its data")
    put = commands.add_parser("put", help="put a package and its .sha256 into the bucket")
    put.add_argument("file", type=Path)
    supervise = commands.add_parser("supervise", help="what `up` starts in the background")
    supervise.add_argument("--kubeconfig", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
