"""Runs the processes of both overlays from what was rendered: `python processes.py FOLDER_OF_THE_BINARIES`. See run.py.

Services first, which must wait; then the migration; then, once all are ready, the client of tests/python makes its tour
through them. In `production` every connection has TLS, and whoever cannot show a certificate is refused.
"""

import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import cluster
import operators
import restore
from callers import context, speaks_http2, takes_connections
from deployment import DATABASE_HOST, Deployment, copied, python_of_the_client
from descriptors import local_ports, written_files
from manifests import OVERLAYS, ROOT, SERVICES, pod
from programs import seconds
from waiting import PATIENCE, eventually, expect


def say(what):
    print(f"  {what}", flush=True)


def services_wait(deployment):
    for replica in deployment.replicas:
        eventually(f"{replica.name} lives", replica.lives, replica.log.read_text)
        expect(f"{replica.name} waits without roles and tables", replica.is_not_ready(), True)
    say(f"{len(deployment.replicas)} processes live and wait for the migration")


def the_database_is_verified(deployment):
    """A database of another name gets no password."""
    sources = {
        key: {name: text.replace(DATABASE_HOST, "other.example.com") for name, text in data.items()}
        for key, data in deployment.node.sources.items()
    }
    status, said = deployment.migrate(sources)
    expect(f"status of a migration of another host, which said {said}", status, 1)
    expect(f"why it failed: {said}", 'certificate not valid for name "other.example.com"' in said, True)
    say("a database that has the certificate of another is refused")


def the_migration_is_done(deployment):
    status, said = deployment.migrate()
    expect(f"status of the migration, which said {said}", status, 0)
    status, again = deployment.migrate()
    expect(f"status of another, which said {again}", (status, "no migration was pending" in again), (0, True))
    say("the migration made roles and tables; again, it found nothing to do")


def services_are_ready(deployment):
    for replica in deployment.replicas:
        eventually(f"{replica.name} is ready", replica.is_ready, replica.log.read_text)
        expect(f"{replica.name} lives", replica.lives(), True)
    say("all are ready")


def metrics_are_there(deployment):
    for replica in deployment.replicas:
        url = f"http://{replica.address}:{replica.port('admin')}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
        expect(f"kith_ready of {replica.name}", "kith_ready 1" in lines, True)
    say("Prometheus finds the metrics of each")


def the_tour_is_made(deployment):
    """By the client of tests/python, which has its own Python; with round robin over the replicas."""
    arguments = ["--keep", "--reflection", "off" if deployment.tls else "open", *deployment.client_arguments()]
    for service in SERVICES:
        arguments += [f"--{service.removeprefix('kith-')}", deployment.target(service)]
    client = ROOT / "tests" / "python" / "client.py"
    subprocess.run([python_of_the_client(), client, *arguments], stdin=subprocess.DEVNULL, check=True)


# Control: KITH_TLS_CLIENT_CA_FILE taken out of the overlay's settings.env; no certificate was answered.
def strangers_are_refused(deployment):
    """Without TLS, without certificate, and with one of another authority; with a good one, there is an answer."""
    mine = deployment.files_of(deployment.authority.issue("a-caller"), "a-caller")
    nobody = cluster.Authority(deployment.folder / "authority-of-nobody", "Kith")
    foreign = deployment.files_of(nobody.issue("a-stranger"), "a-stranger")
    for replica in deployment.replicas:
        for what, tls, answered in [
            ("a certificate", context(mine["ca.crt"], mine), True),
            ("plaintext", None, False),
            ("no certificate", context(mine["ca.crt"], None), False),
            ("a stranger's certificate", context(mine["ca.crt"], foreign), False),
        ]:
            expect(f"{replica.name} answers {what}", speaks_http2(replica, tls), answered)
    say("plaintext, no certificate and a stranger's certificate are refused by each of them")


# Control: make-secrets gave posts the owner's URL; and a URL with sslmode=disable where the database took it.
def each_has_its_own_role(deployment):
    rows = deployment.database.query(
        "SELECT usename, coalesce(ssl, false), client_port FROM pg_stat_activity LEFT JOIN pg_stat_ssl USING (pid) "
        "WHERE datname = 'kith' AND client_port > 0"
    )
    expect("TLS of the connections", {tls for _, tls, _ in rows}, {"t" if deployment.tls else "f"})
    for replica in deployment.replicas:
        ports = local_ports(replica.process.pid)
        mine = [role for role, _, port in rows if int(port) in ports]
        expect(f"roles of {replica.name}", set(mine), {replica.name.replace("-", "_")})
        most = int(replica.variables["KITH_POOL_SIZE"]) + 2
        expect(f"{replica.name} holds {len(mine)} connections of {most}", len(mine) <= most, True)
    expect("roles", {role for role, _, _ in rows}, {name.replace("-", "_") for name in SERVICES})
    say(f"{len(rows)} connections to the database, each process's of its own role{', all with TLS' * deployment.tls}")


