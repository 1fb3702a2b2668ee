"""Packages of our own layout for tests and demo: any size, type and defect, the same bytes for the same seed.

The builder shares no code with the operator, so that it can judge what the operator reads.
"""

from tests.packages.archive import Compression, Order, Sidecar
from tests.packages.build import Built, build
from tests.packages.defects import DEFECTS, Defect
from tests.packages.oci import BuiltImage
from tests.packages.sign import SigningKey
from tests.packages.spec import Bundle, Chart, Image, Package, Plugin

__all__ = [
    "DEFECTS",
    "Built",
    "BuiltImage",
    "Bundle",
    "Chart",
    "Compression",
    "Defect",
    "Image",
    "Order",
    "Package",
    "Plugin",
    "Sidecar",
    "SigningKey",
    "build",
]
