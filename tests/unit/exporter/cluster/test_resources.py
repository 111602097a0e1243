from __future__ import annotations

import pytest

from exporter.cluster.resources import pod_resources
from exporter.errors import DecodeError
from exporter.model import Container, Resources
from tests.replay import Recording
from tests.unit.exporter.objects import Json, container, container_status, pod

MIB = 1024.0**2


def amounts(cpu: str | None = None, memory: str | None = None) -> Json:
    return {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value is not None}


def init(name: str, cpu: str | None = None, memory: str | None = None, *, sidecar: bool = False) -> Json:
    more = {"restartPolicy": "Always"} if sidecar else {}
    return container(name, requests=amounts(cpu, memory), limits=amounts(cpu, memory), **more)


APP = container("app", requests=amounts("100m", "100Mi"), limits=amounts("200m", "200Mi"))
OTHER = container("other", requests=amounts("200m", "50Mi"), limits=amounts("300m", "60Mi"))


@pytest.mark.parametrize(
    ("item", "requests", "limits"),
    [
        pytest.param(pod(APP), Resources(0.1, 100 * MIB), Resources(0.2, 200 * MIB), id="one container"),
        pytest.param(pod(APP, OTHER), Resources(0.3, 150 * MIB), Resources(0.5, 260 * MIB), id="two: exact sums"),
        pytest.param(
            pod(APP, container("bare")), Resources(0.1, 100 * MIB), Resources(), id="no limit unless all have one"
        ),
        pytest.param(
            pod(APP, container("half", limits=amounts(memory="1Mi"))),
            Resources(0.1, 100 * MIB),
            Resources(None, 201 * MIB),
            id="a limit of each resource by itself",
        ),
        pytest.param(
            pod(container("zero", requests=amounts("0", "0"), limits=amounts("0"))),
            Resources(),
            Resources(),
            id="0 reserves and limits nothing",
        ),
        pytest.param(
            pod(APP, spec={"initContainers": [init("small", "10m", "10Mi"), init("large", "2", "50Mi")]}),
            Resources(2.0, 100 * MIB),
            Resources(0.2, 200 * MIB),
            id="the largest init step, of each resource by itself; init containers limit nothing that runs",
        ),
        pytest.param(
            pod(APP, spec={"initContainers": [container("no limit")]}),
            Resources(0.1, 100 * MIB),
            Resources(0.2, 200 * MIB),
            id="an init container without limit",
        ),
        pytest.param(
            pod(APP, spec={"initContainers": [init("side", "50m", "10Mi", sidecar=True)]}),
            Resources(0.15, 110 * MIB),
            Resources(0.25, 210 * MIB),
            id="a sidecar stays",
        ),
        pytest.param(
            pod(APP, spec={"initContainers": [container("side", restartPolicy="Always")]}),
            Resources(0.1, 100 * MIB),
            Resources(),
            id="a sidecar without limit",
        ),
        pytest.param(
            # Steps: early 400m; side 50m; late 50m + 380m = 430m; side-2 50m + 30m; the pod: 50m + 30m + 100m = 180m.
            pod(
                APP,
                spec={
                    "initContainers": [
                        init("early", "400m", "1Mi"),
                        init("side", "50m", "1Mi", sidecar=True),
                        init("late", "380m", "1Mi"),
                        init("side-2", "30m", "1Mi", sidecar=True),
                    ]
                },
            ),
            Resources(0.43, 102 * MIB),
            Resources(0.28, 202 * MIB),
            id="an init step runs beside the sidecars started before it",
        ),
        pytest.param(
            pod(APP, spec={"overhead": amounts("250m", "120Mi")}),
            Resources(0.35, 220 * MIB),
            Resources(0.45, 320 * MIB),
            id="overhead",
        ),
        pytest.param(
            pod(container(), spec={"overhead": amounts("250m", "120Mi")}),
            Resources(0.25, 120 * MIB),
            Resources(),
            id="overhead of a pod without limits",
        ),
        pytest.param(
            pod(
                APP,
                container("free"),
                spec={"resources": {"requests": amounts("1"), "limits": amounts("2", "1Gi")}, "overhead": amounts("1")},
            ),
            Resources(2.0, 100 * MIB),
            Resources(3.0, 1024 * MIB),
            id="pod-level resources win where set, resource by resource",
        ),
        pytest.param(
            pod(
                APP,
                spec={"resources": {"requests": amounts("50m")}, "initContainers": [init("large", "2")]},
            ),
            Resources(0.05, 100 * MIB),
            Resources(0.2, 200 * MIB),
            id="a pod-level request wins over an init step",
        ),
    ],
)
def test_pod(item: Json, requests: Resources, limits: Resources) -> None:
    found = pod_resources(item)
    assert (found.requests, found.limits) == (requests, limits)


def resized(allocated: Json | None, in_force: Json | None, **status: object) -> Json:
    """A pod that wishes for 300m and 300Mi, with a limit of twice as much."""
    wished = container("app", requests=amounts("300m", "300Mi"), limits=amounts("600m", "600Mi"))
    shown = container_status("app")
    if allocated is not None:
        shown["allocatedResources"] = allocated
    if in_force is not None:
        shown["resources"] = in_force
    return pod(wished, status={"containerStatuses": [shown], **status})


