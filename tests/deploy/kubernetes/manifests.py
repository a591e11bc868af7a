"""The objects that an overlay renders to, and what the checks ask of them."""

import os
import subprocess
import tempfile
import textwrap
from copy import deepcopy
from pathlib import Path

import yaml

from readme import ROOT, block

KUSTOMIZE = ROOT / "deploy" / "kustomize"
OVERLAYS = ["local", "production"]
SERVICES = ["kith-identity", "kith-social-graph", "kith-posts", "kith-messaging"]
# What has pods, and where in it the pods are described.
WORKLOADS = ["Deployment", "StatefulSet", "Job"]


def render(overlay, folder=None):
    """The objects of an overlay, or of one in another folder that is made of it, as `kubectl apply -k` would send them."""
    kubectl = os.environ.get("KUBECTL", "kubectl")
    folder = folder or KUSTOMIZE / "overlays" / overlay
    rendered = subprocess.run([kubectl, "kustomize", folder], stdout=subprocess.PIPE, text=True, check=True)
    return Manifests(overlay, list(yaml.safe_load_all(rendered.stdout)))


def render_overlay_of_the_readme():
    """What deploy/README.md shows as an overlay of one's own, beside a checkout of Kith named as this one is there."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "kith").symlink_to(ROOT)
        mine = Path(place) / "mine"
        mine.mkdir()
        (mine / "kustomization.yaml").write_text(textwrap.dedent(block("yaml", "resources: [../kith/")))
        return render("production", mine)


class Manifests:
    """The objects of one overlay."""

    def __init__(self, overlay, objects):
        self.overlay = overlay
        self.objects = objects

    def copy(self):
        return Manifests(self.overlay, deepcopy(self.objects))

    def all(self, *kinds):
        return [one for one in self.objects if one["kind"] in kinds]

    def find(self, kind, name):
        """The object of that name; `None` where there is none."""
        return next((one for one in self.all(kind) if one["metadata"]["name"] == name), None)

    def get(self, kind, name):
        """The object of that name, which must be there."""
        found = self.find(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def workloads(self):
        return self.all(*WORKLOADS)

    def services(self):
        """The Deployments of Kith's services."""
        return self.all("Deployment")

    def containers(self):
        """Each workload with each of its containers."""
        return [(one, container) for one in self.workloads() for container in containers(one)]

    def programs(self):
        """Each workload with each container that runs a program of Kith."""
        return [(one, container) for one, container in self.containers() if runs_kith(container)]

    def environment(self, workload, container, made=None):
        """The variables that the container's process gets, with names and addresses as a pod could have them.

        `made` are ConfigMaps that are in the cluster and not rendered; those that are optional may be nowhere.
        """
        variables = {}
        for source in container.get("envFrom", []):
            reference = source["configMapRef"]
            config = self.find("ConfigMap", reference["name"]) or {"data": (made or {}).get(reference["name"], {})}
            assert config["data"] or reference.get("optional"), f"there is no ConfigMap {reference['name']}"
            variables |= config["data"]
        for entry in container.get("env", []):
            told = expand(entry["value"], variables) if "value" in entry else a_fact(workload, entry)
            variables[entry["name"]] = told
        return variables


def expand(value, variables):
    """As Kubernetes does: `$(NAME)` of a variable that was defined before."""
    for name, known in variables.items():
        value = value.replace(f"$({name})", known)
    return value


def a_fact(workload, entry):
    """What the downward API could say."""
    metadata = workload["metadata"]
    facts = {
        "metadata.name": f"{metadata['name']}-0",
        "metadata.namespace": metadata["namespace"],
        "spec.nodeName": "node-0",
    }
    return facts[entry["valueFrom"]["fieldRef"]["fieldPath"]]


def title(one):
    return f"{one['kind']} {one['metadata']['name']}"


def pod(workload):
    """What a workload says of its pods: metadata and spec."""
    return workload["spec"]["template"]


def pod_labels(workload):
    return pod(workload)["metadata"].get("labels", {})


def containers(workload):
    spec = pod(workload)["spec"]
    return spec.get("initContainers", []) + spec["containers"]


def runs_kith(container):
    return container.get("command", [""])[0].startswith("/usr/local/bin/kith")


def ports(container):
    """The numbers of a container's ports by their names."""
    return {port["name"]: port["containerPort"] for port in container.get("ports", [])}


def selects(selector, labels):
    """Whether a label selector has these labels; one that is absent selects nothing, an empty one everything."""
    if selector is None:
        return False
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    for requirement in selector.get("matchExpressions") or []:
        assert requirement["operator"] == "In", f"operator {requirement['operator']} is not known here"
        if labels.get(requirement["key"]) not in requirement["values"]:
            return False
    return True
