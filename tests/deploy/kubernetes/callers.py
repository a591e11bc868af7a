"""Who calls a service without being one of its clients: what gets an answer, and what holds a connection."""

import os
import socket
import ssl
from pathlib import Path

from waiting import PATIENCE

# What a client of HTTP/2 says first, with empty settings.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


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
        raw = socket.create_connection((replica.address, replica.port("grpc")), timeout=PATIENCE)
        with raw, tls.wrap_socket(raw) if tls else raw as connection:
            connection.sendall(PREFACE)
            head = connection.recv(9)
            return len(head) == 9 and head[3] == 4
    except (ssl.SSLError, ConnectionError):
        return False


def takes_connections(replica):
    """Whether somebody listens on the port for calls."""
    try:
        socket.create_connection((replica.address, replica.port("grpc")), timeout=PATIENCE).close()
    except ConnectionError:
        return False
    return True


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
