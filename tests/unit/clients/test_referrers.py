"""The list of what is about an image, as registries and Go tools write it."""

from violet_operator.clients.referrers import merged, read_index


def test_a_list_of_nothing_that_is_null_takes_an_entry() -> None:
    index = read_index(b'{"schemaVersion": 2, "manifests": null}', "a list")
    assert index["manifests"] == []
    assert merged(index, {"digest": "sha256:1"}) == b'{"schemaVersion":2,"manifests":[{"digest":"sha256:1"}]}'
