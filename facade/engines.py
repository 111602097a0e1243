"""What the engines behind the Prometheus HTTP API do differently, in one place: what they say when they answer in part,
when a limit of theirs is exceeded, and when a part of them is away.

A partial answer has status 200. Prometheus with remote_read and Thanos put why into ``warnings``, beside remarks about
the query itself, which begin with "PromQL" (https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview;
older releases have their ``infos`` among them too); a cluster of VictoriaMetrics says ``"isPartial": true``
(https://docs.victoriametrics.com/cluster-victoriametrics/#cluster-availability). Mimir and Cortex fail instead.

Failures are told by words: the statuses and error types are those of a query that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# How far back a selector looks for a sample. Prometheus, Thanos and later releases of Mimir take it with the query,
# whatever their --query.lookback-delta; VictoriaMetrics has it for instant queries, and windows make up for the rest.
LOOKBACK: Final = "5m"

_ABOUT_THE_QUERY: Final = ("PromQL warning", "PromQL info")
_LIMIT: Final = re.compile(
    # Prometheus, and whatever evaluates with its engine: points of a series, samples in memory, samples of remote_read.
    r"exceeded maximum resolution|query processing would load too many samples|exceeded sample limit"
    # VictoriaMetrics names the flag to raise: -search.maxQueryLen, -search.maxUniqueTimeseries …
    r"|-search\.max\w+|too many points"
    # Mimir names each limit by an identifier (pkg/util/globalerror/user.go).
    r"|err-mimir-max-|err-mimir-query-limited"
    # Thanos and Cortex.
    r"|exceeded (?:series|chunks|samples|bytes) limit|hit the max number of|the query time range exceeds the limit",
    re.IGNORECASE,
)
_PART_IS_AWAY: Final = re.compile(
    # Thanos without partial responses: what it heard of a store that fails.
    r"rpc error: code = (?:Aborted|Unavailable|DeadlineExceeded)"
    # Mimir and Cortex, of ingesters or blocks that cannot be read.
    r"|too many unhealthy instances in the ring|err-mimir-store-consistency-check-failed"
    # VictoriaMetrics without partial responses.
    r"|cannot fetch query results from vmstorage nodes",
    re.IGNORECASE,
)


def is_partial(warnings: Iterable[str], flag: bool) -> bool:
    """Whether an answer with these ``warnings``, and with ``isPartial`` where there is one, may lack something."""
    return flag or any(not warning.startswith(_ABOUT_THE_QUERY) for warning in warnings)


def exceeds_a_limit(error: str) -> bool:
    """Whether a failure is that of a query that asks for more than the engine admits."""
    return _LIMIT.search(error) is not None


def lacks_a_part(error: str) -> bool:
    """Whether a failure is that of an engine of which a part does not answer."""
    return _PART_IS_AWAY.search(error) is not None
