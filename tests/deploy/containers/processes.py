"""Runs what compose.yaml describes: `python processes.py FOLDER_OF_THE_BINARIES`, as root, in namespaces of its own. See
run.py.

The containers of Kith, with their own roots, users and secrets, a PostgreSQL, and a Prometheus with the rules that are
shipped. Then every expression of the dashboard must give something, every rule must be evaluated, and no alert may fire but
the ones that are asked for.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks import Case
from checks.compose import SERVICES, services
from checks.dashboard import VARIABLES, asked, expressions
from checks.image import programs
from container import PROGRAMS, Container, mount
from files import PROMETHEUS, ROOT, Files
from programs import seconds
from prometheus import Prometheus

NOBODY = 65534
# Seconds; nothing waits for them to pass.
PATIENCE = 120
NETWORK = "127.0.1"
NAMES = [*SERVICES, "postgres", "prometheus", "migrate"]
HOSTS = {name: f"{NETWORK}.{number}" for number, name in enumerate(NAMES, start=1)}
# What gives nothing while all is well.
QUIET = {"Restarts", "Alerts"}
# promtool would have no gauge end so; this is how OpenTelemetry's name of it reads in Prometheus.
NAMED_BY_CONVENTION = "db_client_connection_count"


def say(what):
    print(f"  {what}", flush=True)


def expect(what, actual, wanted):
    assert actual == wanted, f"{what}: expected {wanted!r}, got {actual!r}"


def eventually(what, holds):
    """Waits until it holds."""
    give_up = time.monotonic() + PATIENCE
    while not (seen := holds()):
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.1)
    return seen


def loopback_is_up():
    """A new network has a loopback that is down."""
    with socket.socket() as any_socket:
        name = b"lo".ljust(16, b"\0")
        siocsifflags, iff_up = 0x8914, 1
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sh14x", name, iff_up))


class Postgres:
    """As the image makes it of its variables and its command, by the programs of this machine."""

    def __init__(self, described, secrets, folder):
        self.described, self.folder = described, folder
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
        told = described["environment"]
        folder.mkdir()
        shutil.copy(secrets / "owner_password", folder / "password")
        for path in [folder, folder / "password"]:
            shutil.chown(path, NOBODY, NOBODY)
        self.owner, self.database = told["POSTGRES_USER"], told["POSTGRES_DB"]
        arguments = told["POSTGRES_INITDB_ARGS"].split()
        self.run(
            "initdb",
            "-D",
            folder / "data",
            "-U",
            self.owner,
            "--pwfile",
            folder / "password",
            "--auth-local=trust",
            "--no-sync",
            *arguments,
        )
        # As the image does: whoever comes from outside of the container needs the password.
        (folder / "data" / "pg_hba.conf").write_text("local all all trust\nhost all all all scram-sha-256\n")

    def run(self, program, *arguments):
        subprocess.run(
            [self.bin / program, *arguments],
            cwd="/",
            stdout=subprocess.DEVNULL,
            check=True,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )

    def start(self):
        program, *arguments = self.described["command"]
        listen = [
            "-D",
            self.folder / "data",
            "-c",
            f"listen_addresses={HOSTS['postgres']}",
            "-k",
            self.folder,
        ]
        with open(self.folder / "log", "w") as log:
            self.process = subprocess.Popen(
                [self.bin / program, *arguments, *listen],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=NOBODY, group=NOBODY, extra_groups=[],
            )  # fmt: skip
        eventually("PostgreSQL is healthy", self.is_healthy)
        self.run("createdb", "-h", self.folder, "-U", self.owner, self.database)

    def is_healthy(self):
        kind, program, *arguments = self.described["healthcheck"]["test"]
        expect("kind of the health check", kind, "CMD")
        arguments = [word.replace("127.0.0.1", HOSTS["postgres"]) for word in arguments]
        return subprocess.run([self.bin / program, *arguments], cwd="/").returncode == 0


class Stage:
    """Everything that compose.yaml describes but Grafana."""

    def __init__(self, case, folder):
        self.case, self.described = case, services(case)
        self.secrets = folder / "deploy" / "secrets"
        self.secrets.parent.mkdir()
        script = shutil.copy(ROOT / "deploy" / "compose-secrets.sh", self.secrets.parent)
        subprocess.run([script], stdout=subprocess.DEVNULL, check=True)
        self.folder = folder
        programs_folder = folder / "bin"
        programs_folder.mkdir()
        for name in programs():
            shutil.copy(case.binaries / name, programs_folder / name)
        self.binaries = programs_folder
        self.postgres = Postgres(self.described["postgres"], self.secrets, folder / "postgres")
        kiths = [*SERVICES, "migrate"]
        self.containers = {name: self.container(name) for name in kiths}
        self.services = [self.containers[name] for name in SERVICES]
        replicas = {name: HOSTS[name] for name in SERVICES}
        listen = f"{HOSTS['prometheus']}:9090"
        self.prometheus = Prometheus(case.files.beneath(PROMETHEUS), folder / "prometheus", listen, replicas)

    def container(self, name):
        return Container(name, self.described[name], HOSTS[name], HOSTS, self.secrets, self.binaries, self.folder)

    def metrics(self, name):
        (job,) = [
            job
            for job in self.case.files.yaml(f"{PROMETHEUS}/prometheus.yaml")["scrape_configs"]
            if job["job_name"] == "kith"
        ]
        url = f"http://{HOSTS[name]}:{job['dns_sd_configs'][0]['port']}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.read().decode()


def containers_are_what_they_may_be(stage):
    for one in stage.services:
        status = one.status()
        user, group = one.described["user"].split(":")
        expect(f"user of {one.name}", (status["Uid"].split(), status["Gid"].split()), ([user] * 4, [group] * 4))
        for what in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]:
            expect(f"{what} of {one.name}", int(status[what], 16), 0)
        expect(f"no new privileges of {one.name}", status["NoNewPrivs"], "1")
        root = [line.split() for line in Path(f"/proc/{one.process.pid}/mountinfo").read_text().splitlines()]
        (options,) = [fields[5] for fields in root if fields[4] == "/"]
        expect(f"the root of {one.name} is read-only", options.split(",")[0], "ro")
    say("each service runs as nobody who may do anything, on a root that it cannot write to, without a home")


def services_wait_for_the_migration(stage):
    for one in stage.services:
        one.start()
    for one in stage.services:
        eventually(f"{one.name} answers", lambda one=one: alive(one))
        expect(f"health of {one.name} without roles and tables", one.is_healthy(), False)
    status, said = stage.containers["migrate"].run()
    expect(f"status of the migration, which said {said}", status, 0)
    for one in stage.services:
        eventually(f"{one.name} is healthy; its log: {one.log.read_text()[-2000:]}", one.is_healthy)
    status, said = stage.containers["migrate"].run()
    expect(f"a second migration, which said {said}", (status, "no migration was pending" in said), (0, True))
    say("services are not healthy before the migration, and are after it; it may run again")


def alive(one):
    assert one.process.poll() is None, f"{one.name} ended: {one.log.read_text()}"
    try:
        with urllib.request.urlopen(f"http://{one.address}:9090/livez", timeout=PATIENCE) as answer:
            return answer.status == 200
    except OSError:
        return False


def some_people_use_it(stage):
    """`kith seed`, which believes that these services are those of a `kith up`, and a caller who sends rubbish."""
    data = stage.folder / "data"
    data.mkdir()
    shutil.copy(stage.secrets / "signing_key", data / "signing-key.pem")
    (data / "signing-key.pem").chmod(0o600)
    facts = {name: f"http://{HOSTS[name]}:{50051 + number}" for number, name in enumerate(SERVICES)}
    facts |= {"pid": 1, "token-issuer": "kith", "token-audience": "kith"}
    (data / "kith.run").write_text("".join(f"{name} {value}\n" for name, value in facts.items()))
    with held(data):
        done = subprocess.run(
            [stage.binaries / "kith", "seed", "--data-directory", data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    expect(f"status of kith seed, which said {done.stdout}", done.returncode, 0)
    # A message of gRPC: not compressed, 3 bytes long; a field of wire type 7, which there is not.
    rubbish = stage.folder / "rubbish"
    rubbish.write_bytes(b"\0\0\0\0\x03\x0f\x0f\x0f")
    url = f"http://{HOSTS['identity']}:50051/kith.identity.v1.IdentityService/Register"
    told = ["--silent", "--show-error", "--http2-prior-knowledge", "--data-binary", f"@{rubbish}", "--dump-header", "-"]
    said = subprocess.run(
        ["curl", *told, "-H", "content-type: application/grpc", "-H", "te: trailers", url],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    expect(f"a message that cannot be decoded is INTERNAL: {said}", "grpc-status: 13" in said, True)
    say("kith seed made a small network, and somebody sent what is no message")


class held:
    """Holds the lock on a data directory that a `kith up` holds."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.descriptor = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_):
        os.close(self.descriptor)


