"""What Compose and Docker do for a container, as far as a process needs it: its files, its variables, its user, its limits.

The image cannot be had, so its file system is made of what it would hold for a process: the programs, the libraries that
they need (`checks/image.py` has which ones distroless has), and nothing else but /proc. The process finds it read-only, as
its root.

There is one network for all, so each container is an address of loopback, which takes the place of 0.0.0.0 and, in health
checks, of 127.0.0.1.
"""

import ctypes
import os
import resource
import shutil
import subprocess
from pathlib import Path

from checks.image import LIBRARIES, programs

SECRETS = "/run/secrets"
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PROGRAMS = "/usr/local/bin"
# Docker's.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 120


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def copy_libraries(binaries, root):
    told = [
        subprocess.run(["ldd", binaries / name], stdout=subprocess.PIPE, text=True, check=True).stdout
        for name in programs()
    ]
    for line in "".join(told).splitlines():
        name, _, found = line.strip().partition(" => ")
        path = Path((found or name).split()[0])
        if path.name in LIBRARIES and path.is_absolute():
            target = root / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


class Container:
    """A container of Kith's image."""

    def __init__(self, name, described, address, hosts, secrets, binaries, folder):
        self.name, self.described, self.address = name, described, address
        self.root, self.log = folder / name, folder / f"{name}.log"
        self.make_root(binaries, hosts, secrets)

    def make_root(self, binaries, hosts, secrets):
        self.root.mkdir()
        mount("-t", "tmpfs", "tmpfs", self.root)
        for place, source in {PROGRAMS: binaries, "/proc": "/proc"}.items():
            folder = Path(f"{self.root}{place}")
            folder.mkdir(parents=True)
            mount("--bind", source, folder)
        copy_libraries(binaries, self.root)
        (self.root / "etc").mkdir()
        lines = [f"{address} {name}\n" for name, address in hosts.items()]
        (self.root / "etc" / "hosts").write_text("".join(lines))
        folder = Path(f"{self.root}{SECRETS}")
        folder.mkdir(parents=True)
        for secret in self.described["secrets"]:
            # With its mode: the container's user must be able to read it.
            shutil.copy(secrets / secret, folder / secret)
        mount("-o", "remount,ro", self.root)

    def environment(self):
        told = {name: str(value) for name, value in self.described["environment"].items()}
        return {"PATH": PATH} | {name: value.replace("0.0.0.0", self.address) for name, value in told.items()}

    def enter(self):
        """Makes of the process, between fork and exec, one of the container."""
        user, group = map(int, self.described["user"].split(":"))
        if "ulimits" in self.described:
            # A sandbox may not let us have more than there is.
            most = min(self.described["ulimits"]["nofile"], resource.getrlimit(resource.RLIMIT_NOFILE)[1])
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        os.chroot(self.root)
        os.chdir("/")
        libc = ctypes.CDLL(None)
        if self.described["cap_drop"] == ["ALL"]:
            for capability in range(64):
                libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        if self.described["security_opt"] == ["no-new-privileges:true"]:
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    def popen(self, command, **options):
        return subprocess.Popen(command, env=self.environment(), stdin=subprocess.DEVNULL, preexec_fn=self.enter, **options)

    def start(self):
        with open(self.log, "a") as log:
            self.process = self.popen(self.described["command"], stdout=log, stderr=log)

    def run(self):
        """Runs it to its end, and answers how it ended and what it said."""
        process = self.popen(self.described["command"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, said

    def is_healthy(self):
        """What its health check says."""
        kind, *command = self.described["healthcheck"]["test"]
        assert kind == "CMD", kind
        command = [word.replace("127.0.0.1", self.address) for word in command]
        asked = self.popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = asked.communicate(timeout=PATIENCE)
        assert asked.returncode in (0, 1), f"the health check of {self.name} ended with {asked.returncode}: {said}"
        return asked.returncode == 0

    def status(self):
        """What the kernel says of its process."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
