"""The numbers of the last run replace those of the run before."""

from prometheus_client import REGISTRY

from violet_operator.cleanup import metrics

WHERE = ("packages", "metrics-test")


def kept(reason: str) -> float | None:
    labels = {"namespace": WHERE[0], "policy": WHERE[1], "reason": reason}
    return REGISTRY.get_sample_value("violet_cleanup_kept", labels)


def test_what_is_not_kept_any_more_is_gone() -> None:
    metrics.report(WHERE, 3, {"Installed": 2, "TooYoung": 1}, 500)
    metrics.report(("packages", "other"), 9, {"TooYoung": 9}, 900)
    metrics.report(WHERE, 4, {"Installed": 5}, 0)
    labels = {"namespace": WHERE[0], "policy": WHERE[1]}
    assert REGISTRY.get_sample_value("violet_cleanup_candidates", labels) == 4
    assert REGISTRY.get_sample_value("violet_cleanup_image_bytes", labels) == 0
    assert (kept("Installed"), kept("TooYoung")) == (5, None)


def test_the_numbers_of_a_policy_go_with_it() -> None:
    where = ("packages", "leaves")
    metrics.report(where, 3, {"Installed": 2}, 500)
    metrics.DELETED.labels(*where).inc()
    metrics.forget(*where)
    metrics.forget(*where)
    left = [sample.labels for metric in REGISTRY.collect() for sample in metric.samples]
    assert not [labels for labels in left if labels.get("policy") == "leaves"]
