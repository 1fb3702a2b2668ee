"""Command line of the kit: `python -m tests.cluster build | up | down | status`."""

import argparse
import sys
from pathlib import Path

from tests.cluster import session
from tests.cluster.process import ToolError
from tests.cluster.storage import SERVERS
from tests.cluster.toolchain import TOOLS, ensure

DATA_DIR = Path(".demo/kit")


def main() -> int:
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "build":
                programs = ensure(*(arguments.tools or TOOLS))
                print(*programs.paths.values(), sep="\n")
            case "up":
                start = session.detach if arguments.detach else session.run
                start(arguments.data_dir, arguments.clusters.split(","), arguments.storage)
            case "down":
                session.down(arguments.data_dir)
            case "status":
                return 0 if session.status(arguments.data_dir) else 1
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build what is not there yet, into the cache")
    build.add_argument("tools", nargs="*", metavar="TOOL", help=f"of {', '.join(TOOLS)}; default: all")
    up = commands.add_parser("up", help="start clusters, registry and object storage")
    up.add_argument("--clusters", default="global", metavar="NAME,NAME", help="default: global")
    up.add_argument("--storage", default="versitygw", choices=SERVERS)
    up.add_argument("--detach", action="store_true", help="return when ready; `down` ends it")
    down = commands.add_parser("down", help="end a kit started with `up --detach`")
    status = commands.add_parser("status", help="tell what runs; exit code 0 if it is ready")
    for command in (up, down, status):
        command.add_argument("--data-dir", type=Path, default=DATA_DIR, help=f"default: {DATA_DIR}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
