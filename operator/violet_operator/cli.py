"""The console script `violet-operator`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from violet_operator import __version__, settings
from violet_operator.commands import package, show, verify
from violet_operator.errors import OperatorError
from violet_operator.support import logs
from violet_operator.support.redact import printable

_INTERRUPTED = 130
"""Exit status of a shell command ended by Ctrl-C: 128 and SIGINT."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 on success, 1 on failure, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="violet-operator", description=__doc__)
    parser.add_argument("--version", action="version", version=f"violet-operator {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "run",
        help="run the controller",
        description="Run the controller. Each flag has an environment variable, given in brackets; the flag wins.",
    )
    settings.add_flags(command)
    command.set_defaults(action=lambda flags: _run(settings.load(flags)))
    command = commands.add_parser(
        "show",
        help="show what a package is",
        description="Show what the package in a local file is, in the words of `violet show`.",
    )
    show.add_arguments(command)
    command.set_defaults(action=show.run)
    command = commands.add_parser(
        "package",
        help="make a package",
        description="Make a package, with its checksum file and, given a key, its signature, from an OCI image layout, "
        "a bundle directory or a Helm chart.",
    )
    package.add_arguments(command)
    command.set_defaults(action=package.run)
    command = commands.add_parser(
        "verify",
        help="verify packages on this machine, without a cluster",
        description="Verify a package, or every package of a folder, by the signatures and checksum files beside "
        "it. The exit status is 0 if every package is verified, else 1; 2 on wrong usage.",
    )
    verify.add_arguments(command)
    command.set_defaults(action=verify.run)
    flags = parser.parse_args(arguments)
    try:
        status: int = flags.action(flags)
    except ValueError as error:
        parser.error(str(error))
    except OperatorError as error:
        sys.stderr.write(printable(f"violet-operator: {error.reason}: {error.message}") + "\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _run(configuration: settings.Settings) -> int:
    from violet_operator.main import run  # noqa: PLC0415 - `--version` and `--help` need none of its libraries

    logs.set_up(log_format=configuration.log_format, level=configuration.log_level)
    asyncio.run(run(configuration))
    return 0


if __name__ == "__main__":
    sys.exit(main())
