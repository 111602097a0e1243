"""What belongs to a release, among all objects of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

INSTANCE: Final = "app.kubernetes.io/instance"
RELEASE_NAME: Final = "meta.helm.sh/release-name"
RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"


def belongs(item: Mapping[str, Any], release: str, namespace: str, prefix: str) -> bool:
    """Whether an object is the release's: by its label, by Helm's annotations, as its claim's volume, or by its name.

    ``prefix`` is what the names of the chart's objects begin with. Events tell of what is gone,
    and Helm never removes a namespace: neither counts.
    """
    if item.get("kind") in {"Event", "Namespace"}:
        return False
    metadata = item["metadata"]
    if metadata.get("namespace") not in {None, namespace}:
        return False
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    claim = (item.get("spec") or {}).get("claimRef") or {}
    return (
        labels.get(INSTANCE) == release
        or (annotations.get(RELEASE_NAME), annotations.get(RELEASE_NAMESPACE)) == (release, namespace)
        or (labels.get("owner"), labels.get("name")) == ("helm", release)
        or (claim.get("namespace") == namespace and str(claim.get("name", "")).startswith(prefix))
        or metadata["name"].startswith(prefix)
    )


def named(item: Mapping[str, Any]) -> str:
    """``Kind/name``."""
    return f"{item['kind']}/{item['metadata']['name']}"


def kept(item: Mapping[str, Any], keep_claim: bool) -> bool:
    """Whether an uninstall is meant to leave it: the claim with the history and its volume, where the values say so."""
    return keep_claim and item["kind"] in {"PersistentVolumeClaim", "PersistentVolume"}


def listable(resources: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Kind and plural name of each resource of an API group that can be listed and is not part of another."""
    return [(one["kind"], one["name"]) for one in resources if "list" in one["verbs"] and "/" not in one["name"]]
