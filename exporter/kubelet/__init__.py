"""One node's kubelet: fetching its endpoints, decoding them, and keeping what the next reading needs."""

from exporter.kubelet.client import KubeletClient
from exporter.kubelet.interfaces import DEFAULT_NODE_INTERFACES
from exporter.kubelet.readings import KubeletReader

__all__ = ["DEFAULT_NODE_INTERFACES", "KubeletClient", "KubeletReader"]
