"""What an operator makes for a cluster, made for a test: secrets, an authority, certificates."""

import os
import subprocess
from pathlib import Path

import yaml

from manifests import KUSTOMIZE, SERVICES

NAMESPACE = "kith"
# How long certificates are good: less than a month, and `kith doctor` warns.
DAYS = 90


def secrets(owners_url=None):
    """What make-secrets prints, as sources of volumes: for the owner's URL, or for the PostgreSQL of the overlay `local`."""
    environment = os.environ | ({"KITH_DATABASE_URL": owners_url} if owners_url else {})
    arguments = [] if owners_url else ["--local"]
    made = subprocess.run(
        [KUSTOMIZE / "make-secrets", *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return objects_to_sources(yaml.safe_load_all(made.stdout))


def objects_to_sources(objects):
    return {(one["kind"], one["metadata"]["name"]): one["stringData"] for one in objects}


def openssl(*arguments, text=None):
    subprocess.run(["openssl", *map(str, arguments)], input=text, stderr=subprocess.PIPE, text=True, check=True)


class Authority:
    """A certificate authority, in a folder of its own."""

    def __init__(self, folder, name):
        self.folder = folder
        folder.mkdir(parents=True)
        self.key, self.certificate = folder / "ca.key", folder / "ca.crt"
        made = ["-keyout", self.key, "-out", self.certificate, "-days", DAYS, "-subj", f"/CN={name}"]
        openssl("req", "-x509", *NEW_KEY, *made)

    def issue(self, name, hosts=()):
        """A key and a certificate for servers and clients: the data of a Secret of type kubernetes.io/tls with ca.crt."""
        key, request, certificate = [self.folder / f"{name}.{ending}" for ending in ["key", "csr", "crt"]]
        openssl("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        alternatives = ",".join(hosts) or f"DNS:{name}"
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n")
        signed_by = ["-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial"]
        openssl("x509", "-req", "-in", request, *signed_by, "-out", certificate, "-days", DAYS, "-extfile", extensions)
        return {
            "tls.crt": certificate.read_text(),
            "tls.key": key.read_text(),
            "ca.crt": self.certificate.read_text(),
        }


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def names_of(service):
    """The names by which clients reach a service."""
    return [f"DNS:{name}.{NAMESPACE}.svc" for name in [service, f"{service}-headless"]]


def certificates(authority, addresses=None):
    """A Secret with a certificate for each service, for its names and, if given, for the addresses that stand for them."""
    addresses = addresses or {}
    return {
        ("Secret", f"{service}-tls"): authority.issue(
            service, names_of(service) + [f"IP:{address}" for address in addresses.get(service, [])]
        )
        for service in SERVICES
    }


def database_ca(certificate):
    """The ConfigMap with the authority of the database's certificate."""
    return {("ConfigMap", "kith-database-ca"): {"ca.crt": Path(certificate).read_text()}}
