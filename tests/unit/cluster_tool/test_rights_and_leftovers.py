from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.asked import Right, each_removed, rights, sources
from tests.cluster.leftovers import belongs, kept, listable

RULES = [
    {"apiGroups": [""], "resources": ["nodes/stats", "nodes/metrics"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"]},
]
METRICS = """\
# TYPE cloudmon_source_up gauge
cloudmon_source_up{node="n",source="resource"} 0.0
cloudmon_source_up{node="n",source="detail"} 1.0
cloudmon_source_errors_total{node="n",source="resource",stage="read",reason="http_403"} 2.0
cloudmon_source_errors_total{node="n",source="detail",stage="read",reason="timeout"} 1.0
"""


def test_each_right_is_removed_once_and_all_the_others_stay() -> None:
    removed = dict(each_removed(RULES))
    assert [str(right) for right in removed] == [
        "get nodes/stats",
        "get nodes/metrics",
        "list deployments.apps",
        "watch deployments.apps",
    ]
    for right, rules in removed.items():
        assert set(rights(rules)) == set(rights(RULES)) - {right}
    assert rights(RULES)[0] == Right("", "nodes/stats", "get")


def test_an_exporter_says_what_is_down_and_what_it_was_refused() -> None:
    found = sources(METRICS)
    assert [set(found.up), set(found.down), set(found.refused)] == [{"detail"}, {"resource"}, {"resource"}]


def thing(kind: str = "Service", namespace: str | None = "shop", **metadata: Any) -> dict[str, Any]:
    place = {} if namespace is None else {"namespace": namespace}
    return {"kind": kind, "metadata": {"name": "x", **place, **metadata}}


@pytest.mark.parametrize(
    ("item", "belongs_to_it"),
    [
        (thing(labels={"app.kubernetes.io/instance": "cm"}), True),
        (thing("ClusterRole", None, labels={"app.kubernetes.io/instance": "cm"}), True),
        (thing(name="cm-cloud-monitoring-prometheus"), True),
        (thing("Secret", labels={"owner": "helm", "name": "cm"}), True),
        (
            thing(
                annotations={"meta.helm.sh/release-name": "cm", "meta.helm.sh/release-namespace": "shop"},
            ),
            True,
        ),
        (
            thing("PersistentVolume", None)
            | {"spec": {"claimRef": {"namespace": "shop", "name": "cm-cloud-monitoring-prometheus"}}},
            True,
        ),
        (thing(labels={"app.kubernetes.io/instance": "other"}), False),
        (thing(namespace="elsewhere", labels={"app.kubernetes.io/instance": "cm"}), False),
        (thing("Event", name="cm-cloud-monitoring-prometheus.17"), False),
        (thing(), False),
    ],
)
def test_an_object_of_the_release_is_known_by_any_of_its_marks(item: dict[str, Any], belongs_to_it: bool) -> None:
    assert belongs(item, "cm", "shop", "cm-cloud-monitoring-") is belongs_to_it


def test_only_the_claim_and_its_volume_are_kept_and_only_if_wanted() -> None:
    assert kept(thing("PersistentVolumeClaim"), True)
    assert not kept(thing("PersistentVolumeClaim"), False)
    assert not kept(thing("ConfigMap"), True)


def test_what_cannot_be_listed_or_is_part_of_another_is_passed_over() -> None:
    resources = [
        {"kind": "Pod", "name": "pods", "verbs": ["get", "list"]},
        {"kind": "Pod", "name": "pods/status", "verbs": ["get", "list"]},
        {"kind": "TokenReview", "name": "tokenreviews", "verbs": ["create"]},
    ]
    assert listable(resources) == [("Pod", "pods")]
