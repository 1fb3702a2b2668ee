"""What stays up: cluster, gateway, registry, object storage, the marketplace stand-in, the operator; one process."""

import logging
import os
import secrets
from contextlib import ExitStack
from pathlib import Path

import yaml

from tests.cluster import Access, Kit, session
from tests.demo import guest
from tests.demo.place import Place
from tests.platform import Bundles, Gateway, Marketplace, grant, install_crds
from tests.program import ROOT, Operator, install


def run(place: Place, kubeconfig: Path | None) -> None:
    """Start everything and hold it until a signal, or until a part of it ends by itself."""
    session.leave_on_signals()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with ExitStack() as stack:
        kit = stack.enter_context(Kit(place.kit, () if kubeconfig else ("global",)))
        cluster: Access = guest.access(place, kubeconfig) if kubeconfig else kit.cluster()
        registry = kit.registry(htpasswd=True)
        username, password = str(registry.username), str(registry.password)
        if kubeconfig:
            stack.callback(guest.leave, cluster, registry.address)
        _install(cluster, place)
        bundles = Bundles(plain=True, username=username, password=password)
        stack.enter_context(Marketplace({"global": cluster.kubeconfig}, bundles))
        gateway = {} if kubeconfig else _gateway(stack.enter_context(Gateway(kit.clusters, place.gateway)), kit)
        operator = stack.enter_context(Operator(cluster, place.folder, "--progress-interval", "1"))

        def check() -> None:
            kit.check()
            operator.check()

        variables = {
            "KUBECONFIG": str(cluster.kubeconfig),
            "KUBECACHEDIR": str(place.cache / "cache"),
            "REGISTRY": registry.address,
            "REGISTRY_USERNAME": username,
            "REGISTRY_PASSWORD": password,
            **session.storage_environment(kit.storage),
            **gateway,
        }
        session.hold(place.env, variables, cluster.program, check)


def _gateway(gateway: Gateway, kit: Kit) -> dict[str, str]:
    """The platform's gateway before our cluster, with an administrator who logs in by password; how to get in."""
    user, password = "admin@example.com", secrets.token_urlsafe(16)
    gateway.login.users[user] = password
    grant(kit.cluster(), user)
    ways = {"ADDRESS": gateway.address, "USERNAME": user, "PASSWORD": password, "CA": str(gateway.ca_file)}
    return {f"PLATFORM_{name}": value for name, value in ways.items()}


def _install(cluster: Access, place: Place) -> None:
    """Our CRDs and rights as shipped; the platform's CRDs where they are missing. The operator is no pod here."""
    install_crds(cluster.kubectl, keep=guest.platform_crds(cluster))
    place.overlay.mkdir(parents=True, exist_ok=True)
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(ROOT / "deploy", place.overlay.resolve())],
        "replicas": [{"name": "violet-operator", "count": 0}],
    }
    (place.overlay / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    install(cluster, place.overlay)
