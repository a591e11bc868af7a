"""The first operator of a new Kith, as deploy/README.md has it made."""

import secrets
import subprocess
from pathlib import Path

from deployment import expect, python_of_the_client
from readme import block

HERE = Path(__file__).resolve().parent
NAME = "operator"


def first_operator_works(deployment):
    """Makes its account by the README's statement, fetches a token, and has `kith admin` do something with it."""
    secret = f"kiths_{secrets.token_urlsafe(32)}"
    statement = block("sql", "INSERT INTO identity.service_accounts")
    assert "kiths_..." in statement, statement
    deployment.database.query(statement.replace("kiths_...", secret))
    done = subprocess.run(
        [deployment.node.binaries / "kith", "admin", "signing-keys", "list"],
        env=variables(deployment, secret),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    expect(f"status of kith admin, which said {done.stdout}", done.returncode, 0)
    expect(f"keys that are active: {done.stdout}", done.stdout.count("active"), 1)
    deployment.operators_secret = secret
    return "the first operator has its account and lists the signing keys"


def token(deployment, secret, target):
    """A token of the operator, by IssueServiceToken."""
    script = [python_of_the_client(), HERE / "service_token.py", "--identity", target, *deployment.client_arguments()]
    issued = subprocess.run(script, input=f"{NAME}\n{secret}\n", stdout=subprocess.PIPE, text=True, check=True)
    return issued.stdout.strip()


def variables(deployment, secret):
    """What `kith admin` is told, by the names that the README lists."""
    scheme = "https" if deployment.tls else "http"
    url = {service: f"{scheme}://{deployment.addresses[service][0]}" for service in deployment.addresses}
    told = {
        "KITH_OPERATOR_TOKEN": token(deployment, secret, deployment.target("kith-identity")),
        "KITH_IDENTITY_URL": f"{url['kith-identity']}:50051",
        "KITH_SOCIAL_GRAPH_URL": f"{url['kith-social-graph']}:50052",
    }
    if deployment.tls:
        files = deployment.client_files
        told |= {
            "KITH_SERVER_CA_FILE": str(files["ca.crt"]),
            "KITH_CLIENT_CERTIFICATE_FILE": str(files["tls.crt"]),
            "KITH_CLIENT_KEY_FILE": str(files["tls.key"]),
        }
    return told
