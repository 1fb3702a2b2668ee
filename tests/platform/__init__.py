"""The platform's part in tests and demo: its CRDs, a small marketplace controller, and the gateway with its login.

The platform itself is closed. What is known of it is played here; nothing of its text or code is.
"""

from tests.platform.bundles import Bundles
from tests.platform.catalog import Catalog
from tests.platform.charts import Charts
from tests.platform.crds import KINDS, find_real_crds, install_crds
from tests.platform.gateway import Gateway, grant
from tests.platform.marketplace import Marketplace

__all__ = ["KINDS", "Bundles", "Catalog", "Charts", "Gateway", "Marketplace", "find_real_crds", "grant", "install_crds"]
