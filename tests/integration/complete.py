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
            "chart": {"name": "web", "version": "1.0.0", "digest": f"sha256:{SHA256}"},
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
            "registries": [{"platform": "p", "address": "registry/prefix", "pullAddress": "mirror/prefix"}],
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
                "waitingSince": TIME,
            }
        ],
        "images": [
            {"source": "a:v1", "destination": "registry/a:v1", "digest": f"sha256:{SHA256}", "platform": "default"}
        ],
        "published": {
            "tags": [
                {
                    "platform": "default",
                    "registry": "registry",
                    "pullAddress": "mirror",
                    "repository": "a",
                    "tag": "v1",
                    "digest": f"sha256:{SHA256}",
                    "pushed": True,
                }
            ],
            "versions": [
                {
                    "platform": "default",
                    "cluster": "global",
                    "registry": "registry",
                    "pullAddress": "mirror",
                    "type": "bundle",
                    "name": "opensearch-operator",
                    "version": "1.0.0",
                    "object": "opensearch-operator.v1.0.0",
                    "csv": "opensearch-operator.v1.0.0",
                    "module": "opensearch",
                    "repository": "public-charts",
                    "digest": SHA256,
                    "made": True,
                }
            ],
        },
    },
}
KUBECONFIG: dict[str, Any] = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "Platform",
    "metadata": {"name": "crd-rules-kubeconfig"},
    "spec": {"kubeconfigSecretRef": {"name": "clusters"}},
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
            "imagePullSecrets": ["registry-pull"],
        },
        "charts": {
            "backend": "catalogApi",
            "address": "https://acp.example.com",
            "credentialsSecretRef": {"name": "acp-admin"},
            "caBundleRef": {"kind": "ConfigMap", "name": "platform-ca", "key": "ca.crt"},
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
INVENTORY: dict[str, Any] = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "PackageInventory",
    "metadata": {"name": "crd-rules"},
    "spec": {
        "platformRef": {"name": "default"},
        "clusters": ["global", "region1"],
        "schedule": "0 3 * * 6",
        "timeZone": "Asia/Shanghai",
        "suspend": True,
        "output": {
            "configMapRef": {"name": "installed", "key": "apps.yaml"},
            "url": "s3://packages/apps.yaml",
            "endpoint": "https://minio.example.com:9000",
            "region": "us-east-1",
            "credentialsSecretRef": {"name": "minio"},
            "caBundleRef": {"kind": "ConfigMap", "name": "storage-ca", "key": "ca.crt"},
        },
    },
    "status": {
        "observedGeneration": 1,
        "lastHandledReconcileAt": TIME,
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Exported", "message": "", "lastTransitionTime": TIME}
        ],
        "platform": "default",
        "counts": {"operatorBundles": 1, "modulePlugins": 1, "charts": 0, "core": 2, "pending": 0},
        "lastExportTime": TIME,
        "lastChangeTime": TIME,
        "changes": [
            {
                "action": "Upgraded",
                "type": "OperatorBundle",
                "name": "topolvm-operator",
                "cluster": "global",
                "before": "2.2.0",
                "after": "2.3.0",
            }
        ],
        "changesTotal": 1,
        "clusters": [{"name": "global", "lastReadTime": TIME, "message": "It does not answer."}],
        "export": {"configMap": "installed/apps.yaml", "sha256": SHA256, "size": 1},
        "views": ["operatorviews"],
        "copy": {
            "url": "s3://packages/apps.yaml",
            "endpoint": "https://minio.example.com:9000",
            "region": "us-east-1",
            "credentialsSecretRef": {"name": "minio"},
            "sha256": SHA256,
            "etag": "e",
        },
    },
}
PACKAGE_UPLOAD_SET: dict[str, Any] = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "PackageUploadSet",
    "metadata": {"name": "crd-rules"},
    "spec": {
        "source": {
            "url": "s3://packages/vendor/",
            "endpoint": "https://minio.example.com:9000",
            "region": "us-east-1",
            "credentialsSecretRef": {"name": "minio"},
            "caBundleRef": {"kind": "ConfigMap", "name": "storage-ca", "key": "ca.crt"},
        },
        "include": ["opensearch-*"],
        "exclude": ["*-rc.tgz"],
        "template": {
            "metadata": {"labels": {"any": "platform"}, "annotations": {"any": "a note"}},
            "spec": {key: value for key, value in UPLOAD["spec"].items() if key != "source"},
        },
        "interval": "5m",
        "prune": False,
        "suspend": True,
    },
    "status": {
        "observedGeneration": 1,
        "lastHandledReconcileAt": TIME,
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "AllReady", "message": "", "lastTransitionTime": TIME}
        ],
        "found": 2,
        "ready": 1,
        "failed": 1,
        "progressing": 0,
        "gone": 0,
        "failures": [{"package": "a.tgz", "upload": "vendor-a", "reason": "NameTaken", "message": "It is taken."}],
        "verification": {name: {"count": 1, "packages": ["a.tgz"]} for name in ("gpg", "checksum", "failed", "noFile")},
    },
}
