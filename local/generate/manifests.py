"""The chart's defaults as plain manifests, one file an object, for ``kubectl apply -f manifests/``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from local.chart import RELEASE, Object, objects, render

FOLDER: Final = Path("manifests")
# It sorts before the others: kubectl applies a folder's files by name.
NAMESPACE_FILE: Final = "cloud-monitoring-namespace.yaml"
# Those say that Helm looks after an object, which here it does not.
_HELM_LABELS: Final = ("app.kubernetes.io/managed-by", "helm.sh/chart")
_NAMESPACE: Final[Object] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": RELEASE,
        "labels": {
            "app.kubernetes.io/part-of": RELEASE,
            # Every pod meets it; whatever else is started here must too.
            "pod-security.kubernetes.io/enforce": "restricted",
        },
    },
}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def manifests() -> dict[Path, str]:
    """Every file of the folder with its text, from the chart as it stands on disk."""
    found = {FOLDER / NAMESPACE_FILE: _dump(_NAMESPACE)}
    for manifest in objects(render()):
        if "helm.sh/hook" in manifest["metadata"].get("annotations", {}):
            continue
        for label in _HELM_LABELS:
            manifest["metadata"].get("labels", {}).pop(label, None)
        path = FOLDER / file_name(manifest)
        if path in found:
            raise ValueError(f"two objects would be {path}")
        found[path] = _dump(manifest)
    return found


def file_name(manifest: Object) -> str:
    """What an object is: ``facade-deployment.yaml``."""
    component = manifest["metadata"]["name"].removeprefix(f"{RELEASE}-")
    return f"{component}-{manifest['kind'].lower()}.yaml"


def _dump(manifest: dict[str, Any]) -> str:
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
