"""The platform's part in tests and demo: its CRDs, and a small marketplace controller over a real API server.

The platform itself is closed. What is known of it is played here; nothing of its text or code is.
"""

from tests.platform.bundles import Bundles
from tests.platform.charts import Charts
from tests.platform.crds import KINDS, find_real_crds, install_crds
from tests.platform.marketplace import Marketplace

__all__ = ["KINDS", "Bundles", "Charts", "Marketplace", "find_real_crds", "install_crds"]
