"""Network faults on demand: a proxy to put between the operator and a registry or object store."""

from tests.faults.proxy import FaultProxy
from tests.faults.rules import Request

__all__ = ["FaultProxy", "Request"]
