"""The documentation says what the code does: settings, fields, reasons, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from tests.unit.test_layout import ROOT
from violet_operator import settings
from violet_operator.api.cleanup_policy import CleanupPolicySpec
from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.api.package_inventory import PackageInventorySpec
from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.api.package_upload_set import PackageUploadSetSpec, PackageUploadSetStatus
from violet_operator.api.platform import PlatformSpec
from violet_operator.package.manifest import PackageManifest

DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]
REASON_POSITIONS = {"Stalled": 0, "Waiting": 0, "Transient": 0, "done": 1, "working": 1, "end": 1, "set": 2}
PASSED_ON = {
    "reason",
    "error.reason",
    "stalled['reason']",
    "found['reason']",
    "ready['reason']",
}  # not stated there, only handed on
AT_START = "NoCluster"  # ends the program before there is a status
SPECS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("cleanuppolicy.md", CleanupPolicySpec),
    ("cleanuprun.md", CleanupRunSpec),
    ("packageinventory.md", PackageInventorySpec),
    ("packageupload.md", PackageUploadSpec),
    ("packageuploadset.md", PackageUploadSetSpec),
    ("platform.md", PlatformSpec),
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def reasons() -> set[str]:
    """Every reason that the operator states, by reading its source."""
    found = set()
    for file in sorted((ROOT / "operator").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if (position := REASON_POSITIONS.get(name)) is None or len(node.args) <= position:
                continue
            reason = node.args[position]
            if isinstance(reason, ast.Constant):
                found.add(reason.value)
            else:
                assert ast.unparse(reason) in PASSED_ON, f"{file}:{node.lineno}: a reason that no test can know"
    return found


def documented_reasons() -> set[str]:
    found: set[str] = set()
    for page, _ in SPECS:
        section = (DOCS / page).read_text().partition("\n### Reasons\n")[2].partition("\n### ")[0]
        assert section, page
        found |= set(re.findall(r"^\| `([A-Za-z]+)` \|", section, re.MULTILINE))
    return found


def test_every_reason_is_documented_and_nothing_else() -> None:
    stated = reasons()
    assert {"SourceNotFound", "TagExists", "Connected", "Suspended", AT_START} <= stated
    assert documented_reasons() == stated - {AT_START}
    assert f"`{AT_START}`" in (DOCS / "troubleshooting.md").read_text()


def test_every_setting_is_documented() -> None:
    table = re.findall(
        r"^\| `(--.+?)` \| `(.+?)` \| (.+?) \| (.+?) \|$", (DOCS / "settings.md").read_text(), re.MULTILINE
    )
    defaults = settings.Settings()
    assert table == [
        (option.flag, option.variable, f"`{default}`" if default not in (None, ()) else "-", option.help)
        for option in settings.OPTIONS
        for default in (getattr(defaults, option.field),)
    ]


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted names of the fields that users write; references and lists of names count as one."""
    for field in model.model_json_schema(by_alias=True)["properties"]:
        yield f"{prefix}{field}"


def test_every_field_of_the_specs_has_a_heading() -> None:
    for page, model in SPECS:
        headings = re.findall(r"^### `spec\.(\w+)`$", (DOCS / page).read_text(), re.MULTILINE)
        assert headings == list(fields(model)), page


@pytest.mark.parametrize(
    ("page", "model", "definition", "prefix"),
    [
        ("packageinventory.md", PackageInventorySpec, "Output", "output."),
        ("packageupload.md", PackageUploadSpec, "Source", "source."),
        ("packageupload.md", PackageUploadSpec, "Verification", "verification."),
        ("packageupload.md", PackageUploadSpec, "Target", "targets."),
        ("packageuploadset.md", PackageUploadSetSpec, "SetSource", "source."),
        ("packageuploadset.md", PackageUploadSetSpec, "Template", "template."),
        ("packageuploadset.md", PackageUploadSetSpec, "TemplateMetadata", "template.metadata."),
        ("packageuploadset.md", PackageUploadSetStatus, "SetVerification", "status.verification."),
        ("platform.md", PlatformSpec, "RegistrySpec", "registry."),
        ("cleanuppolicy.md", CleanupPolicySpec, "Exclude", "exclude."),
        ("cleanuppolicy.md", CleanupPolicySpec, "Retention", "retention."),
        ("cleanuppolicy.md", CleanupPolicySpec, "Limits", "limits."),
        ("platform.md", PlatformSpec, "ChartsSpec", "charts."),
        ("package-format.md", PackageManifest, "ManifestSpec", "spec."),
    ],
)
def test_every_field_below_is_in_a_table(page: str, model: type[BaseModel], definition: str, prefix: str) -> None:
    text = (DOCS / page).read_text()
    names = model.model_json_schema(by_alias=True)["$defs"][definition]["properties"]
    assert [
        name for name in names if not re.search(rf"^\|.*`{re.escape(prefix + name)}`.* \|", text, re.MULTILINE)
    ] == []


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    text = FENCE.sub("", page.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_internal_links_resolve(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_relative_to(ROOT), f"{target} leads out of the repository"
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_is_reachable_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall((ROOT / "README.md").read_text())}
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_yaml_in_examples_is_valid(page: Path) -> None:
    specs = {model.__name__.removesuffix("Spec"): model for _, model in SPECS}
    for language, text in FENCE.findall(page.read_text()):
        for document in yaml.safe_load_all(text) if language == "yaml" else ():
            if model := specs.get(document["kind"]):
                spec = model.model_validate(document["spec"])
                assert spec.model_dump(by_alias=True, exclude_unset=True, mode="json") == document["spec"]
            elif document["kind"] == "Package":
                PackageManifest.model_validate(document)
