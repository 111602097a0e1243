"""Which pod a cgroup belongs to, by its name.

The kubelet names them so (https://kubernetes.io/docs/concepts/architecture/cgroups/), under a root of its own choice:

- driver cgroupfs: ``/kubepods/burstable/pod<uid>/<container>``
- driver systemd: ``/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice`` with ``_`` for every
  ``-`` of the uid, and in it ``/cri-containerd-<container>.scope``

Guaranteed pods have no class in between. A static pod's uid here is the hash of its manifest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ROOT: Final = ""

_CGROUPFS: Final = re.compile(
    r"(?:/.*)?/[^/]*kubepods(?:/(?:burstable|besteffort))?(?:/pod(?P<uid>[^/]+)(?P<below>/.*)?)?"
)
_SYSTEMD: Final = re.compile(
    r"/.*kubepods(?:-(?:burstable|besteffort))?(?:-pod(?P<uid>[0-9A-Za-z_]+))?\.slice(?P<below>/.*)?"
)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """``uid`` is :data:`ROOT` for the node's root, and None for a cgroup between the root and the pods.

    ``kubepods``: it is a pod's, or above one. ``below``: the container's cgroup in the pod, empty for the pod's own.
    """

    uid: str | None
    kubepods: bool
    below: str


def parse_cgroup(path: str) -> Cgroup | None:
    """None for a cgroup that is neither the root nor of pods, and for what a container made below its own."""
    if path == "/":
        return Cgroup(ROOT, kubepods=False, below="")
    match = _SYSTEMD.fullmatch(path)
    if match is not None:
        uid = match["uid"].replace("_", "-") if match["uid"] else None
    else:
        match = _CGROUPFS.fullmatch(path)
        if match is None:
            return None
        uid = match["uid"]
    below = (match["below"] or "").strip("/")
    if "/" in below or (uid is None and below):
        return None
    return Cgroup(uid, kubepods=True, below=below)
