"""Questions of the API put to Prometheus: one or two queries an answer, whatever the number of pods (decision 7).

base.py        what every lookup shares: time, filing of rows, names that are ambiguous or gone
pods.py, nodes.py, totals.py (namespaces and deployments): lists and single entities
timeseries.py  one entity over a window
"""
