"""How pods start, are probed, and end."""

from checks import check
from manifests import pod, ports, title
from programs import seconds, settings_of

# For the kubelet to notice that a process is gone, and for the process to end after its drain.
MARGIN = 5
PROBES = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


@check
def every_service_is_probed(case):
    for one in case.manifests.services():
        (container,) = pod(one)["spec"]["containers"]
        for probe, path in PROBES.items():
            asked = container.get(probe, {}).get("httpGet")
            if asked != {"path": path, "port": "admin"}:
                yield f"{title(one)}: {probe} asks {asked}"


@check
def a_container_has_time_to_start(case):
    """Half a minute, before it is restarted."""
    for one in case.manifests.all("Deployment", "StatefulSet"):
        (container,) = pod(one)["spec"]["containers"]
        probe = container.get("startupProbe")
        if probe is None:
            yield f"{title(one)} has no startup probe"
        elif probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3) < 30:
            yield f"{title(one)} is restarted too early"


@check
def the_admin_port_is_the_one_that_is_listened_on(case):
    """Which is where the kubelet probes and Prometheus scrapes."""
    for one in case.manifests.services():
        (container,) = pod(one)["spec"]["containers"]
        listens = listen_address(case, one, container, "ADMIN_LISTEN_ADDRESS")
        if listens != f"0.0.0.0:{ports(container)['admin']}":
            yield f"{title(one)} listens on {listens}"


@check
def the_grpc_port_is_the_one_that_is_listened_on(case):
    for one in case.manifests.services():
        (container,) = pod(one)["spec"]["containers"]
        listens = listen_address(case, one, container, "_LISTEN_ADDRESS")
        if listens != f"0.0.0.0:{ports(container)['grpc']}":
            yield f"{title(one)} listens on {listens}"


def listen_address(case, one, container, ending):
    """What the program of a service is told of where to listen."""
    known = [name for setting in settings_of(container, case.binaries) for name in setting.variables]
    admin = [name for name in known if name.endswith("ADMIN_LISTEN_ADDRESS")]
    (name,) = admin if "ADMIN" in ending else [name for name in known if name.endswith(ending) and name not in admin]
    return case.manifests.environment(one, container)[name]


@check
def calls_end_before_the_process_is_killed(case):
    for one in case.manifests.services():
        (container,) = pod(one)["spec"]["containers"]
        variables = case.manifests.environment(one, container)
        defaults = {
            name: setting.default for setting in settings_of(container, case.binaries) for name in setting.variables
        }
        delay, drain = [
            seconds(variables.get(name) or defaults[name]) for name in ["KITH_SHUTDOWN_DELAY", "KITH_DRAIN_TIMEOUT"]
        ]
        grace = pod(one)["spec"].get("terminationGracePeriodSeconds", 30)
        if delay < 5:
            yield f"{title(one)}: endpoints do not forget a pod in {delay} s"
        if delay + drain + MARGIN > grace:
            yield f"{title(one)}: {delay} s and {drain} s of drain do not fit into {grace} s"


@check
def no_replica_goes_before_another_is_ready(case):
    for one in case.manifests.services():
        strategy = one["spec"].get("strategy")
        if strategy != {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}:
            yield f"{title(one)} is rolled out by {strategy}"
