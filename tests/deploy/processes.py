"""Runs the processes of both overlays from what was rendered: `python processes.py FOLDER_OF_THE_BINARIES`. See run.py.

Services first, which must wait; then the migration; then, once all are ready, the client of tests/python makes its tour
through them. In `production` every connection has TLS, and whoever cannot show a certificate is refused.
"""

import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import cluster
from database import Postgres
from kubelet import Node
from manifests import OVERLAYS, ROOT, SERVICES, pod, ports, render
from programs import seconds

sys.path.insert(0, str(ROOT / "tests" / "python"))
import run as python_client  # noqa: E402

PATIENCE = 60
REPLICAS = {"local": 1, "production": 2}
DATABASE_HOST = "db.example.com"
OWNERS_PASSWORD = "of-the-owner"
# What a client of HTTP/2 says first, with empty settings.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def say(what):
    print(f"  {what}", flush=True)


def eventually(what, holds):
    """Waits until it holds."""
    give_up = time.monotonic() + PATIENCE
    while not (seen := holds()):
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.05)
    return seen


class Replica:
    """One process of a service."""

    def __init__(self, node, workload, folder, address):
        (self.container,) = pod(workload)["spec"]["containers"]
        self.name, self.address, self.workload = workload["metadata"]["name"], address, workload
        self.log = folder / "log"
        self.variables = node.variables(workload, self.container, folder, address)
        with open(self.log, "w") as log:
            self.process = node.start(workload, self.container, folder, address, stdout=log, stderr=log)

    def port(self, name):
        return ports(self.container)[name]

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

    def services_wait(self):
        for replica in self.replicas:
            eventually(f"{replica.name} lives", lambda replica=replica: replica.probe("livenessProbe") == 200)
            expect(f"readiness of {replica.name} without roles and tables", replica.probe("readinessProbe"), 503)
        say(f"{len(self.replicas)} processes live and wait for the migration")

    def the_migration_is_done(self):
        status, said = self.migrate()
        expect(f"status of the migration, which said {said}", status, 0)
        status, again = self.migrate()
        expect(f"status of another, which said {again}", (status, "no migration was pending" in again), (0, True))
        say("the migration made roles and tables; again, it found nothing to do")

    def services_are_ready(self):
        for replica in self.replicas:
            eventually(f"{replica.name} is ready", lambda replica=replica: replica.probe("readinessProbe") == 200)
            expect(f"liveness of {replica.name}", replica.probe("livenessProbe"), 200)
        say("all are ready")

    def metrics_are_there(self):
        for replica in self.replicas:
            told = pod(replica.workload)["metadata"]["annotations"]
            url = f"http://{replica.address}:{told['prometheus.io/port']}{told['prometheus.io/path']}"
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                text = answer.read().decode()
            expect(f"kith_ready of {replica.name}", "kith_ready 1" in text.splitlines(), True)

    def the_tour_is_made(self):
        """By the client of tests/python, which has its own Python; with round robin over the replicas."""
        arguments = ["--reflection", "off" if self.tls else "open"]
        for service in SERVICES:
            port = next(replica.port("grpc") for replica in self.replicas if replica.name == service)
            targets = ",".join(f"{address}:{port}" for address in self.addresses[service])
            arguments += [f"--{service.removeprefix('kith-')}", f"ipv4:{targets}"]
        if self.tls:
            files = self.files_of(self.authority.issue("a-client"), self.folder / "a-client")
            arguments += ["--ca", files["ca.crt"], "--certificate", files["tls.crt"], "--key", files["tls.key"]]
            arguments += ["--names", "kith-{}-headless.kith.svc"]
        client = ROOT / "tests" / "python" / "client.py"
        subprocess.run([python_client.install(), client, *arguments], stdin=subprocess.DEVNULL, check=True)

    def files_of(self, secret, folder):
        folder.mkdir()
        for key, text in secret.items():
            (folder / key).write_text(text)
        return {key: folder / key for key in secret}

    def strangers_are_refused(self):
        """Without TLS, without certificate, and with one of another authority; with a good one, there is an answer."""
        mine = self.files_of(self.authority.issue("a-caller"), self.folder / "a-caller")
        stranger = cluster.Authority(self.folder / "authority-of-nobody", "Kith")
        foreign = self.files_of(stranger.issue("a-stranger"), self.folder / "a-stranger")
        for replica in self.replicas:
            ask = lambda context: speaks_http2(replica, context)  # noqa: E731
            expect(f"{replica.name} answers a certificate", ask(context(mine["ca.crt"], mine)), True)
            expect(f"{replica.name} answers plaintext", ask(None), False)
            expect(f"{replica.name} answers without certificate", ask(context(mine["ca.crt"], None)), False)
            expect(f"{replica.name} answers a stranger", ask(context(mine["ca.crt"], foreign)), False)
        say("plaintext, no certificate and a stranger's certificate are refused by each of them")

    def the_database_is_verified(self):
        """A database of another name gets no password."""
        sources = {
            key: {name: text.replace(DATABASE_HOST, "other.example.com") for name, text in data.items()}
            for key, data in self.node.sources.items()
        }
        status, said = self.migrate(sources)
        expect(f"status of a migration of another host, which said {said}", status, 1)
        say("a database that has the certificate of another is refused")

    def each_has_its_own_role(self):
        rows = self.database.query(
            "SELECT usename, coalesce(ssl, false), client_port FROM pg_stat_activity LEFT JOIN pg_stat_ssl USING (pid) "
            f"WHERE datname = 'kith' AND client_port > 0"
        )
        expect("TLS of the connections", {tls for _, tls, _ in rows}, {"t" if self.tls else "f"})
        for replica in self.replicas:
            mine = local_ports(replica.process.pid)
            roles = {role for role, _, port in rows if int(port) in mine}
            expect(f"roles of {replica.name}", roles, {replica.name.replace("-", "_")})
            held = sum(int(port) in mine for _, _, port in rows)
            most = int(replica.variables["KITH_POOL_SIZE"]) + 2
            expect(f"{replica.name} holds {held} connections of {most}", held <= most, True)
        roles = {role for role, _, _ in rows}
        expect("roles", roles, {name.replace("-", "_") for name in SERVICES})
        say(f"{len(rows)} connections to the database, each process's of its own role{', all with TLS' * self.tls}")

    def all_drain(self):
        """As a rollout ends them: they serve on for the delay, say that they are not ready, and end by themselves."""
        began = time.monotonic()
        for replica in self.replicas:
            replica.process.send_signal(signal.SIGTERM)
        for replica in self.replicas:
            eventually(
                f"{replica.name} says that it goes", lambda replica=replica: replica.probe("readinessProbe") == 503
            )
            expect(f"liveness of {replica.name} while it goes", replica.probe("livenessProbe"), 200)
        for replica in self.replicas:
            grace = pod(replica.workload)["spec"]["terminationGracePeriodSeconds"]
            status = replica.process.wait(max(began + grace - time.monotonic(), 0))
            took = time.monotonic() - began
            delay = seconds(replica.variables["KITH_SHUTDOWN_DELAY"])
            expect(f"status of {replica.name}; its log: {replica.log.read_text()}", status, 0)
            expect(f"{replica.name} served on for {delay} s, and ended after {took:.1f} s", took >= delay, True)
        say(f"all ended by themselves, {took:.1f} s after SIGTERM")


