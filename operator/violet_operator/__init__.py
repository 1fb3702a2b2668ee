"""violet-operator: packages from object storage, verified and published on every target cluster."""

__version__ = "0.1.0"
