"""Everything that is said to Prometheus: metric names, the catalogue of signals, queries, recording rules,
configuration.
"""