def expect(what, actual, wanted):
    assert actual == wanted, f"{what}: expected {wanted!r}, got {actual!r}"


def context(ca, certificate):
    """What a caller trusts and shows."""
    made = ssl.create_default_context(cafile=ca)
    made.set_alpn_protocols(["h2"])
    # The name is checked by the tour; here it is about who calls.
    made.check_hostname = False
    if certificate:
        made.load_cert_chain(certificate["tls.crt"], certificate["tls.key"])
    return made


def speaks_http2(replica, tls):
    """Whether the port answers a client's first bytes with the first frame of a server of HTTP/2, its settings."""
    try:
        with socket.create_connection((replica.address, replica.port("grpc")), timeout=PATIENCE) as raw:
            with tls.wrap_socket(raw) if tls else raw as connection:
                connection.sendall(PREFACE)
                head = connection.recv(9)
                return len(head) == 9 and head[3] == 4
    except (ssl.SSLError, ConnectionError):
        return False


def local_ports(pid):
    """The ports on which a process has connections."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(descriptor))
        except FileNotFoundError:
            pass
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in sockets:
            found.add(int(fields[1].rpartition(":")[2], 16))
    return found


def walk(overlay, binaries):
    with tempfile.TemporaryDirectory(prefix="kith-") as folder, ExitStack() as stack:
        folder = Path(folder)
        # Other users run what is in it.
        folder.chmod(0o755)
        deployment = Deployment(overlay, copied(binaries, folder / "bin"), folder, stack)
        deployment.start()
        deployment.services_wait()
        if deployment.tls:
            deployment.the_database_is_verified()
        deployment.the_migration_is_done()
        deployment.services_are_ready()
        deployment.metrics_are_there()
        deployment.the_tour_is_made()
        if deployment.tls:
            deployment.strangers_are_refused()
        deployment.each_has_its_own_role()
        deployment.all_drain()


def copied(binaries, folder):
    """The binaries, where every user can reach them."""
    folder.mkdir()
    for name in ["kith", *SERVICES]:
        shutil.copy(binaries / name, folder / name)
    return folder


def main():
    binaries = Path(sys.argv[1]).resolve()
    for overlay in OVERLAYS:
        print(f"  --- {overlay}", flush=True)
        walk(overlay, binaries)


if __name__ == "__main__":
    main()