PENDING = {"conditions": [{"type": "PodResizePending", "status": "True", "reason": "Deferred"}]}


@pytest.mark.parametrize(
    ("item", "requests", "limits"),
    [
        pytest.param(resized(None, None), Resources(0.3, 300 * MIB), Resources(0.6, 600 * MIB), id="no status"),
        pytest.param(
            resized(amounts("100m", "100Mi"), {"limits": amounts("200m", "200Mi"), "requests": amounts("28m", "9Mi")}),
            Resources(0.1, 100 * MIB),
            Resources(0.2, 200 * MIB),
            id="allocated and limits of the status, never its requests",
        ),
        pytest.param(
            resized(amounts("100m"), {"limits": amounts("200m")}),
            Resources(0.1, 300 * MIB),
            Resources(0.2, 600 * MIB),
            id="what the status does not speak of is as the spec says",
        ),
        pytest.param(
            resized(amounts("100m"), {"limits": amounts("200m")}, **PENDING),
            Resources(0.1, None),
            Resources(0.2, None),
            id="while a resize is put off, what the status lacks is only a wish",
        ),
        pytest.param(
            resized(amounts("100m"), {"limits": amounts("200m")}, resize="Infeasible"),
            Resources(0.1, None),
            Resources(0.2, None),
            id="the same before Kubernetes 1.33",
        ),
        pytest.param(resized({}, {}), Resources(0.3, 300 * MIB), Resources(0.6, 600 * MIB), id="an empty status"),
    ],
)
def test_in_force_after_a_resize(item: Json, requests: Resources, limits: Resources) -> None:
    found = pod_resources(item)
    assert (found.requests, found.limits) == (requests, limits)


def test_a_sidecar_is_resized_like_a_container() -> None:
    shown = container_status("side", allocatedResources=amounts("70m"), resources={"limits": amounts("80m", "10Mi")})
    item = pod(
        APP,
        spec={"initContainers": [init("side", "50m", "10Mi", sidecar=True)]},
        status={"initContainerStatuses": [shown]},
    )
    assert pod_resources(item).requests == Resources(0.17, 110 * MIB)
    assert pod_resources(item).limits == Resources(0.28, 210 * MIB)


def test_pod_level_resources_in_force() -> None:
    item = pod(
        container(),
        spec={"resources": {"requests": amounts("2", "2Gi"), "limits": amounts("4")}},
        status={"allocatedResources": amounts("1", "2Gi"), "resources": {"limits": amounts("3", "9Gi")}},
    )
    assert pod_resources(item).requests == Resources(1.0, 2048 * MIB)
    assert pod_resources(item).limits == Resources(3.0, None)


def test_a_pods_status_alone_sets_nothing() -> None:
    item = pod(APP, status={"allocatedResources": amounts("9"), "resources": {"limits": amounts("9")}})
    assert pod_resources(item).requests == Resources(0.1, 100 * MIB)
    assert pod_resources(item).limits == Resources(0.2, 200 * MIB)


def test_containers_are_those_that_stay_in_the_order_of_their_start() -> None:
    item = pod(APP, OTHER, spec={"initContainers": [init("step", "1"), init("side", "50m", "10Mi", sidecar=True)]})
    side = Resources(0.05, 10 * MIB)
    assert pod_resources(item).containers == (
        Container("side", side, side),
        Container("app", Resources(0.1, 100 * MIB), Resources(0.2, 200 * MIB)),
        Container("other", Resources(0.2, 50 * MIB), Resources(0.3, 60 * MIB)),
    )


def test_a_bad_quantity_is_the_pods_error() -> None:
    with pytest.raises(DecodeError):
        pod_resources(pod(container(requests=amounts("lots"))))


def recorded(moment: int, name: str) -> Json:
    (item,) = (
        item
        for item in Recording.named("lab-3", moment, moment).moments[0].items("pods")
        if item["metadata"]["name"] == name
    )
    return item


def test_podlevel_of_lab_3() -> None:
    found = pod_resources(recorded(30, "podlevel"))
    assert (found.requests, found.limits) == (Resources(0.1, 64 * MIB), Resources(0.2, 128 * MIB))
    # The status shows the pod's CPU limit as the container's.
    assert found.containers == (
        Container("busy", Resources(), Resources()),
        Container("quiet", Resources(None, 32 * MIB), Resources(None, 32 * MIB)),
    )


@pytest.mark.parametrize(
    ("moment", "cpu", "memory"), [(0, 0.05, 32 * MIB), (24, 0.05, 32 * MIB), (26, 0.15, 64 * MIB), (59, 0.15, 64 * MIB)]
)
def test_resizable_of_lab_3(moment: int, cpu: float, memory: float) -> None:
    found = pod_resources(recorded(moment, "resizable"))
    assert found.requests == found.limits == Resources(cpu, memory)
