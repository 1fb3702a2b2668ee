"""A ModulePlugin is the packager's, key for key; added is what the platform finds it by."""

from typing import Any

import pytest

from violet_operator.api.module_plugin import module_plugin

SPEC = {"name": "web", "mainChart": "acp/web", "deleteable": True}
MODULE_NAME, TYPE, MANAGED_BY = "cpaas.io/module-name", "cpaas.io/module-type", "cpaas.io/managed-by"
OURS = {MODULE_NAME: "web", TYPE: "plugin", MANAGED_BY: "violet"}


@pytest.mark.parametrize(
    ("written", "settings", "labels"),
    [
        ({}, {}, OURS),
        ({"cpaas.io/product": "devops"}, {}, OURS | {"cpaas.io/product": "devops"}),
        ({MANAGED_BY: "somebody", TYPE: "other"}, {}, OURS | {MANAGED_BY: "somebody", TYPE: "other"}),
        ({MANAGED_BY: "somebody"}, {MANAGED_BY: "site"}, OURS | {MANAGED_BY: "site"}),
        (
            {"cpaas.io/product": "devops"},
            {MANAGED_BY: "", "cpaas.io/product": ""},
            {MODULE_NAME: "web", TYPE: "plugin"},
        ),
        ({}, {"note": "no label: a space"}, OURS),
    ],
)
def test_labels(written: dict[str, str], settings: dict[str, str], labels: dict[str, str]) -> None:
    body = module_plugin("web", {"metadata": {"labels": written}, "spec": SPEC}, {}, settings)
    assert body["metadata"]["labels"] == labels
    assert body["metadata"]["name"] == "web"
    assert body["spec"] == SPEC


def test_annotations() -> None:
    written = {"cpaas.io/display-name": '{"en": "Web"}', "cpaas.io/built-in-plugin": "true"}
    record: dict[str, Any] = {"method": "Checksum", "sha256": "00", "verifiedAt": "2026-01-02T03:04:05Z"}
    module = {"metadata": {"annotations": written}, "spec": SPEC}
    assert module_plugin("web", module, record, {"note": "of the site"})["metadata"]["annotations"] == {
        MODULE_NAME: "web",
        MANAGED_BY: "violet",
        **written,
        "violet.alauda.io/verification": '{"method": "Checksum", "sha256": "00"}',
        "violet.alauda.io/verified-at": "2026-01-02T03:04:05Z",
        "note": "of the site",
    }


def test_what_is_not_the_packagers_to_say_is_left_out() -> None:
    body = module_plugin("web", {"spec": SPEC}, {}, {})
    assert set(body) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(body["metadata"]) == {"name", "labels", "annotations"}
