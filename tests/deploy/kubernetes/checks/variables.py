"""What programs are told: everything they need, and nothing that they do not know."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import cluster
from checks import check
from kubelet import Missing, Node
from manifests import title
from programs import settings_of, variables

# What is not Kith's: the downward API's, and those that every program with OpenTelemetry knows.
OTHERS = {"POD_NAME", "POD_NAMESPACE", "NODE_NAME", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"}


@check
def every_variable_is_known_to_the_program_that_gets_it(case):
    """A variable of a container to its own program, one of the settings that all share to one of them at least."""
    shared = {}
    for one, container in case.manifests.programs():
        known = variables(settings_of(container, case.binaries))
        for entry in container.get("env", []):
            if entry["name"] not in known | OTHERS:
                yield f"{title(one)}: {entry['name']} is no variable of {container['command'][0]}"
        for source in container.get("envFrom", []):
            shared.setdefault(source["configMapRef"]["name"], set()).update(known)
    for config in case.manifests.all("ConfigMap"):
        for name in config["data"].keys() - shared.get(config["metadata"]["name"], set()):
            yield f"{title(config)}: {name} is a variable of no program that gets it"


@check
def every_required_setting_is_there(case):
    for one, container in case.manifests.programs():
        given = {name for name, value in case.manifests.environment(one, container).items() if value}
        for setting in settings_of(container, case.binaries):
            if setting.required and not given & set(setting.variables):
                yield f"{title(one)} lacks {' or '.join(setting.variables)}"


@check
def every_address_of_a_service_is_given(case):
    """Its default is loopback, where no kubelet and no client comes."""
    for one, container in case.manifests.programs():
        given = case.manifests.environment(one, container)
        for name in variables(settings_of(container, case.binaries)):
            if name.endswith("_LISTEN_ADDRESS") and name not in given:
                yield f"{title(one)} lacks {name}"


@check
def telemetry_names_the_service_and_the_pod(case):
    for one in case.manifests.services():
        (container,) = one["spec"]["template"]["spec"]["containers"]
        given = case.manifests.environment(one, container)
        if given.get("OTEL_SERVICE_NAME") != one["metadata"]["name"]:
            yield f"{title(one)} calls itself {given.get('OTEL_SERVICE_NAME')}"
        attributes = dict(pair.split("=") for pair in given.get("OTEL_RESOURCE_ATTRIBUTES", "none=").split(","))
        if "k8s.pod.name" not in attributes or "$" in str(attributes):
            yield f"{title(one)} says {attributes}"
        if {"configMapRef": {"name": "kith-telemetry", "optional": True}} not in container["envFrom"]:
            yield f"{title(one)} cannot be told where telemetry goes"


@check
def every_program_takes_what_it_is_told(case):
    """The real program, with the rendered variables and files, and a flag that is wrong: it must find that mistake alone.

    All mistakes in settings are told at once, before anything is done; so this starts nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        node = Node(case.manifests, case.binaries, sources(case.manifests.overlay))
        for one, container in case.manifests.programs():
            try:
                node.mount(one, container, folder)
            except Missing as missing:
                yield f"{title(one)} waits for {missing}"
                continue
            environment = node.variables(one, container, folder)
            ended = subprocess.run(
                [*node.command(container), "--no-such-flag"], env=environment, stderr=subprocess.PIPE, text=True
            )
            mistakes = [line.strip() for line in ended.stderr.splitlines() if line.startswith("  ")]
            if ended.returncode != 2 or not any(line.startswith("--no-such-flag") for line in mistakes):
                yield f"{title(one)} ended with {ended.returncode}: {ended.stderr}"
            for mistake in mistakes:
                if not mistake.startswith("--no-such-flag"):
                    yield f"{title(one)}: {mistake}"


@cache
def sources(overlay):
    """Everything that an operator makes; in production, for a database that is nowhere."""
    if overlay == "local":
        return cluster.secrets()
    with tempfile.TemporaryDirectory() as folder:
        authority = cluster.Authority(Path(folder) / "authority", "nobody")
        parameters = "sslmode=verify-full&sslrootcert=/etc/kith/database-ca/ca.crt"
        return {
            **cluster.secrets(f"postgres://kith_owner:secret@db.example.com/kith?{parameters}"),
            **cluster.certificates(authority),
            **cluster.database_ca(authority.certificate),
        }
