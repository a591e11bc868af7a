"""The first operator of a new Kith, and what it does to the keys that sign, as deploy/README.md has it done."""

import subprocess
from pathlib import Path

from deployment import python_of_the_client
from readme import block
from waiting import eventually, expect

HERE = Path(__file__).resolve().parent
NAME = "operator"
STATES = ["active", "published", "retired", "removed"]


def first_operator_works(deployment):
    """Makes its account by the README's commands and statement, fetches a token, and lists the keys with it."""
    secret, digest = a_secret_and_its_hash()
    statement = block("sql", "INSERT INTO identity.service_accounts")
    assert r"\x..." in statement, statement
    deployment.database.query(statement.replace(r"\x...", rf"\x{digest}"))
    told = variables(deployment, secret)
    expect("states of the signing keys", states_of_keys(deployment, told), ["active"])
    a_key_is_added(deployment)
    eventually("a key is published", lambda: states_of_keys(deployment, told) == ["active", "published"])
    return "the first operator has its account, and sees the signing key, and another that is added"


def a_secret_and_its_hash():
    """By the README's commands, the last of which prints the hash.

    Control, by hand: with the hash of `echo "$secret"`, which has the newline in it, the token was refused.
    """
    commands = block("sh", "sha256sum") + 'printf %s "$secret" >&2'
    made = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True, check=True)
    digest, _ = made.stdout.split()
    return made.stderr, digest


def a_key_is_added(deployment):
    """To the Secret, by the README's command, and from there to the pods, as the kubelet does."""
    (command,) = [line for line in block("sh", "kith-signing-keys").splitlines() if "openssl genpkey" in line]
    source = deployment.node.sources[("Secret", "kith-signing-keys")]
    (deployment.folder / "keys.pem").write_text(source["keys.pem"])
    subprocess.run(["bash", "-euc", command], cwd=deployment.folder, stderr=subprocess.DEVNULL, check=True)
    source["keys.pem"] = (deployment.folder / "keys.pem").read_text()
    for replica in deployment.replicas:
        deployment.node.mount(replica.workload, replica.container, replica.folder)


def states_of_keys(deployment, told):
    """As `kith admin signing-keys list` shows them."""
    done = subprocess.run(
        [deployment.node.binaries / "kith", "admin", "signing-keys", "list"],
        env=told,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    expect(f"status of kith admin, which said {done.stdout}", done.returncode, 0)
    return [word for line in done.stdout.splitlines() for word in line.split() if word in STATES]


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
