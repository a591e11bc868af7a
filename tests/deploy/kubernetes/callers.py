"""Who calls a service without being one of its clients."""

import socket
import ssl

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
