"""From rows of Prometheus's answers to the entities of the API.

    facts.py     rows → facts of one entity, and what is known of the exporters' sources
    missing.py   why a value is null: the one place that decides reasons
    pods.py, nodes.py, totals.py (namespaces and deployments): facts → the JSON of API.md
    timeseries.py  rows of a range → columns

Nothing here asks Prometheus; ``facade.lookup`` does.
"""
