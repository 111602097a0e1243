"""Checks of a release in a real cluster: ``python -m tests.cluster``, which ``make cluster-test`` runs.

Nothing here is collected by pytest: a cluster is changed by it, and takes minutes. docs/cluster-tests.md says how to
use it.

settings.py    the command line
access.py      the API server: objects, a Service's or a node's answers through its proxy, commands in a pod
release.py     one release of the chart: Helm's engine, its pods, its API
waiting.py     waiting for conditions, each with a deadline
report.py      progress and the summary
checks.py      which checks there are, and in which order
looks.py       checks that change nothing
replacements.py, revisions.py, rights.py    checks that do
readings.py, totals.py, leftovers.py, asked.py    what is judged, without a cluster: these have tests in tests/unit
"""
