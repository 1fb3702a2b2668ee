"""Command line of the package builder, for the demo: ``python -m tests.packages --out DIR --size 200MiB``."""

import argparse
import re
from pathlib import Path

from tests.packages.build import build
from tests.packages.defects import DEFECTS
from tests.packages.spec import PLATFORMS, Bundle, Chart, Image, Package, Plugin

UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
TYPES: dict[str, type[Package]] = {"bundle": Bundle, "plugin": Plugin, "chart": Chart}


def size(text: str) -> int:
    """``200MiB`` as a number of bytes."""
    match = re.fullmatch(r"(\d+)(|KiB|MiB|GiB)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write for example 512KiB, 200MiB or 2GiB")
    return int(match[1]) * UNITS[match[2]]


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m tests.packages", description="Make a sample package.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--size", type=size, default="10MiB", help="about this size (default %(default)s)")
    parser.add_argument("--type", choices=TYPES, default="bundle")
    parser.add_argument("--name", default="sample-operator")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--registry", default="harbor.example.com/acp", help="where its images come from")
    parser.add_argument("--images", type=int, default=1, help="related images (default %(default)s)")
    parser.add_argument("--layers", type=int, default=4, help="layers per platform (default %(default)s)")
    parser.add_argument("--platforms", default=",".join(PLATFORMS), help="default %(default)s")
    parser.add_argument("--compression", choices=("gzip", "none"), default="gzip")
    parser.add_argument("--order", choices=("manifest-first", "blobs-first", "shuffled"), default="manifest-first")
    parser.add_argument("--defect", choices=DEFECTS)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Write the package and print its path."""
    options = parse()
    platforms = tuple(options.platforms.split(","))
    layer_size = options.size // (options.images * options.layers * len(platforms))
    tag = f"v{options.version}"
    related = tuple(
        Image(f"{options.name}-{n}" if n else options.name, tag, platforms, options.layers, layer_size)
        for n in range(options.images)
    )
    spec = TYPES[options.type](
        name=options.name,
        version=options.version,
        registry=options.registry,
        tag=tag,
        related=related,
        seed=options.seed,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    suffix = "tgz" if options.compression == "gzip" else "tar"
    path = options.out / f"{options.name}.{tag}.{suffix}"
    built = build(spec, path, compression=options.compression, defect=options.defect, order=options.order)
    print(built.path)


if __name__ == "__main__":
    main()
