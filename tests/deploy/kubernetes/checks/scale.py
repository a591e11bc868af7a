"""How many replicas there are, where, and what they may take."""

import re

from checks import check
from manifests import containers, pod, pod_labels, selects, title
from readme import README

# What a replica has beside its pool: one that watches the database, and while a process starts or ends, one to spare.
CONNECTIONS_BESIDE_THE_POOL = 2
# Of max_connections, for the migration, backups and people.
RESERVED = 10


def replicas(case, deployment):
    """The fewest and the most replicas of a Deployment."""
    for scaler in case.manifests.all("HorizontalPodAutoscaler"):
        if scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]:
            return scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
    return deployment["spec"]["replicas"], deployment["spec"]["replicas"]


@check
def there_are_as_many_replicas_as_the_overlay_promises(case):
    fewest = {"local": 1, "production": 3}[case.manifests.overlay]
    for one in case.manifests.services():
        low, high = replicas(case, one)
        if low != fewest or high < low:
            yield f"{title(one)} has {low} to {high} replicas"


@check
def the_number_of_replicas_is_said_once(case):
    """Where an autoscaler says it, a number in the Deployment would set it back at each apply."""
    for scaler in case.manifests.all("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        deployment = case.manifests.find(target["kind"], target["name"])
        if deployment is None or target["apiVersion"] != deployment["apiVersion"]:
            yield f"{title(scaler)} scales {target}, which is not there"
        elif "replicas" in deployment["spec"]:
            yield f"{title(deployment)} has a number of its own"


@check
def load_is_measured_against_what_is_requested(case):
    for scaler in case.manifests.all("HorizontalPodAutoscaler"):
        for metric in scaler["spec"]["metrics"]:
            name = metric["resource"]["name"]
            deployment = case.manifests.get("Deployment", scaler["spec"]["scaleTargetRef"]["name"])
            if not all(name in container["resources"]["requests"] for container in containers(deployment)):
                yield f"{title(scaler)} divides by a request of {name}, which is not there"
            if not 1 <= metric["resource"]["target"]["averageUtilization"] <= 90:
                yield f"{title(scaler)} waits until there is no {name} left"


@check
def a_drained_node_takes_one_replica_at_a_time(case):
    for one in case.manifests.services():
        budgets = [
            budget
            for budget in case.manifests.all("PodDisruptionBudget")
            if selects(budget["spec"]["selector"], pod_labels(one))
        ]
        if len(budgets) != 1:
            yield f"{title(one)} has {len(budgets)} budgets"
            continue
        (budget,) = budgets
        if budget["spec"].get("maxUnavailable") != 1 or "minAvailable" in budget["spec"]:
            yield f"{title(budget)} lets go of {budget['spec']}"
        low, _ = replicas(case, one)
        if case.manifests.overlay == "production" and low - 1 < 2:
            yield f"{title(budget)} leaves {low - 1} of {low} replicas"


@check
def a_replica_that_is_not_ready_keeps_no_node(case):
    for budget in case.manifests.all("PodDisruptionBudget"):
        if budget["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{title(budget)} does"


@check
def budgets_and_scalers_are_for_one_service_each(case):
    for kind in ["PodDisruptionBudget", "HorizontalPodAutoscaler"]:
        wanted = {one["metadata"]["name"] for one in case.manifests.services()}
        if kind == "HorizontalPodAutoscaler" and case.manifests.overlay == "local":
            wanted = set()
        there = {one["metadata"]["name"] for one in case.manifests.all(kind)}
        if there != wanted:
            yield f"{kind}: {there} and not {wanted}"
    for budget in case.manifests.all("PodDisruptionBudget"):
        chosen = [one for one in case.manifests.workloads() if selects(budget["spec"]["selector"], pod_labels(one))]
        if [one["metadata"]["name"] for one in chosen] != [budget["metadata"]["name"]]:
            yield f"{title(budget)} is for {[title(one) for one in chosen]}"


@check
def replicas_are_spread(case):
    """Where there is room: a rule that must be kept would stop a rollout while a node is full."""
    wanted = {"kubernetes.io/hostname": "ScheduleAnyway", "topology.kubernetes.io/zone": "ScheduleAnyway"}
    for one in case.manifests.services():
        rules = pod(one)["spec"].get("topologySpreadConstraints", [])
        if {rule["topologyKey"]: rule["whenUnsatisfiable"] for rule in rules} != wanted:
            yield f"{title(one)} is not spread over nodes and zones"
        for rule in rules:
            if rule["maxSkew"] != 1 or not rule["labelSelector"]["matchLabels"]:
                yield f"{title(one)}: {rule['topologyKey']} counts nothing"
            elif not selects(rule["labelSelector"], pod_labels(one)):
                yield f"{title(one)}: {rule['topologyKey']} counts other pods"


@check
def pods_are_for_nodes_with_linux(case):
    for one in case.manifests.workloads():
        if pod(one)["spec"].get("nodeSelector", {}).get("kubernetes.io/os") != "linux":
            yield f"{title(one)} may come to any node"


@check
def every_container_has_requests_and_limits(case):
    for one, container in case.manifests.containers():
        resources = container.get("resources", {})
        for name in ["cpu", "memory"]:
            request, limit = [quantity(resources.get(what, {}).get(name)) for what in ["requests", "limits"]]
            if request is None or limit is None:
                yield f"{title(one)} {container['name']} has no bounds of {name}"
            elif request > limit:
                yield f"{title(one)} {container['name']} requests more {name} than its limit"


@check
def postgres_has_shared_memory(case):
    """For parallel queries, more than the 64 MiB of container runtimes, and within the limit of the container."""
    for one in case.manifests.all("StatefulSet"):
        (container,) = containers(one)
        mounted = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == "/dev/shm"]
        given = [volume["emptyDir"] for volume in pod(one)["spec"]["volumes"] if volume["name"] in mounted]
        if [empty.get("medium") for empty in given] != ["Memory"]:
            yield f"{title(one)} has what the container runtime gives"
        elif not 2**26 < quantity(given[0]["sizeLimit"]) < quantity(container["resources"]["limits"]["memory"]):
            yield f"{title(one)} has {given[0]['sizeLimit']}"


def quantity(text):
    """A quantity as a number."""
    if text is None:
        return None
    number, unit = re.fullmatch(r"(\d+)(m|Mi|Gi|)", text).groups()
    return int(number) * {"m": 0.001, "": 1, "Mi": 2**20, "Gi": 2**30}[unit]


def most_connections(case):
    """What all replicas may hold during a rollout: at its end, all new ones are there, and all old ones may still drain."""
    total = 0
    for one in case.manifests.services():
        (container,) = pod(one)["spec"]["containers"]
        pool = int(case.manifests.environment(one, container)["KITH_POOL_SIZE"])
        total += 2 * replicas(case, one)[1] * (pool + CONNECTIONS_BESIDE_THE_POOL)
    return total


@check
def the_database_has_a_connection_for_every_replica(case):
    """Locally as the StatefulSet is told, in production as deploy/README.md asks for."""
    if case.manifests.overlay == "local":
        (container,) = containers(case.manifests.get("StatefulSet", "kith-postgres"))
        given = " ".join(container["args"])
    else:
        given = README.read_text()
    match = re.search(r"max_connections *= *(\d+)", given)
    most = most_connections(case)
    if not match or int(match[1]) < most + RESERVED:
        yield f"{most} and {RESERVED} are needed, and max_connections is {match and match[1]}"


@check
def the_readme_tells_how_many_connections_there_may_be(case):
    most = most_connections(case)
    if case.manifests.overlay == "production" and f", {most}. Set `max_connections" not in README.read_text():
        yield f"deploy/README.md does not say that it is {most}"
