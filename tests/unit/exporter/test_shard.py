"""Every object is in one shard, whatever its uid, and the shards together publish what one exporter would."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cluster.api import CONNECTED, KubernetesApi
from exporter.cluster.readers import ClusterReader
from exporter.cluster.watch import Rhythm
from exporter.collectors import ClusterCollector, ErrorCounts
from exporter.collectors.rows import Row
from exporter.model import Source
from exporter.sample import SampleCluster
from exporter.shard import WHOLE, Shard
from promql import names
from tests.harness import wait_until
from tests.replay import Recording, ReplayedCluster

NOW: Final = 1795489207.5
# What every exporter says of itself.
OWN: Final = {
    metric.name
    for metric in (
        *(names.SOURCE_UP, names.SOURCE_SCRAPE_DURATION_SECONDS, names.SOURCE_SAMPLE_AGE_SECONDS, names.SOURCE_ERRORS),
        *(names.SOURCE_SHARDS, names.PODS_SEEN),
    )
}


def shards(count: int) -> list[Shard]:
    return [Shard(number, count) for number in range(count)]


def of_objects(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[0].name not in OWN]


def own(rows: list[Row], name: str) -> list[float]:
    return [value for metric, _, value in rows if metric.name == name]


@given(st.text(), st.integers(1, 100))
def test_every_uid_is_in_exactly_one_shard(uid: str, count: int) -> None:
    assert sum(shard.keeps(uid) for shard in shards(count)) == 1


def test_a_uid_is_in_the_same_shard_in_every_process() -> None:
    """Two processes that disagreed would lose some objects and have others twice."""
    uids = ("5b1f6a0e-6d0c-4f5e-9a3b-0c9f5d1e7a01", "c2d47e91-31b8-4a6f-8f0e-2b6a9c4d5e02", "")
    found = [next(shard.number for shard in shards(7) if shard.keeps(uid)) for uid in uids]
    assert found == [1, 6, 0]  # as `b2sum -l 64` has them


def test_shards_are_about_as_large_as_each_other() -> None:
    sizes = Counter(shard for uid in range(6000) for shard in shards(6) if shard.keeps(f"{uid:08}-0000"))
    assert len(sizes) == 6
    assert all(900 < size < 1100 for size in sizes.values())


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_shards_of_the_sample_fleet_make_up_the_whole(count: int) -> None:
    def rows(shard: Shard) -> list[Row]:
        return list(ClusterCollector(SampleCluster(lambda: NOW, shard), ErrorCounts(), shard.count).rows())

    whole, parts = rows(WHOLE), [rows(shard) for shard in shards(count)]
    together = [row for part in parts for row in of_objects(part)]
    assert Counter(map(str, together)) == Counter(map(str, of_objects(whole)))
    assert sum(bool(of_objects(part)) for part in parts) > 1
    # What is about the exporter itself, each says of itself.
    assert own(whole, names.SOURCE_SHARDS.name) == []
    for part in parts:
        assert own(part, names.SOURCE_SHARDS.name) == [count] * 6
        assert own(part, names.SOURCE_UP.name) == own(whole, names.SOURCE_UP.name)
    assert sum(own(part, names.PODS_SEEN.name)[0] for part in parts) == own(whole, names.PODS_SEEN.name)[0]


def test_the_shards_of_a_real_cluster_make_up_the_whole_as_it_changes() -> None:
    """Three shards and a whole follow a recording, by lists and watches over TLS."""
    every = [WHOLE, *shards(3)]
    with ReplayedCluster(Recording.named("lab-1", 0, 30), speed=400) as cluster:
        api = KubernetesApi.connect(str(cluster.kubeconfig_file("cluster")))
        rhythm = Rhythm(first_pause=0.05)
        readers = [
            ClusterReader(partial(api.kind, page_size=5, shard=shard), ErrorCounts().count, rhythm=rhythm)
            for shard in every
        ]
        collectors = [
            ClusterCollector(reader, ErrorCounts(), shard.count) for reader, shard in zip(readers, every, strict=True)
        ]
        try:
            for reader in readers:
                reader.start()
            wait_until(lambda: all(reader.ready for reader in readers), 20, "the first lists")
            first = of_objects(list(collectors[0].rows()))
            cluster.begin()
            cluster.wait_for_moment(30)
            uids = {item["metadata"]["uid"] for item in cluster.recording.moments[30].items("pods")}
            wait_until(lambda: {pod.uid for pod in readers[0].snapshot().pods} == uids, 20, "the last pods")

            def agreed() -> bool:
                whole, *parts = (of_objects(list(collector.rows())) for collector in collectors)
                return Counter(map(str, whole)) == Counter(str(row) for part in parts for row in part)

            wait_until(agreed, 20, "the shards to make up the whole")
            assert of_objects(list(collectors[0].rows())) != first
            assert all(len(reader.snapshot().pods) > 3 for reader in readers)
        finally:
            for reader in readers:
                reader.stop()


def test_what_is_in_another_shard_moves_a_watch_on_and_no_more() -> None:
    with ReplayedCluster(Recording.named("lab-1", 0, 30), speed=400) as cluster:
        api = KubernetesApi.connect(str(cluster.kubeconfig_file("cluster")))
        listing = api.kind(Source.PODS).list(None)
        cluster.begin()
        cluster.wait_for_moment(30)
        seen = [list(api.kind(Source.PODS, shard=shard).watch(listing.resource_version, 1)) for shard in shards(2)]
    versions = [
        [event["object"]["metadata"]["resourceVersion"] for event in events if event["type"] != CONNECTED]
        for events in seen
    ]
    assert versions[0] == versions[1]
    changes = [{number for number, event in enumerate(events) if event["type"] in CHANGES} for events in seen]
    assert changes[0]
    assert changes[1]
    assert not changes[0] & changes[1]


CHANGES: Final = {"ADDED", "MODIFIED", "DELETED"}
