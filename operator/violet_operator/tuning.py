"""Every kopf setting we change, one reason each."""

from __future__ import annotations

import kopf

from violet_operator.api import GROUP


def tune(settings: kopf.OperatorSettings) -> None:
    """Apply them; called once, before kopf starts to watch."""
    settings.posting.enabled = False  # our flows record their own events, on transitions only
    settings.peering.standalone = True  # peering freezes everything at equal priority; one replica, Recreate
    settings.scanning.disabled = True  # no rights on CRDs and namespaces of the whole cluster needed
    settings.persistence.finalizer = f"{GROUP}/operator"  # the default carries another project's domain
    settings.watching.server_timeout = 300  # a watch that died silently is noticed after five minutes ...
    settings.watching.client_timeout = 310  # ... even when the server forgets to end it
    settings.watching.connect_timeout = 30  # the default waits for ever
    settings.networking.request_timeout = 60  # the default of five minutes hides an API server that hangs
    settings.queueing.idle_timeout = 0.5  # our handlers only note that an object changed: free its worker soon
