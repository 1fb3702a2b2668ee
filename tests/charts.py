"""An installation with a chart catalog, for the tests of charts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import Kit
from tests.harness import Object, Site, condition, installation, is_ready, platform, secret, to_platform
from tests.packages import Chart
from tests.packages.content import chart_files
from tests.packages.oci import tar_gz
from tests.platform import Charts, Gateway
from tests.platform.charts import PASSWORD, POWERLESS, TOKEN, USER

REPOSITORIES = {"public-charts": "Local", "museum-charts": "Local", "oci-charts": "OCI"}


@dataclass(frozen=True)
class Ground:
    """An installation with a chart catalog."""

    site: Site
    charts: Charts
    gateway: Gateway

    def upload(self, chart: Chart, platform: str, repository: str = "public-charts", **spec: Any) -> str:
        """Put a package with this chart into the storage, and apply its upload."""
        name = f"{chart.name}-{chart.seed}-{platform}"
        self.site.put_package(name, chart)
        fields = {"targets": to_platform(platform), "chartRepository": repository} | spec
        self.site.apply(self.site.package_upload(name, **fields))
        return name

    def stored(self, chart: Chart, repository: str) -> bytes | None:
        """What ChartMuseum holds of a chart."""
        return self.charts.museum.archives.get((repository, chart.name, chart.version))


@contextmanager
def chart_ground(kit: Kit, directory: Path) -> Iterator[Ground]:
    """One installation, with a Platform for each backend."""
    with (
        Gateway(kit.clusters, directory) as gateway,
        installation(kit, directory) as site,
        Charts(kit.cluster().kubeconfig, kit.registry().address) as charts,
    ):
        for name, kind in REPOSITORIES.items():
            charts.add_repository(name, kind)
        logins = {"admin": {"token": TOKEN}, "reader": {"token": POWERLESS}}
        logins["curator"] = {"username": USER, "password": PASSWORD}
        logins["stranger"] = {"username": USER, "password": "not-the-password"}
        site.apply(*(secret(name, **login) for name, login in logins.items()), *_platforms(site, charts.address))
        yield Ground(site, charts, gateway)


def _platforms(site: Site, address: str) -> Iterator[Object]:
    def login(name: str) -> Object:
        return {"address": address, "credentialsSecretRef": {"name": name}}

    ways = {
        "catalog": login("admin"),
        "powerless": login("reader"),
        "museum": {"backend": "chartmuseum", **login("curator")},
        "closed-museum": {"backend": "chartmuseum", **login("stranger")},
        "oci": {"backend": "oci"},
    }
    for name, charts in ways.items():
        body = platform(name, site.registry.address)
        yield body | {"spec": body["spec"] | {"charts": charts}}


def chart(name: str, version: str = "1.0.0", seed: int = 0, **fields: Any) -> Chart:
    """A chart without images; of another seed, with other content."""
    return Chart(name=name, version=version, seed=seed, registry=f"harbor{seed}.example.com/acp", **fields)


def at_rest(body: Object) -> bool:
    """Whether it is Ready and nothing is being done: a Ready object stays so while it is looked at again."""
    return is_ready(body) and not condition(body, "Reconciling")["status"]


def archive(spec: Chart) -> bytes:
    """The chart as it is packed."""
    return tar_gz(chart_files(spec))[0]
