"""A PostgreSQL of the test's own: the one that the overlay `local` has, or one outside of the cluster, with TLS."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from manifests import containers
from readme import README

# Who runs PostgreSQL where root may not: nobody.
NOBODY = 65534
OWNER = "kith_owner"
DATABASE = "kith"
PATIENCE = 60


def programs():
    """The folder of the newest PostgreSQL on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    return Path(shutil.which("postgres") or "there is no postgres here").parent


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Postgres:
    """A server that runs between `with` and its end."""

    def __init__(self, folder, superuser, initdb, settings, rules):
        self.folder, self.superuser = folder, superuser
        self.initdb, self.settings, self.rules = initdb, settings, rules
        self.port = free_port()
        self.bin = programs()
        folder.mkdir()
        # The socket lets everybody in whom the folder does.
        folder.chmod(0o700)

    @classmethod
    def of_the_overlay(cls, manifests, folder, password):
        """As the image makes it of the StatefulSet's variables and arguments."""
        (container,) = containers(manifests.get("StatefulSet", "kith-postgres"))
        told = {entry["name"]: entry["value"] for entry in container["env"]}
        rules = "host all all 127.0.0.1/32 scram-sha-256"
        server = cls(folder, told["POSTGRES_USER"], shlex.split(told["POSTGRES_INITDB_ARGS"]), container["args"], rules)
        server.first = f"ALTER ROLE {server.superuser} PASSWORD '{password}'; CREATE DATABASE {told['POSTGRES_DB']}"
        return server

    @classmethod
    def outside(cls, folder, certificate, password):
        """Takes TLS alone, and as many connections as the README asks for. The owner may create roles and is no superuser."""
        rules = "hostssl all all 127.0.0.1/32 scram-sha-256"
        files = {"server.crt": certificate["tls.crt"], "server.key": certificate["tls.key"]}
        (connections,) = re.findall(r"Set `max_connections = (\d+)`", README.read_text())
        settings = ["-c", "ssl=on", "-c", f"max_connections={connections}"]
        for name, setting in [("server.crt", "ssl_cert_file"), ("server.key", "ssl_key_file")]:
            settings += ["-c", f"{setting}={folder / name}"]
        server = cls(folder, "postgres", ["--encoding=UTF8", "--locale=C.UTF-8"], settings, rules)
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        server.first = (
            f"CREATE ROLE {OWNER} LOGIN CREATEROLE NOSUPERUSER PASSWORD '{password}'; "
            f"CREATE DATABASE {DATABASE} OWNER {OWNER}"
        )
        return server

    def __enter__(self):
        self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if self.user:
            for path in [self.folder, *self.folder.iterdir()]:
                os.chown(path, NOBODY, NOBODY)
        data = self.folder / "data"
        self.run("initdb", "-D", data, "-U", self.superuser, "--auth=trust", "--no-sync", *self.initdb)
        (data / "pg_hba.conf").write_text(f"local all all trust\n{self.rules}\n")
        self.log = open(self.folder / "log", "w")
        settings = ["-c", "listen_addresses=127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        self.server = subprocess.Popen(
            [self.bin / "postgres", "-D", data, *settings, *self.settings],
            cwd="/", stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, **self.user,
        )  # fmt: skip
        wait = ["-h", self.folder, "-p", str(self.port), "-t", str(PATIENCE)]
        while subprocess.run([self.bin / "pg_isready", "-q", *wait], cwd="/").returncode:
            assert self.server.poll() is None, f"PostgreSQL ended: {(self.folder / 'log').read_text()}"
        for statement in self.first.split("; "):
            self.query(statement, "postgres")
        return self

    def __exit__(self, *_):
        # Fast, which ends the connections that are left.
        self.server.send_signal(signal.SIGINT)
        self.server.wait(PATIENCE)
        self.log.close()

    def run(self, program, *arguments):
        subprocess.run([self.bin / program, *arguments], cwd="/", stdout=subprocess.DEVNULL, check=True, **self.user)

    def query(self, statement, database=DATABASE):
        """Rows of columns, as the superuser sees them."""
        login = ["-h", self.folder, "-p", str(self.port), "-U", self.superuser, "-d", database]
        asked = [self.bin / "psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", *login, "-c", statement]
        answer = subprocess.run(asked, cwd="/", stdout=subprocess.PIPE, text=True, check=True, **self.user).stdout
        return [tuple(line.split("\t")) for line in answer.splitlines()]
