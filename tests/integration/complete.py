"""One object of each kind with every field set: what the cases of the CRDs' rules change."""

from typing import Any

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
SHA256 = "0123456789abcdef" * 4
TIME = "2026-01-02T03:04:05Z"

UPLOAD: dict[str, Any] = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "PackageUpload",
    "metadata": {"name": "crd-rules"},
    "spec": {
        "source": {
            "url": "s3://packages/opensearch-operator.v3.14.2.tgz",
            "endpoint": "https://minio.example.com:9000",
            "region": "us-east-1",
            "credentialsSecretRef": {"name": "minio"},
            "caBundleRef": {"kind": "ConfigMap", "name": "storage-ca", "key": "ca.crt"},
            "sha256": SHA256,
        },
        "verification": {
            "policy": "Require",
            "gpg": {"keysRef": {"kind": "Secret", "name": "vendor-keys"}, "fingerprints": [FINGERPRINT]},
        },
        "targets": [{"platformRef": {"name": "default"}, "clusters": ["global", "region1"]}],
        "catalogSource": "platform",
        "chartRepository": "public-charts",
        "imagePlatforms": ["linux/amd64"],
        "mode": "Upload",
        "skipPush": False,
        "skipResources": False,
        "overwrite": "Never",
        "suspend": True,
        "deletionPolicy": "Retain",
        "interval": "1h",
    },
    "status": {
        "observedGeneration": 1,
        "lastHandledReconcileAt": TIME,
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Installable", "message": "", "lastTransitionTime": TIME}
        ],
        "source": {"url": "s3://packages/a.tgz", "etag": "e", "version": "v", "size": 1, "sha256": SHA256},
        "verification": {
            "method": "GPG",
            "fingerprint": FINGERPRINT,
            "keyID": FINGERPRINT[-16:],
            "sha256": SHA256,
            "signedAt": TIME,
            "verifiedAt": TIME,
        },
        "package": {
            "name": "opensearch-operator",
            "displayName": "OpenSearch",
            "type": "bundle",
            "version": "3.14.2",
            "architectures": ["linux/amd64"],
            "lifecycle": "agnostic",
            "artifact": "build.example.com/opensearch-operator-bundle:v3.14.2",
            "channels": ["stable"],
            "defaultChannel": "stable",
            "relatedImages": ["build.example.com/opensearch:v3.14.2"],
        },
        "progress": {
            "bytesTotal": 1,
            "bytesDone": 1,
            "blobsTotal": 1,
            "blobsDone": 1,
            "blobsSkipped": 0,
            "percent": 100,
        },
        "plan": {
            "bytes": 0,
            "blobs": 0,
            "blobsPresent": 1,
            "tags": ["registry/a:v1"],
            "overwrites": ["registry/a:v1"],
            "objects": [{"platform": "p", "cluster": "c", "kind": "Artifact", "name": "a", "action": "Create"}],
            "hash": "h",
        },
        "targets": [
            {
                "platform": "default",
                "cluster": "global",
                "phase": "Ready",
                "message": "Installable.",
                "objects": [{"kind": "Artifact", "namespace": "cpaas-system", "name": "opensearch-operator"}],
            }
        ],
        "images": [
            {"source": "a:v1", "destination": "registry/a:v1", "digest": f"sha256:{SHA256}", "platform": "default"}
        ],
    },
}
PLATFORM: dict[str, Any] = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "Platform",
    "metadata": {"name": "crd-rules"},
    "spec": {
        "address": "https://acp.example.com",
        "credentialsSecretRef": {"name": "acp-admin"},
        "clientID": "alauda-auth",
        "caBundleRef": {"kind": "ConfigMap", "name": "platform-ca", "key": "ca.crt"},
        "insecureSkipTLSVerify": False,
        "registry": {
            "address": "registry.example.com:11443",
            "credentialsSecretRef": {"name": "registry"},
            "anonymous": False,
            "plainHTTP": False,
            "caBundleRef": {"kind": "ConfigMap", "name": "registry-ca", "key": "ca.crt"},
            "repositoryPrefix": "acp/packages",
            "pullAddress": "registry.internal:5000",
        },
    },
    "status": {
        "observedGeneration": 1,
        "lastHandledReconcileAt": "2026-01-02T03:04:05Z",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Connected",
                "message": "The platform answers.",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
                "observedGeneration": 1,
            }
        ],
        "clusters": [{"name": "global", "ready": True, "message": "Packages can be published."}],
        "registry": {
            "address": "registry.example.com:11443",
            "pullAddress": "registry.internal:5000",
            "origin": "Spec",
            "capabilities": ["Catalog"],
        },
    },
}
CLEANUP: dict[str, Any] = {
    "platformRef": {"name": "default"},
    "clusters": ["global", "region1"],
    "mode": "Approve",
    "kinds": ["Artifact", "ArtifactVersion"],
    "exclude": {
        "names": ["opensearch-*"],
        "selector": {
            "matchLabels": {"any": "payments"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold"]}],
        },
    },
    "retention": {"keepNewerThanInstalled": True, "keepLast": 1, "minAge": "168h", "observations": 2},
    "limits": {"maxDeletions": 20, "maxPercent": 10},
    "images": "Retain",
}
CLEANUP_POLICY: dict[str, Any] = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "CleanupPolicy",
    "metadata": {"name": "crd-rules"},
    "spec": CLEANUP
    | {
        "schedule": "0 3 * * 6",
        "timeZone": "Asia/Shanghai",
        "startingDeadlineSeconds": 3600,
        "suspend": True,
        "successfulRunsHistoryLimit": 3,
        "failedRunsHistoryLimit": 1,
    },
    "status": {
        "observedGeneration": 1,
        "lastHandledReconcileAt": TIME,
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Scheduled", "message": "", "lastTransitionTime": TIME}
        ],
        "lastScheduleTime": TIME,
        "nextScheduleTime": TIME,
        "lastSuccessfulTime": TIME,
        "active": "weekly-1",
        "lastRun": "weekly-1",
    },
}
CLEANUP_RUN: dict[str, Any] = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "CleanupRun",
    "metadata": {"name": "crd-rules"},
    "spec": CLEANUP | {"approvedPlan": SHA256, "restore": False},
    "status": {
        "observedGeneration": 1,
        "conditions": [
            {"type": "Complete", "status": "True", "reason": "DryRun", "message": "", "lastTransitionTime": TIME}
        ],
        "startTime": TIME,
        "completionTime": TIME,
        "plan": {"hash": SHA256, "judged": 2, "deletions": 1, "kept": 1},
        "clusters": [{"name": "global", "complete": False, "message": "Its views cannot be read."}],
        "kept": [{"reason": "Installed", "count": 1}],
        "items": [
            {
                "kind": "Artifact",
                "name": "a",
                "namespace": "cpaas-system",
                "cluster": "global",
                "action": "Delete",
                "reason": "NotInstalled",
                "message": "Nobody has installed it.",
                "outcome": "Planned",
                "uid": "u",
                "observed": 1,
            }
        ],
        "itemsLeftOut": 1,
        "summary": "GC Summary:",
    },
}
