"""The exporter: reads a node's kubelet or a cluster's API server, and publishes what it finds for Prometheus."""
