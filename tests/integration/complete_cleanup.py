"""A CleanupPolicy and a CleanupRun with every field set: what the cases of their CRDs' rules change."""

from typing import Any

from tests.integration.complete import SHA256, TIME

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
        "lastResult": "weekly-1: Complete (DryRun): nothing",
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
        "outcomes": {"deleted": 1, "deleting": 0, "skipped": 0, "failed": 0, "restored": 0},
        "images": {
            "complete": False,
            "message": "region1 does not answer.",
            "manifests": 1,
            "bytes": 900,
            "outcomes": {"deleted": 1, "skipped": 0, "failed": 0, "restored": 0},
            "items": [
                {
                    "image": "acp/a:v1",
                    "digest": "sha256:a",
                    "action": "Delete",
                    "reason": "Unreferenced",
                    "message": "Nothing refers to it any more.",
                    "outcome": "Planned",
                }
            ],
            "itemsLeftOut": 1,
        },
        "backup": {"configMap": "crd-rules-backup", "parts": 1, "objects": 1, "bytes": 900},
        "summary": "GC Summary:",
    },
}
