"""Images that nothing refers to any more: which of the registry's manifests may go once a run's objects are gone.

In data-flow order: `whereabouts` says whom to ask, `offers` what the versions that go stand for, `contents` which
images those need, `inventory` what the registry has there, `references`, `mentions` and `values` who names any of it,
`judge` decides, `plan` holds it together, `deletion` acts and undoes. Only manifests are deleted, never blobs: those
are the registry's own garbage collection's.
"""
