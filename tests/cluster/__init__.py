"""A real control plane, registry and object storage on loopback, for tests and for the demo.

From Python: `with Kit() as kit: ...`. From the command line: `python -m tests.cluster --help`.
"""

from tests.cluster.access import Access, KubectlError
from tests.cluster.controlplane import AuditEntry, Cluster
from tests.cluster.kit import Kit
from tests.cluster.process import ToolError
from tests.cluster.registry import Registry
from tests.cluster.storage import Storage

__all__ = ["Access", "AuditEntry", "Cluster", "Kit", "KubectlError", "Registry", "Storage", "ToolError"]