# Control: fsync=off in the settings of database.py was a problem of the first that asked.
def doctor_finds_nothing(deployment):
    """In each pod, as `kubectl exec` asks it there; the processes hold their ports."""
    for replica in deployment.replicas:
        done = deployment.node.run(["kith", "doctor"], replica.workload, replica.variables)
        lines = done.stdout.splitlines()
        expect(f"kith doctor beside {replica.name} told: {done.stdout}", lines[-1].endswith("not checked"), True)
        # How many descriptors there are is this machine's matter, and no pod's.
        found = [line for line in lines if line.startswith(("problem", "warning")) and "descriptors" not in line]
        expect(f"what kith doctor finds beside {replica.name}", found, [])
    say("kith doctor finds no problem in any pod, and warns of nothing")


# Control: the log was not let be, and was found for each of them.
def nothing_is_written(deployment):
    """Their root file systems are read-only in a cluster. The log is a file only here."""
    for replica in deployment.replicas:
        written = written_files(replica.process.pid) - {str(replica.log)}
        expect(f"files that {replica.name} writes to", written, set())


def telemetry_goes_to_the_collector(deployment):
    """Where the ConfigMap says, which no manifest has. That it answers nothing must not keep a process from its end."""
    for replica in deployment.replicas:
        eventually(f"{replica.name} exports", partial(deployment.collector.knows, replica.process.pid))
    say("each exports traces and metrics to the collector that the ConfigMap names")


# Control: KITH_SHUTDOWN_DELAY=1ms in the overlay's settings.env.
def all_drain(deployment):
    """As a rollout ends them: they serve on for the delay, say that they are not ready, and end by themselves."""
    asked = {}
    for replica in deployment.replicas:
        asked[replica] = time.monotonic()
        replica.process.send_signal(signal.SIGTERM)
        eventually(f"{replica.name} says that it goes", replica.is_not_ready)
        expect(f"{replica.name} lives while it goes", replica.lives(), True)
        expect(f"{replica.name} takes connections while it goes", takes_connections(replica), True)
    longest = 0
    for replica, since in asked.items():
        grace = pod(replica.workload)["spec"]["terminationGracePeriodSeconds"]
        status = replica.process.wait(max(since + grace - time.monotonic(), 0))
        took = time.monotonic() - since
        delay = seconds(replica.variables["KITH_SHUTDOWN_DELAY"])
        expect(f"status of {replica.name}; its log: {replica.log.read_text()}", status, 0)
        expect(f"{replica.name} served on for {delay} s, and ended after {took:.1f} s", took >= delay, True)
        longest = max(longest, took)
    say(f"all ended by themselves, {longest:.1f} s after SIGTERM at most")


def walk(overlay, binaries, folder, stack):
    deployment = Deployment(overlay, binaries, folder, stack)
    deployment.start()
    services_wait(deployment)
    if deployment.tls:
        the_database_is_verified(deployment)
    the_migration_is_done(deployment)
    services_are_ready(deployment)
    metrics_are_there(deployment)
    the_tour_is_made(deployment)
    say(operators.first_operator_works(deployment))
    if deployment.tls:
        strangers_are_refused(deployment)
    each_has_its_own_role(deployment)
    nothing_is_written(deployment)
    doctor_finds_nothing(deployment)
    if deployment.tls:
        telemetry_goes_to_the_collector(deployment)
        say(restore.a_dump_is_restored(deployment))
    all_drain(deployment)


def main():
    # Whoever ends this ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("was asked to end"))
    binaries = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="kith-") as folder:
        folder = Path(folder)
        # Other users run what is in it.
        folder.chmod(0o755)
        binaries = copied(binaries, folder / "bin")
        for overlay in OVERLAYS:
            print(f"  --- {overlay}", flush=True)
            (folder / overlay).mkdir()
            with ExitStack() as stack:
                walk(overlay, binaries, folder / overlay, stack)


if __name__ == "__main__":
    main()
