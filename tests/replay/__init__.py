"""A cluster for tests: a recording served as a kubelet and an API server over TLS, on the recording's own timeline.

with ReplayedCluster(Recording.named("lab-1"), speed=5) as cluster:
    ...                 # start exporters with cluster.environment("node") and ("cluster"): time stands still
    cluster.begin()     # the recording's 9 minutes pass in under 2
    cluster.wait_for_moment(30)
"""

from tests.replay.apiserver import ApiServer
from tests.replay.cluster import ReplayedCluster
from tests.replay.control import Fault, Faults, Request, RequestLog
from tests.replay.identity import IDENTITIES, Identity, Right, Scope
from tests.replay.kubelet import Kubelet
from tests.replay.rbac import NotModelled, identity_of
from tests.replay.recording import Endpoint, Moment, Recording, cheap_summary, parse_rfc3339
from tests.replay.timeline import Timeline

__all__ = [
    "IDENTITIES",
    "ApiServer",
    "Endpoint",
    "Fault",
    "Faults",
    "Identity",
    "Kubelet",
    "Moment",
    "NotModelled",
    "Recording",
    "ReplayedCluster",
    "Request",
    "RequestLog",
    "Right",
    "Scope",
    "Timeline",
    "cheap_summary",
    "identity_of",
    "parse_rfc3339",
]
