"""Names that stand in two places mean the same: selectors and labels, ports, volumes, references, releases."""

import re
import tomllib
from urllib.parse import urlsplit

from checks import check
from manifests import ROOT, SERVICES, containers, pod, pod_labels, ports, title
from readme import README

# What is made by hand or by other tools, as deploy/README.md says.
SECRETS = {
    "kith-owner-database",
    *(f"{service}-database" for service in SERVICES),
    *(f"{service}-tls" for service in SERVICES),
    "kith-signing-keys",
    "kith-postgres",
}
CONFIGS = {"kith-database-ca", "kith-telemetry"}


@check
def all_four_services_are_there(case):
    names = sorted(one["metadata"]["name"] for one in case.manifests.services())
    if names != sorted(SERVICES):
        yield f"the Deployments are {names}"
    for name in names:
        for service in [name, f"{name}-headless"]:
            if case.manifests.find("Service", service) is None:
                yield f"there is no Service {service}"


@check
def every_service_selects_the_pods_of_its_name(case):
    for service in case.manifests.all("Service"):
        selector = service["spec"].get("selector")
        chosen = [
            one["metadata"]["name"]
            for one in case.manifests.workloads()
            if selector and selector.items() <= pod_labels(one).items()
        ]
        if chosen != [service["metadata"]["name"].removesuffix("-headless")]:
            yield f"{title(service)} selects {chosen}"


@check
def every_service_leads_to_a_port_that_is_there(case):
    """By its name, and under the number that it has in the pod."""
    for service in case.manifests.all("Service"):
        workload = next(
            one
            for one in case.manifests.workloads()
            if one["metadata"]["name"] == service["metadata"]["name"].removesuffix("-headless")
        )
        known = {name: number for container in containers(workload) for name, number in ports(container).items()}
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in known:
                yield f"{title(service)} leads to {port['targetPort']}, and there are {known}"
            elif port["port"] != known[port["targetPort"]]:
                yield f"{title(service)} is {port['port']}, and the port {known[port['targetPort']]}"


@check
def services_say_whether_their_ports_speak_tls(case):
    """For meshes and gateways, which also go by the names of ports where nothing else is said."""
    for one in case.manifests.services():
        (container,) = pod(one)["spec"]["containers"]
        tls = "KITH_TLS_CERTIFICATE_FILE" in case.manifests.environment(one, container)
        for service in case.manifests.all("Service"):
            if service["metadata"]["name"].removesuffix("-headless") == one["metadata"]["name"]:
                for port in service["spec"]["ports"]:
                    if port.get("appProtocol") != ("https" if tls else "grpc"):
                        yield f"{title(service)} says that it speaks {port.get('appProtocol')}"


@check
def headless_services_are_headless(case):
    for service in case.manifests.all("Service"):
        wants = service["metadata"]["name"].endswith(("-headless", "-postgres"))
        if wants != (service["spec"].get("clusterIP") == "None"):
            yield f"{title(service)} has the address {service['spec'].get('clusterIP')}"


@check
def selectors_choose_the_pods_of_their_own_template(case):
    for one in case.manifests.all("Deployment", "StatefulSet"):
        selector = one["spec"]["selector"]["matchLabels"]
        if not selector or not selector.items() <= pod_labels(one).items():
            yield f"{title(one)} selects {selector}"
        # A selector cannot be changed, so nothing of a release may be in it.
        if set(selector) != {"app.kubernetes.io/name"}:
            yield f"{title(one)} selects by {set(selector)}"


@check
def everything_has_the_standard_labels(case):
    for one in case.manifests.objects:
        labels, wanted = one["metadata"].get("labels", {}), {"part-of": "kith", "managed-by": "kustomize"}
        if any(labels.get(f"app.kubernetes.io/{name}") != value for name, value in wanted.items()):
            yield f"{title(one)} is not marked as part of kith"
    for one in case.manifests.workloads():
        for labels in [one["metadata"]["labels"], pod_labels(one)]:
            for name in ["name", "component", "part-of"]:
                if f"app.kubernetes.io/{name}" not in labels:
                    yield f"{title(one)} has no {name}"


@check
def prometheus_finds_every_service_and_nothing_else(case):
    """By what deploy/prometheus/kubernetes.yaml keeps: pods that are part of kith, their ports named admin."""
    for one in case.manifests.workloads():
        names = {name for container in containers(one) for name in ports(container)}
        found = pod_labels(one).get("app.kubernetes.io/part-of") == "kith" and "admin" in names
        if found != (one["kind"] == "Deployment"):
            yield f"{title(one)} is {'' if found else 'not '}found"
        # The label `service` of all metrics.
        component = pod_labels(one).get("app.kubernetes.io/component")
        if found and component != one["metadata"]["name"].removeprefix("kith-"):
            yield f"{title(one)} is found as {component}"


@check
def the_release_is_that_of_the_programs(case):
    """The image's tag, the labels and the name of the migration follow the version of the workspace."""
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    for one, container in case.manifests.programs():
        image, _, tag = container["image"].rpartition(":")
        if tag != version or image.rpartition("/")[2] != "kith":
            yield f"{title(one)} runs {container['image']}, and this is {version}"
        for labels in [one["metadata"]["labels"], pod_labels(one)]:
            if labels.get("app.kubernetes.io/version") != version:
                yield f"{title(one)} says that it is {labels.get('app.kubernetes.io/version')}"


