"""The chart without a cluster: what Helm's engine makes of it, for several values and versions of Kubernetes."""
