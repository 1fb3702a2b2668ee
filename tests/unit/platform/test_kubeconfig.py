"""A kubeconfig in a Secret: which clusters it gives, and that nothing outside of it is ever read or run."""

import base64
import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from violet_operator.clients.kube_endpoint import KubeEndpoint, connect
from violet_operator.errors import Waiting
from violet_operator.platform.kubeconfig import parse_kubeconfig

PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()


def config(*contexts: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
    }


def parse(document: object) -> tuple[KubeEndpoint, ...]:
    return parse_kubeconfig(yaml.safe_dump(document), "clusters")


def changed(part: str, **fields: Any) -> dict[str, Any]:
    document = copy.deepcopy(config("a"))
    document[f"{part}s"][0][part] |= fields
    return document


def test_each_context_is_a_cluster() -> None:
    assert [endpoint.name for endpoint in parse(config("region1", "global"))] == ["global", "region1"]


def test_a_single_context_is_the_global_cluster() -> None:
    (endpoint,) = parse(config("kubernetes-admin@kubernetes"))
    assert endpoint == KubeEndpoint("global", "https://10.0.0.1:6443", token="secret-token")
    assert "secret-token" not in repr(endpoint)


def test_every_field_that_counts() -> None:
    document = changed(
        "cluster",
        **{
            "server": "https://[2001:db8::1]:6443/kubernetes/region1/",
            "certificate-authority-data": PEM,
            "tls-server-name": "kubernetes",
            "proxy-url": "http://proxy:3128",
            "insecure-skip-tls-verify": True,
        },
    )
    document["users"][0]["user"] = {"client-certificate-data": PEM, "client-key-data": PEM}
    (endpoint,) = parse(document)
    assert endpoint == KubeEndpoint(
        "global",
        "https://[2001:db8::1]:6443/kubernetes/region1",
        certificate="-----BEGIN CERTIFICATE-----\n\n-----BEGIN CERTIFICATE-----\n",
        ca_bundle="-----BEGIN CERTIFICATE-----\n",
        server_name="kubernetes",
        proxy="http://proxy:3128",
        verify=False,
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (changed("user", exec={"command": "touch"}), "uses exec"),
        (changed("user", **{"auth-provider": {"name": "gcp"}}), "uses auth-provider"),
        (changed("user", tokenFile="/var/run/secrets/kubernetes.io/serviceaccount/token"), "uses tokenFile"),
        (changed("user", **{"client-certificate": "/etc/a.pem"}), "uses client-certificate:"),
        (changed("user", **{"client-key": "/etc/a.pem"}), "uses client-key:"),
        (changed("user", **{"as": "admin"}), "uses as"),
        (changed("user", username="admin", password="secret-word"), "uses username"),
        (changed("cluster", **{"certificate-authority": "/etc/a.pem"}), "uses certificate-authority"),
        (changed("cluster", server="file:///etc/passwd"), "no usable server"),
        (changed("cluster", server="https://user:secret-word@host"), "no usable server"),
        (changed("cluster", **{"proxy-url": "socks5://a"}), "no usable proxy-url"),
        (changed("cluster", **{"certificate-authority-data": "%%%"}), "no base64"),
        (changed("user", **{"client-certificate-data": PEM}), "half a client certificate"),
        (changed("user", token="a\nb"), "a token that can be none"),
        (changed("context", user="other"), "a user that it does not have"),
        (changed("context", cluster="other"), "a cluster that it does not have"),
        (config("global", "Region_1"), "'Region_1', which is no name of a cluster"),
        (config(), "no contexts"),
        ({}, "no contexts"),
        ([], "no YAML"),
        ({"contexts": [{"name": "a"}]}, "without name and context"),
    ],
)
def test_what_is_refused_and_why(document: object, said: str) -> None:
    with pytest.raises(Waiting) as caught:
        parse(document)
    assert caught.value.reason == "InvalidKubeconfig"
    assert said in caught.value.message
    assert "secret" not in caught.value.message.replace("Secret", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users:\n- token: *secret-word\n", "is no YAML that can be read."),
        ("users:\n- token: {secret-word\n", "is no YAML that can be read (line 3)."),
        ("[" * 1000, "is no YAML that can be read."),
        ("secret-word", "is no YAML mapping."),
    ],
)
def test_no_yaml_is_told_by_its_place_without_a_word_of_it(text: str, said: str) -> None:
    with pytest.raises(Waiting) as caught:
        parse_kubeconfig(text, "clusters")
    assert caught.value.message == f"The key kubeconfig of Secret 'clusters' {said.rstrip('.')}. Correct it."


@settings(deadline=None)
@given(st.text())
def test_any_text_is_clusters_or_refused(text: str) -> None:
    with pytest.raises(Waiting):
        parse_kubeconfig(text, "clusters")


def test_certificates_that_are_none_are_told() -> None:
    endpoint = KubeEndpoint("region1", "https://10.0.0.1", certificate="no PEM")
    with pytest.raises(Waiting, match="client certificate for cluster region1"):
        connect(endpoint)
    with pytest.raises(Waiting, match="CA bundle for cluster region1"):
        connect(KubeEndpoint("region1", "https://10.0.0.1", ca_bundle="no PEM"))
