"""What pods may do: what the profile `restricted` lets them, and less."""

from checks import check
from manifests import containers, pod, title

# Whom containers run as: the image of Kith, and that of PostgreSQL.
USERS = {"Deployment": 65532, "Job": 65532, "StatefulSet": 999}


def contexts(case):
    """The security context of each container, with what it takes from its pod."""
    for one, container in case.manifests.containers():
        inherited = pod(one)["spec"].get("securityContext", {})
        yield f"{title(one)} {container['name']}", one, inherited | container.get("securityContext", {})


@check
def the_namespace_is_restricted(case):
    (namespace,) = case.manifests.all("Namespace")
    for mode in ["enforce", "audit", "warn"]:
        level = namespace["metadata"]["labels"].get(f"pod-security.kubernetes.io/{mode}")
        if level != "restricted":
            yield f"{mode} is {level}"


@check
def containers_run_as_nobody(case):
    for name, one, context in contexts(case):
        user = USERS[one["kind"]]
        if context.get("runAsNonRoot") is not True:
            yield f"{name} may run as root"
        if (context.get("runAsUser"), context.get("runAsGroup")) != (user, user):
            yield f"{name} runs as {context.get('runAsUser')}:{context.get('runAsGroup')}"


@check
def secrets_can_be_read_by_who_runs(case):
    """The files of secrets are root's; they are readable by the group that the pod's volumes get."""
    for one in case.manifests.workloads():
        if pod(one)["spec"]["securityContext"].get("fsGroup") != USERS[one["kind"]]:
            yield f"{title(one)} has volumes of another group"
        for volume in pod(one)["spec"].get("volumes", []):
            if "secret" in volume and volume["secret"].get("defaultMode") != 0o440:
                yield f"{title(one)}: {volume['name']} is not for its group alone"


@check
def the_root_file_system_is_read_only(case):
    for name, _, context in contexts(case):
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{name} may write to its image"


@check
def no_privilege_is_gained(case):
    for name, _, context in contexts(case):
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name} may gain privileges"
        if context.get("privileged") is not False:
            yield f"{name} is privileged"


@check
def all_capabilities_are_dropped(case):
    for name, _, context in contexts(case):
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name} has capabilities {context.get('capabilities')}"


@check
def system_calls_are_filtered(case):
    for name, _, context in contexts(case):
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} has {context.get('seccompProfile')}"


@check
def nothing_of_the_node_is_shared(case):
    for one in case.manifests.workloads():
        spec = pod(one)["spec"]
        for shared in ["hostNetwork", "hostPID", "hostIPC"]:
            if spec.get(shared):
                yield f"{title(one)} has {shared}"
        for volume in spec.get("volumes", []):
            if not {"secret", "configMap", "emptyDir"} & set(volume):
                yield f"{title(one)} mounts {volume['name']}"
        for container in containers(one):
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{title(one)} takes a port of the node"


@check
def no_pod_has_a_token(case):
    for one in case.manifests.workloads():
        if pod(one)["spec"].get("automountServiceAccountToken") is not False:
            yield f"{title(one)} gets a token"
    for account in case.manifests.all("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{title(account)} gives tokens"


@check
def every_workload_has_an_account_of_its_own(case):
    accounts = [pod(one)["spec"].get("serviceAccountName") for one in case.manifests.workloads()]
    for account in accounts:
        if accounts.count(account) > 1:
            yield f"{account} is used by several"
        if case.manifests.find("ServiceAccount", account) is None:
            yield f"there is no account {account}"
