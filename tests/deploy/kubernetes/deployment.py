"""The processes of an overlay, started from what was rendered, and what is around them."""

import random
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from functools import cache

import cluster
from collector import Collector
from database import Postgres
from kubelet import Node
from manifests import ROOT, SERVICES, pod, ports, render
from waiting import PATIENCE

sys.path.insert(0, str(ROOT / "tests" / "python"))
import run as python_client

REPLICAS = {"local": 1, "production": 2}
DATABASE_HOST = "db.example.com"
OWNERS_PASSWORD = "of-the-owner"


@cache
def python_of_the_client():
    """The Python that has what tests/python/client.py needs."""
    return python_client.install()


class Replica:
    """One process of a service."""

    def __init__(self, node, workload, folder, address):
        (self.container,) = pod(workload)["spec"]["containers"]
        self.name, self.address, self.workload = workload["metadata"]["name"], address, workload
        self.folder, self.log = folder, folder / "log"
        self.variables = node.variables(workload, self.container, folder, address)
        with open(self.log, "w") as log:
            self.process = node.start(workload, self.container, folder, address, stdout=log, stderr=log)

    def port(self, name):
        return ports(self.container)[name]

    def lives(self):
        return self.probe("livenessProbe") == 200

    def is_ready(self):
        return self.probe("readinessProbe") == 200

    def is_not_ready(self):
        return self.probe("readinessProbe") == 503

    def probe(self, which):
        """What the kubelet sees of a probe: the status; 0 while nobody answers."""
        asked = self.container[which]["httpGet"]
        url = f"http://{self.address}:{self.port(asked['port'])}{asked['path']}"
        try:
            with urllib.request.urlopen(url, timeout=self.container[which]["timeoutSeconds"]) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()}"
            return 0


class Deployment:
    """The processes of an overlay, and what is around them."""

    def __init__(self, overlay, binaries, folder, stack):
        self.manifests, self.overlay, self.folder, self.stack = render(overlay), overlay, folder, stack
        self.tls = overlay == "production"
        # Of one run alone, so that several have room beside each other.
        network = f"127.{random.randrange(1, 255)}.{random.randrange(0, 255)}"
        numbers = iter(range(1, 255))
        self.addresses = {name: [f"{network}.{next(numbers)}" for _ in range(REPLICAS[overlay])] for name in SERVICES}
        sources = self.make_tls() if self.tls else self.make_plaintext()
        if self.tls:
            self.collector = stack.enter_context(Collector())
            sources[("ConfigMap", "kith-telemetry")] = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.endpoint}
        names = {"kith-identity-headless.kith.svc": self.addresses["kith-identity"][0]}
        names["kith-postgres.kith.svc:5432"] = f"127.0.0.1:{self.database.port}"
        self.node = Node(self.manifests, binaries, sources, names)
        self.replicas = []

    def make_plaintext(self):
        sources = cluster.secrets()
        password = sources[("Secret", "kith-postgres")]["password"].strip()
        server = Postgres.of_the_overlay(self.manifests, self.folder / "postgres", password)
        self.database = self.stack.enter_context(server)
        return sources

    def make_tls(self):
        self.authority = cluster.Authority(self.folder / "authority", "Kith")
        self.client_files = self.files_of(self.authority.issue("a-client"), "a-client")
        of_database = cluster.Authority(self.folder / "authority-of-the-database", "database")
        certificate = of_database.issue("database", [f"DNS:{DATABASE_HOST}"])
        server = Postgres.outside(self.folder / "postgres", certificate, OWNERS_PASSWORD)
        self.database = self.stack.enter_context(server)
        # The name is verified, and not looked up.
        place = f"{DATABASE_HOST}:{server.port}/kith?hostaddr=127.0.0.1"
        tls = "sslmode=verify-full&sslrootcert=/etc/kith/database-ca/ca.crt"
        return {
            **cluster.secrets(f"postgres://kith_owner:{OWNERS_PASSWORD}@{place}&{tls}"),
            **cluster.certificates(self.authority, self.addresses),
            **cluster.database_ca(of_database.certificate),
        }

    def start(self):
        for workload in self.manifests.services():
            name = workload["metadata"]["name"]
            for number, address in enumerate(self.addresses[name]):
                folder = self.folder / f"{name}-{number}"
                folder.mkdir()
                replica = Replica(self.node, workload, folder, address)
                self.stack.callback(replica.process.wait)
                self.stack.callback(replica.process.kill)
                self.replicas.append(replica)

    def migrate(self, sources=None):
        """Runs the Job, and answers how it ended and what it said."""
        node = Node(self.manifests, self.node.binaries, sources or self.node.sources, self.node.names)
        (workload,) = self.manifests.all("Job")
        (container,) = pod(workload)["spec"]["containers"]
        folder = self.folder / f"migrate-{random.randrange(10**9)}"
        folder.mkdir()
        process = node.start(workload, container, folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, said

    def target(self, service):
        """All replicas of a service, as grpcio takes them."""
        mine = [replica for replica in self.replicas if replica.name == service]
        return "ipv4:" + ",".join(f"{replica.address}:{replica.port('grpc')}" for replica in mine)

    def client_arguments(self):
        """What tests/python/client.py needs beside addresses."""
        if not self.tls:
            return []
        files = self.client_files
        shown = ["--ca", files["ca.crt"], "--certificate", files["tls.crt"], "--key", files["tls.key"]]
        return [*shown, "--names", "kith-{}-headless.kith.svc"]

    def files_of(self, secret, name):
        folder = self.folder / name
        folder.mkdir()
        for key, text in secret.items():
            (folder / key).write_text(text)
        return {key: folder / key for key in secret}


def copied(binaries, folder):
    """The binaries, where every user can reach them."""
    folder.mkdir()
    for name in ["kith", *SERVICES]:
        shutil.copy(binaries / name, folder / name)
    return folder
