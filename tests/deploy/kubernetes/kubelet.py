"""What a cluster does for a container, as far as a process needs it: its files, its variables, its command line, its user.

Of what was rendered three things are changed, wherever they stand, and nothing else: `/etc/kith` is a folder of the test,
`0.0.0.0`, where a pod listens, is the address that the test gives the pod, and hosts that only a cluster's DNS knows are
the addresses that stand for them.
"""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from manifests import pod
from programs import command_line

ETC = "/etc/kith"
ANYWHERE = "0.0.0.0"


class Missing(Exception):
    """What the kubelet would wait for."""


@dataclass
class Node:
    """A place to run containers of one overlay."""

    manifests: object
    binaries: Path
    # What is in a cluster and not in git: {("Secret", name): {key: text}}.
    sources: dict
    # Hosts of the cluster, and what stands for them.
    names: dict = field(default_factory=dict)

    def mount(self, workload, container, folder):
        """Writes the files of the container's volumes beneath `folder`, as they would be beneath /."""
        spec = pod(workload)["spec"]
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            volume = volumes[mount["name"]]
            for key, text in self.files(volume).items():
                file = Path(f"{folder}{mount['mountPath']}") / key
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(self.here(text, folder))
                if os.geteuid() == 0:
                    os.chown(file, 0, spec["securityContext"].get("fsGroup", 0))
                    file.chmod(volume.get("secret", {}).get("defaultMode", 0o644))

    def files(self, volume):
        if "secret" in volume:
            source, optional = ("Secret", volume["secret"]["secretName"]), volume["secret"].get("optional", False)
        elif "configMap" in volume:
            source, optional = ("ConfigMap", volume["configMap"]["name"]), volume["configMap"].get("optional", False)
        else:
            return {}
        if source not in self.sources and not optional:
            raise Missing(" ".join(source))
        return self.sources.get(source, {})

    def here(self, text, folder, address=ANYWHERE):
        for there, here in {ETC: f"{folder}{ETC}", ANYWHERE: address, **self.names}.items():
            text = text.replace(there, here)
        return text

    def command(self, container):
        """The command line, with the binary where it is here."""
        binary, arguments = command_line(container, self.binaries)
        return [str(binary), *arguments]

    def variables(self, workload, container, folder, address=ANYWHERE):
        """The environment of the container's process, and nothing else."""
        made = {name: data for (kind, name), data in self.sources.items() if kind == "ConfigMap"}
        found = self.manifests.environment(workload, container, made)
        return {name: self.here(value, folder, address) for name, value in found.items()}

    def start(self, workload, container, folder, address=ANYWHERE, **options):
        """Starts the container's process, as the user that it has there if we may."""
        self.mount(workload, container, folder)
        return subprocess.Popen(
            self.command(container),
            cwd="/",
            env=self.variables(workload, container, folder, address),
            stdin=subprocess.DEVNULL,
            **user_of(workload),
            **options,
        )

    def run(self, command, workload, variables):
        """Runs another program of the image in a container that is there, as `kubectl exec` does."""
        program, *arguments = command
        return subprocess.run(
            [self.binaries / program, *arguments],
            cwd="/",
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **user_of(workload),
        )


def user_of(workload):
    """Whom the containers of a pod run as, if we may make processes of others."""
    context = pod(workload)["spec"]["securityContext"]
    if os.geteuid():
        return {}
    return {"user": context["runAsUser"], "group": context["runAsGroup"], "extra_groups": []}