def the_doctor_finds_nothing(stage):
    """In each container, as `docker compose exec` would ask it. (Control: a PostgreSQL with fsync off, which it names.)"""
    for one in stage.services:
        asked_in = one.popen([f"{PROGRAMS}/kith", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = asked_in.communicate(timeout=PATIENCE)
        expect(f"what kith doctor says in {one.name}: {said}", asked_in.returncode, 0)
    say("kith doctor finds nothing wrong in any of them")


def prometheus_finds_all_replicas(stage):
    stage.prometheus.start()
    wanted = {(name, "kith", f"{HOSTS[name]}:9090") for name in SERVICES}

    def found():
        up = stage.prometheus.value("up == 1")
        return wanted == {(labels["service"], labels["job"], labels["instance"]) for labels, _ in up}

    eventually("Prometheus reaches each service", found)
    builds = {labels["service"] for labels, _ in stage.prometheus.value("kith_build_info")}
    expect("builds, under the label that the service gives itself", builds, set(SERVICES))
    say("Prometheus reaches each service, under its name")


def the_dashboard_shows_everything(stage):
    # What a rate is made of must have been scraped before and after.
    VARIABLES["$__rate_interval"] = "1m"
    asked_for = [(title, asked(expression)) for title, expression in expressions(stage.case)]
    empty = {}

    def everything():
        empty.clear()
        empty.update({title: expression for title, expression in asked_for if not numbers(stage, expression)})
        return set(empty) == QUIET

    try:
        eventually("everything is shown", everything)
    except AssertionError:
        raise AssertionError(
            f"these panels show nothing: { {name: empty[name] for name in empty.keys() - QUIET} }"
        ) from None
    say(f"each of {len(asked_for)} expressions of the dashboard gives something, but {' and '.join(sorted(QUIET))}")


def numbers(stage, expression):
    """What is a number of what it gives."""
    return [value for _, value in stage.prometheus.value(expression) if value == value]


def no_alert_fires(stage):
    for what in ['grpc_server_handled_total{grpc_code="Internal"}', "kith_undecodable_messages_total"]:
        expression = f"sum by (grpc_method) ({what}) > 0"
        eventually(f"{expression} for the rubbish", lambda expression=expression: stage.prometheus.value(expression))
    rules = evaluated_from_now_on(stage)
    # Some depend on how busy this machine is. What fires at once is about defects, keys and restarts; and a message that
    # cannot be decoded is no defect. (Control: KithDefect that does not take it off.)
    at_once = [(alert.name, alert.service) for alert in stage.prometheus.alerts("firing") if alert.patience == 0]
    expect("alerts that fire", at_once, [])
    say(f"{len(rules)} rules were evaluated, and no defect is seen")


def evaluated_from_now_on(stage):
    """The rules, each of them evaluated after this moment."""
    now = datetime.now(UTC)

    def all_evaluated():
        rules = stage.prometheus.rules()
        broken = [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] == "err"]
        expect("rules that cannot be evaluated", broken, [])
        # Digits below microseconds are more than Python reads.
        times = [datetime.fromisoformat(re.sub(r"\.\d+", "", rule["lastEvaluation"])) for rule in rules]
        return rules if rules and min(times) > now + timedelta(seconds=1) else None

    return eventually("every rule is evaluated", all_evaluated)


def one_that_is_gone_is_noticed(stage):
    posts, about_it = stage.containers["posts"], {"KithServiceDown", "KithReplicaDown"}

    def seen():
        alerts = stage.prometheus.alerts("pending", "firing")
        return {alert.name for alert in alerts if alert.service == "posts"} & about_it

    eventually("posts is there", lambda: not seen())
    posts.process.kill()
    posts.process.wait()
    eventually("its alerts are pending", lambda: seen() == about_it)
    posts.start()
    eventually("posts is healthy again", posts.is_healthy)
    eventually("its alerts are over", lambda: not seen())
    (restarts,) = [expression for title, expression in expressions(stage.case) if title == "Restarts"]
    eventually("the dashboard shows its restart", lambda: stage.prometheus.value(asked(restarts)))
    say("a service that is killed is noticed, and its restart is shown")


def metrics_are_named_as_they_should_be(stage):
    for name in SERVICES:
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=stage.metrics(name),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        told = [line for line in done.stdout.splitlines() if not line.startswith(f"{NAMED_BY_CONVENTION} ")]
        expect(f"what promtool says of the metrics of {name}", told, [])
    say("promtool has nothing to say of the metrics' names")


def all_end_in_time(stage):
    began = time.monotonic()
    for one in stage.services:
        one.process.send_signal(signal.SIGTERM)
    for one in stage.services:
        grace = seconds(one.described["stop_grace_period"])
        status = one.process.wait(max(began + grace - time.monotonic(), 0))
        expect(f"status of {one.name}; its log: {one.log.read_text()[-2000:]}", status, 0)
    delay = seconds(stage.services[0].environment()["KITH_SHUTDOWN_DELAY"])
    expect("they served on while it was told", time.monotonic() - began >= delay, True)
    say(f"all ended by themselves, {time.monotonic() - began:.1f} s after SIGTERM")


@contextmanager
def scratch():
    """A folder in memory. Nothing is removed by name, since mounts are beneath it: all of it goes with the last of them."""
    folder = Path(tempfile.mkdtemp(prefix="kith-"))
    mount("-t", "tmpfs", "tmpfs", folder)
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", folder], check=True)
        folder.rmdir()


def main():
    loopback_is_up()
    case = Case(Files.read(), Path(sys.argv[1]).resolve())
    with scratch() as folder:
        stage = Stage(case, folder)
        stage.postgres.start()
        services_wait_for_the_migration(stage)
        containers_are_what_they_may_be(stage)
        the_doctor_finds_nothing(stage)
        prometheus_finds_all_replicas(stage)
        some_people_use_it(stage)
        the_dashboard_shows_everything(stage)
        no_alert_fires(stage)
        one_that_is_gone_is_noticed(stage)
        metrics_are_named_as_they_should_be(stage)
        all_end_in_time(stage)
        for process in [stage.prometheus.process, stage.postgres.process]:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


if __name__ == "__main__":
    main()
