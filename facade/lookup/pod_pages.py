"""Which pods a list is of, in which order, and which of them its page has.

Three ways lead to the same page, the cheapest first (decision 7):

    top         the first of a signal by ``topk``, and how many pods there are; where the answer is certain
    order       who all pods are and what they are sorted by; then everything of those on the page
    everything  where no page is asked for, or too much of one
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from facade.answer import Answer, Sample
from facade.entities.facts import Facts, Gathered, Sources
from facade.entities.pods import is_present, latest_of_each_name, named, pod_key, pod_name, pod_place, pod_value
from facade.listing import Listing
from facade.lookup.base import Lookup
from promql import names
from promql.catalogue import Signal
from promql.pages import SHARING, PageQueries, matching, narrowed
from promql.queries import EVERY_POD_FACT, PodFacts, identifying
from promql.selectors import Selector, one_of


@dataclass(frozen=True, slots=True)
class Page:
    """The pods of a page in its order, how many the list has, and what is known of the exporters."""

    pods: list[Facts]
    total: int
    sources: Sources


class PodPages:
    def __init__(self, lookup: Lookup, most_asked_by_name: int) -> None:
        self._lookup = lookup
        self._most = most_asked_by_name
        self._pages = PageQueries(lookup.queries)

    def signals(self, listing: Listing) -> list[Signal]:
        """The signals that the pods of an answer need."""
        return list(self._lookup.catalogue.of_kind("pod")) if listing.metrics is None else self._lookup.asked(listing)

    def facts(self, listing: Listing) -> PodFacts:
        """What they need besides; ``metrics=`` leaves it at who they are and what the list is sorted by."""
        if listing.metrics is None:
            return EVERY_POD_FACT
        facts = identifying(self.signals(listing))
        started = (names.POD_START_TIME_SECONDS,) if listing.sort.key == "started" else ()
        return PodFacts((*facts.gauges, *started), restarts=listing.sort.key == "restarts", last_oom_kill=False)

    def first(self, listing: Listing, selector: Selector, time: int) -> Page:
        """The page before its details."""
        return self._top(listing, selector, time) or self._ordered(listing, selector, time)

    def everything(self, listing: Listing, selector: Selector, time: int) -> Page:
        """Everything about all pods: one small query a fact, since one for all of thousands costs far more."""
        gathered = self._lookup.gathered()
        self._gather_in_parts(listing, gathered, selector, time)
        return self.page(listing, gathered, selector, time)

    def _gather_in_parts(self, listing: Listing, gathered: Gathered, selector: Selector, time: int) -> None:
        queries = self._lookup.queries.pods_in_parts(selector, self.signals(listing), self.facts(listing))
        self._lookup.gather_into(gathered, queries, time, pod_key)
        unknown = [pod for pod in gathered.entities.values() if is_present(pod) and "workload" not in pod.labels]
        if unknown:
            # Scope cluster is silent, or has not heard of them yet.
            uids = sorted({pod.labels["uid"] for pod in unknown})
            who = self._lookup.queries.who((*selector, *matching(uids, "uid", self._most)))
            self._lookup.gather_into(gathered, [who], time, pod_key)

    def page(self, listing: Listing, gathered: Gathered, selector: Selector, time: int) -> Page:
        """The page of the pods that were gathered with all that sorts and filters them."""
        filters = listing.filters
        pods = [
            pod
            for pod in self._current(gathered, selector, time)
            if filters.lets_name(pod.labels["pod"]) and filters.phase in (None, pod.texts.get("phase"))
        ]
        key = self._lookup.sort_signal(listing) or listing.sort.key
        ordered = listing.in_order(pods, pod_place, lambda pod: pod_value(pod, gathered.sources, key))
        return Page(listing.page(ordered), len(pods), gathered.sources)

    # -- in order --------------------------------------------------------------------------------------------------

    def _ordered(self, listing: Listing, selector: Selector, time: int) -> Page:
        key = self._lookup.sort_signal(listing) or listing.sort.key
        queries = self._pages.order(selector, key, listing.filters.phase)
        gathered = self._lookup.gather(queries, time, pod_key)
        page = self.page(listing, gathered, selector, time)
        # Filed with what is known of them, so that the page has its pods even if one has gone meanwhile.
        self._add_details(listing, gathered, page.pods, selector, time)
        return page

    def _add_details(
        self, listing: Listing, gathered: Gathered, pods: Iterable[Facts], selector: Selector, time: int
    ) -> None:
        uids = sorted({pod.labels["uid"] for pod in pods})
        if len(uids) > self._most:
            self._gather_in_parts(listing, gathered, selector, time)
        elif uids:
            chosen = (*selector, one_of("uid", uids))
            query = self._lookup.queries.pods(chosen, self.signals(listing), self.facts(listing))
            self._lookup.gather_into(gathered, [query], time, pod_key)

    # -- the first of a signal ---------------------------------------------------------------------------------------

    def _top(self, listing: Listing, selector: Selector, time: int) -> Page | None:
        """The page by ``topk``; None where something about it is not certain, or it does not serve.

        It serves a signal that has a gauge, while nothing but whole names is filtered. A page is certain where no name
        is shared, its last value is not that of the pod after it, and every pod up to there is present.
        """
        signal, filters = self._lookup.sort_signal(listing), listing.filters
        if narrowed(selector) or filters.phase or filters.name or listing.end is None or listing.end > self._most:
            return None
        if signal is None or not signal.pod.gauge:
            return None
        queries = (
            self._pages.top(selector, signal, listing.end + 1, descending=listing.sort.descending),
            self._pages.name_counts(selector),
        )
        page, counts = self._lookup.client.gather_then(
            queries, time, lambda rows: self._certainly(listing, rows, selector, time)
        )
        if page is None or any(row.labels[SHARING] != "1" for row in counts):
            return None
        return replace(page, total=int(sum(row.value for row in counts)))

    def _certainly(self, listing: Listing, rows: Answer[Sample], selector: Selector, time: int) -> Page | None:
        """The page of what ``topk`` found, with its details; None where its order is not certain, or one up to its end
        is not present.
        """
        values = {pod_key(row.labels): row.value for row in rows}
        if len(values) < len(rows) or not _certain(rows, listing.end or 0, descending=listing.sort.descending):
            return None
        gathered = self._lookup.gathered()
        gathered.add(rows, pod_key)
        ordered = listing.in_order(
            gathered.entities.items(), lambda item: pod_place(item[1]), lambda item: values[item[0]]
        )
        pods = [pod for _, pod in ordered[: listing.end]]
        before, page = pods[: listing.offset], pods[listing.offset :]
        if before:
            among = (*selector, one_of("uid", sorted({pod.labels["uid"] for pod in before})))
            there = {pod_key(row.labels) for row in self._lookup.client.instant(self._pages.present(among), time)}
            if any(pod_key(pod.labels) not in there for pod in before):
                return None
        self._add_details(listing, gathered, page, selector, time)
        return Page(page, 0, gathered.sources) if all(map(is_present, page)) else None

    # -- of several pods that had one name -----------------------------------------------------------------------------

    def _current(self, gathered: Gathered, selector: Selector, time: int) -> list[Facts]:
        """The pods that there are, of each name the latest, also where ``selector`` lets only an older one through."""
        pods = [pod for pod in gathered.entities.values() if is_present(pod) and named(pod)]
        shared = Counter(map(pod_name, pods))
        asked = [name for name, count in shared.items() if count > 1 or narrowed(selector)]
        if not asked:
            return pods
        query = self._pages.namesakes(selector, (name for _, _, name in asked), self._most)
        namesakes = self._lookup.gather([query], time, pod_key)
        latest = {pod_key(pod.labels) for pod in latest_of_each_name(namesakes)}
        doubtful = set(asked)
        return [pod for pod in pods if pod_name(pod) not in doubtful or pod_key(pod.labels) in latest]


def _certain(rows: Sequence[Sample], end: int, *, descending: bool) -> bool:
    """Whether the first ``end`` of ``rows``, of which one more was asked for, are the first of all."""
    values = [row.value for row in rows]
    if len(values) < end or not all(map(math.isfinite, values)):
        return False
    # Fewer than were asked for are all there are. Else the last may be one of many, of which any could be among these.
    return len(values) == end or values.count(min(values) if descending else max(values)) == 1