@check
def a_new_release_brings_a_new_migration(case):
    """A Job cannot be changed: its name has the release, it takes nothing whose name changes within one, and it goes."""
    jobs = case.manifests.all("Job")
    if len(jobs) != 1:
        yield f"there are {len(jobs)} Jobs"
    for one in jobs:
        (container,) = containers(one)
        if one["metadata"]["name"] != f"kith-migrate-{container['image'].rpartition(':')[2]}":
            yield f"{title(one)} does not have the release in its name"
        keys = [entry for entry in container["env"] if "configMapKeyRef" in entry.get("valueFrom", {})]
        if container.get("envFrom") or keys:
            yield f"{title(one)} takes a ConfigMap, whose name follows its contents"
        if one["spec"].get("ttlSecondsAfterFinished") is None:
            yield f"{title(one)} stays for ever"


@check
def the_migration_is_tried_again(case):
    for one in case.manifests.all("Job"):
        if one["spec"].get("backoffLimit", 6) < 6 or pod(one)["spec"]["restartPolicy"] != "Never":
            yield f"{title(one)} gives up, or forgets why it failed"
        (container,) = containers(one)
        if container["command"] != ["/usr/local/bin/kith", "migrate", "--bootstrap"]:
            yield f"{title(one)} runs {container['command']}"


@check
def rollouts_wait_for_every_try_of_the_migration(case):
    """Its pauses double from 10 s to 6 minutes."""
    for job in case.manifests.all("Job"):
        pauses = sum(min(10 * 2**retry, 360) for retry in range(job["spec"].get("backoffLimit", 6)))
        for one in case.manifests.services():
            if one["spec"].get("progressDeadlineSeconds", 600) <= pauses:
                yield f"{title(one)} waits no longer than {pauses} s, for which {title(job)} is tried"


@check
def the_readme_deletes_the_migration_and_nothing_else(case):
    (label,) = re.findall(r"delete job -l (\S+) ", README.read_text())
    name, _, value = label.partition("=")
    for one in case.manifests.workloads():
        if (one["metadata"]["labels"].get(name) == value) != (one["kind"] == "Job"):
            yield f"{title(one)} is labelled {one['metadata']['labels']}, and deploy/README.md deletes {label}"


@check
def settings_are_rolled_out_when_they_change(case):
    """The name of the ConfigMap follows its contents."""
    for one in case.manifests.services():
        (container,) = pod(one)["spec"]["containers"]
        names = [source["configMapRef"]["name"] for source in container["envFrom"]]
        if not any(re.fullmatch(r"kith-settings-[a-z0-9]{10}", name) for name in names):
            yield f"{title(one)} takes {names}"


@check
def every_volume_is_mounted_and_every_mount_has_one(case):
    for one in case.manifests.workloads():
        spec = pod(one)["spec"]
        claims = {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        volumes = {volume["name"] for volume in spec.get("volumes", [])} | claims
        mounts = {mount["name"] for container in containers(one) for mount in container.get("volumeMounts", [])}
        if volumes != mounts:
            yield f"{title(one)} has {volumes} and mounts {mounts}"


@check
def references_are_to_what_the_readme_tells_to_make(case):
    told = README.read_text()
    for one in case.manifests.workloads():
        for volume in pod(one)["spec"].get("volumes", []):
            secret, config = volume.get("secret", {}).get("secretName"), volume.get("configMap", {}).get("name")
            if secret and secret not in SECRETS:
                yield f"{title(one)} takes the Secret {secret}"
            if config and config not in CONFIGS:
                yield f"{title(one)} takes the ConfigMap {config}"
            for name in [secret, config]:
                if name and f"`{name}`" not in told:
                    yield f"deploy/README.md does not tell of {name}"


@check
def every_secret_is_where_it_is_needed_alone(case):
    for one in case.manifests.workloads():
        mine = one["metadata"]["name"]
        for volume in pod(one)["spec"].get("volumes", []):
            if "secret" not in volume:
                continue
            secret = volume["secret"]["secretName"]
            if one["kind"] == "Deployment" and secret not in {f"{mine}-database", f"{mine}-tls", "kith-signing-keys"}:
                yield f"{title(one)} has {secret}"
            if secret == "kith-signing-keys" and mine != "kith-identity":
                yield f"{title(one)} has the keys that sign"
            if secret == "kith-owner-database" and one["kind"] != "Job":
                yield f"{title(one)} has the owner's URL"


@check
def services_call_each_other_where_they_are(case):
    """The host of each URL in the settings is a headless Service of this namespace, and its port one of that Service."""
    for one, container in case.manifests.programs():
        for name, value in case.manifests.environment(one, container).items():
            if not name.startswith("KITH_") or not name.endswith("_URL"):
                continue
            url = urlsplit(value)
            service, _, rest = url.hostname.partition(".")
            found = case.manifests.find("Service", service)
            if found is None or rest != f"{found['metadata']['namespace']}.svc":
                yield f"{title(one)}: {name} is {value}, and there is no such Service"
            elif url.port not in [port["port"] for port in found["spec"]["ports"]]:
                yield f"{title(one)}: {name} is {value}, and the Service has other ports"
            elif found["spec"].get("clusterIP") != "None":
                yield f"{title(one)}: {name} is {value}, which has one address alone"
