"""Prints a token of a service account, whose name and secret are two lines on standard input; takes client.py's flags."""

import sys
import tempfile
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
import client


def main():
    arguments = client.parse()
    name, secret = sys.stdin.read().split()
    with tempfile.TemporaryDirectory() as folder:
        client.make_stubs(folder)
        contract = import_module("kith.identity.v1.identity_service_pb2")
        stub = import_module("kith.identity.v1.identity_service_pb2_grpc").IdentityServiceStub
        with client.open_channel(arguments.identity, "identity", arguments) as channel:
            request = contract.IssueServiceTokenRequest(name=name, secret=secret)
            print(stub(channel).IssueServiceToken(request, timeout=client.TIMEOUT).access_token)


if __name__ == "__main__":
    main()
