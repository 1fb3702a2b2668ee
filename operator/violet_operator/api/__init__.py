"""The kinds of `violet.alauda.io` and the platform's objects, as data only: nothing here does I/O."""

GROUP = "violet.alauda.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

RECONCILE_ANNOTATION = f"{GROUP}/reconcile-requested-at"
"""Set to a new value (a time, by convention) to have an object reconciled now."""

POLICY_LABEL = f"{GROUP}/cleanup-policy"
"""On a CleanupRun: the policy that it is a run of."""

SUPERSEDES = f"{GROUP}/supersedes"
"""On a CleanupRun: the run of its policy that still waited for its approval when this one was started."""

RUN_LABEL = f"{GROUP}/cleanup-run"
"""On the ConfigMaps of a backup: the CleanupRun that has written it."""

FINALIZER = f"{GROUP}/published"
"""On an upload of which something has to be taken back before it goes (`spec.deletionPolicy: Delete`)."""

FIELD_MANAGER = "violet-operator"
"""Who we are in server-side apply."""
