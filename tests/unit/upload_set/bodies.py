"""Sets and uploads as the API shows them, for the pure parts of the flow."""

from typing import Any

Object = dict[str, Any]

URL = "s3://packages/vendor/"


def upload_set(**changes: Any) -> Object:
    """A Set named `vendor`."""
    metadata = {"name": "vendor", "namespace": "ns", "uid": "set-uid", "generation": 1}
    spec = {"source": {"url": URL, "endpoint": "http://storage"}, "template": {"spec": {"mode": "Upload"}}}
    return {"metadata": metadata, "spec": spec | changes}


def as_stored(body: Object, uid: str = "uid", **status: Any) -> Object:
    """What the API server makes of an applied upload: defaults and a uid."""
    spec = {"interval": "1h", **body["spec"]}
    return body | {"metadata": {**body["metadata"], "uid": uid, "generation": 1}, "spec": spec, "status": status}


def ready(status: str, reason: str, **more: Any) -> Object:
    """A status with a Ready condition, judged on the first generation."""
    conditions = [{"type": "Ready", "status": status, "reason": reason, "message": f"{reason}."}]
    return {"observedGeneration": 1, "conditions": conditions + more.pop("conditions", [])} | more
