"""Watches of the replayed API server: events along the timeline, bookmarks, expiry, 410 Gone, outages."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.replay import Recording, ReplayedCluster

from .conftest import Ask, WatchEvents

PODS = "/api/v1/pods"


def described(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Type and name of each event."""
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def revisions(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["object"]["metadata"]["resourceVersion"]) for event in events]


def list_revision(cluster: ReplayedCluster, ask: Ask, path: str = PODS) -> str:
    return str(ask(cluster, cluster.api.url + path, scope="cluster").json()["metadata"]["resourceVersion"])


def play(cluster: ReplayedCluster, plural: str = "pods") -> None:
    """Let the whole recording pass under the one open watch, then end it."""
    cluster.api.wait_for_watches(plural)
    cluster.begin()
    cluster.wait_for_moment(len(cluster.recording.moments) - 1)
    cluster.api.expire_watches()


@pytest.mark.parametrize("name", ["lab-1", "lab-3"])
@pytest.mark.parametrize(("path", "plural"), [(PODS, "pods"), ("/apis/apps/v1/deployments", "deployments")])
def test_a_watch_of_the_whole_recording_ends_at_its_last_list(
    ask: Ask, watch_events: WatchEvents, name: str, path: str, plural: str
) -> None:
    recording = Recording.named(name)
    with ReplayedCluster(recording, speed=1000) as cluster:
        known = {item["metadata"]["uid"]: item for item in recording.moments[0].items(plural)}
        watch = watch_events(cluster, path, resourceVersion=list_revision(cluster, ask, path))
        play(cluster, plural)
        events = watch.result(10)

        for event in events:
            item = event["object"]
            assert (event["type"] == "ADDED") == (item["metadata"]["uid"] not in known)
            if event["type"] == "DELETED":
                del known[item["metadata"]["uid"]]
            else:
                known[item["metadata"]["uid"]] = item
        last = {item["metadata"]["uid"]: item for item in recording.moments[-1].items(plural)}
        assert {uid: item["spec"] for uid, item in known.items()} == {uid: item["spec"] for uid, item in last.items()}
        assert revisions(events) == sorted(set(revisions(events)))
        types = {type_ for type_, _ in described(events)}
        assert types == {"MODIFIED", "DELETED"} | ({"ADDED"} if plural == "pods" else set())
        assert {event["object"]["kind"] for event in events} == {"Pod" if plural == "pods" else "Deployment"}


def test_a_pod_made_again_under_its_name_is_deleted_then_added(ask: Ask, watch_events: WatchEvents) -> None:
    with ReplayedCluster(Recording.named("lab-1", 13, 19), speed=500) as cluster:
        watch = watch_events(cluster, "/api/v1/namespaces/shop/pods", resourceVersion=list_revision(cluster, ask))
        play(cluster)
        events = [event for event in watch.result(10) if event["object"]["metadata"]["name"] == "db-0"]

        types = [event["type"] for event in events]
        assert types[types.index("DELETED") : types.index("DELETED") + 2] == ["DELETED", "ADDED"]
        assert len({event["object"]["metadata"]["uid"] for event in events}) == 2
        assert revisions(events) == sorted(set(revisions(events)))


def test_what_begins_or_ceases_to_match_is_added_or_deleted(ask: Ask, watch_events: WatchEvents) -> None:
    with ReplayedCluster(Recording.named("lab-3"), speed=1000) as cluster:
        running, done = (
            watch_events(
                cluster,
                "/api/v1/namespaces/shop/pods",
                resourceVersion=list_revision(cluster, ask),
                fieldSelector=f"status.phase={phase}",
            )
            for phase in ("Running", "Succeeded")
        )
        cluster.api.wait_for_watches("pods", 2)
        cluster.begin()
        cluster.wait_for_moment(59)
        cluster.api.expire_watches()
        left = {name for type_, name in described(running.result(10)) if type_ == "DELETED" and name.startswith("tick")}
        came = {name for type_, name in described(done.result(10)) if type_ == "ADDED"}

        assert len(left) >= 8
        assert left - came <= {max(left)}
        assert came - left <= {min(came)}
        phases = {event["object"]["status"]["phase"] for event in done.result() if event["type"] != "DELETED"}
        assert phases == {"Succeeded"}


def test_a_watch_from_anywhere_begins_with_what_there_is(lab_1: Recording, watch_events: WatchEvents) -> None:
    with ReplayedCluster(lab_1) as cluster:
        watch = watch_events(cluster, PODS, fieldSelector="metadata.namespace=monitoring")
        cluster.api.wait_for_watches("pods")
        cluster.api.expire_watches()

        assert [type_ for type_, _ in described(watch.result(10))] == ["ADDED"]


