"""From the model to metric families: what scope node and scope cluster publish."""

from exporter.collectors.cluster import ClusterCollector
from exporter.collectors.counts import ErrorCounts
from exporter.collectors.node import NodeCollector

__all__ = ["ClusterCollector", "ErrorCounts", "NodeCollector"]
