"""Runs one fuzz target in this process, or all of them in turn: ``python -m tests.fuzz [TARGET] [--seconds N]``.

Needs atheris (`pip install --group fuzz`). A failing input is written to the working directory; give its path with
``--input`` to run it again.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", help="one target; default: all in turn")
    parser.add_argument("--seconds", type=int, default=60, help="per target (default %(default)s)")
    parser.add_argument("--input", type=Path, help="run this input once, without fuzzing")
    return parser.parse_args()


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target; ends the process."""
    import atheris  # noqa: PLC0415 - not installed by default

    with atheris.instrument_imports(include=["violet_operator.package", "tarfile"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented while imported

    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        limits = ["-timeout=20", "-rss_limit_mb=1500", "-max_len=65536"]
        report = ["-print_final_stats=1", "-verbosity=0"]
        atheris.Setup(["fuzz", corpus, f"-max_total_time={seconds}", *limits, *report], target.run)
        atheris.Fuzz()


def main() -> int:
    """The exit status: 1 if a target failed."""
    options = parse()
    if options.input or not options.target:
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - else instrumented in `fuzz`

        if options.input:
            TARGETS[options.target].run(options.input.read_bytes())
            return 0
        failed = []
        for name in TARGETS:
            print(f"== {name}", flush=True)
            command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(options.seconds)]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
        print(f"failed: {', '.join(failed)}" if failed else "all targets held")
        return 1 if failed else 0
    fuzz(options.target, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