def test_bookmarks_come_when_they_are_allowed(ask: Ask, watch_events: WatchEvents) -> None:
    with ReplayedCluster(Recording.named("lab-1", 0, 5), speed=500) as cluster:
        watch = watch_events(
            cluster, "/api/v1/namespaces", resourceVersion=list_revision(cluster, ask), allowWatchBookmarks="true"
        )
        play(cluster, "namespaces")
        events = watch.result(10)

        assert {event["type"] for event in events} == {"BOOKMARK"}
        assert {event["object"]["kind"] for event in events} == {"Namespace"}
        assert str(revisions(events)[-1]) == list_revision(cluster, ask)


def test_a_watch_can_be_resumed_anywhere_and_loses_nothing(ask: Ask, watch_events: WatchEvents) -> None:
    with ReplayedCluster(Recording.named("lab-1", 10, 20), speed=1000) as cluster:
        watch = watch_events(cluster, PODS, resourceVersion=list_revision(cluster, ask))
        play(cluster)
        events = watch.result(10)
        for position in range(0, len(events), 5):
            rest = watch_events(cluster, PODS, resourceVersion=revisions(events)[position])
            cluster.api.wait_for_watches("pods")
            cluster.api.expire_watches()
            assert rest.result(10) == events[position + 1 :]


def test_a_watch_ends_after_its_timeout(lab_1: Recording, ask: Ask, watch_events: WatchEvents) -> None:
    with ReplayedCluster(lab_1) as cluster:
        watch = watch_events(cluster, PODS, resourceVersion=list_revision(cluster, ask), timeoutSeconds=1)

        assert watch.result(10) == []
        assert cluster.api.watching("pods") == 0
        assert cluster.api.log.requests("watch pods")[-1].query["timeoutSeconds"] == "1"


def test_a_version_from_before_a_compaction_is_gone_in_both_forms(
    lab_1: Recording, ask: Ask, watch_events: WatchEvents
) -> None:
    with ReplayedCluster(lab_1) as cluster:
        old = list_revision(cluster, ask)
        cluster.api.compact()
        [error] = watch_events(cluster, PODS, resourceVersion=old).result(10)
        assert (error["type"], error["object"]["code"], error["object"]["reason"]) == ("ERROR", 410, "Expired")

        cluster.api.gone = "status"
        answer = ask(cluster, cluster.api.url + PODS, watch="true", resourceVersion=old)
        assert (answer.status_code, answer.json()["code"], answer.json()["kind"]) == (410, 410, "Status")

        new = list_revision(cluster, ask)
        assert int(new) > int(old)
        assert watch_events(cluster, PODS, resourceVersion=new, timeoutSeconds=1).result(10) == []


def test_a_version_older_than_the_recording_is_gone(lab_1: Recording, watch_events: WatchEvents) -> None:
    with ReplayedCluster(lab_1) as cluster:
        [error] = watch_events(cluster, PODS, resourceVersion="12").result(10)

        assert error["object"]["message"].startswith("too old resource version: 12")


def test_no_event_is_lost_after_a_compaction(ask: Ask, watch_events: WatchEvents) -> None:
    recording = Recording.named("lab-1", 5, 12)
    with ReplayedCluster(recording, speed=500) as cluster:
        whole = watch_events(cluster, PODS, resourceVersion=list_revision(cluster, ask))
        cluster.api.wait_for_watches("pods", 1)
        cluster.api.compact()
        after = watch_events(cluster, PODS, resourceVersion=list_revision(cluster, ask))
        cluster.api.wait_for_watches("pods", 2)
        cluster.begin()
        cluster.wait_for_moment(7)
        cluster.api.expire_watches()

        assert whole.result(10) == after.result(10) != []


def test_an_outage_breaks_watches_and_refuses_connections(
    lab_1: Recording, ask: Ask, watch_events: WatchEvents
) -> None:
    with ReplayedCluster(lab_1) as cluster:
        watch = watch_events(cluster, PODS, resourceVersion=list_revision(cluster, ask))
        cluster.api.wait_for_watches("pods")
        cluster.api.outage(True)

        with pytest.raises(requests.exceptions.RequestException):
            watch.result(10)
        with pytest.raises(requests.exceptions.ConnectionError):
            ask(cluster, cluster.api.url + PODS)
        cluster.api.outage(False)
        assert ask(cluster, cluster.api.url + PODS).status_code == 200
