"""Who may talk to whom, worked out from all policies together, as a network plugin does."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from checks import check
from manifests import SERVICES, containers, pod_labels, ports, selects

NAMESPACE = "kith"


@dataclass(frozen=True)
class Peer:
    """A pod or, without a namespace, an address outside of the cluster."""

    name: str
    namespace: str = None
    labels: dict = field(default_factory=dict, hash=False)
    # Ports by their names; those that are tried.
    ports: dict = field(default_factory=dict, hash=False)
    protocols: tuple = ("TCP",)
    address: str = None


OUTSIDE = [
    Peer("client", "product", {"kith-client": "true"}, {"http": 8080}),
    Peer("stranger", "product", {"app.kubernetes.io/name": "kith-identity"}, {"http": 8080}),
    Peer("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}, {"http": 9090}),
    Peer(
        "collector",
        "monitoring",
        {"app.kubernetes.io/name": "opentelemetry-collector"},
        {"grpc": 4317, "http": 4318, "metrics": 8888},
    ),
    Peer("dns", "kube-system", {"k8s-app": "kube-dns"}, {"dns": 53, "metrics": 9153}, ("TCP", "UDP")),
    Peer("database", ports={"postgres": 5432, "ssh": 22}, address="10.1.2.3"),
    Peer("internet", ports={"https": 443, "postgres": 5432}, address="192.0.2.1"),
]


def peers(case):
    inside = [
        Peer(
            "kith-migrate" if one["kind"] == "Job" else one["metadata"]["name"],
            NAMESPACE,
            pod_labels(one),
            {name: number for container in containers(one) for name, number in ports(container).items()} | {"other": 1},
        )
        for one in case.manifests.workloads()
    ]
    return inside, [*inside, *OUTSIDE]


def edges(case):
    """Every (from, to, port, protocol) that is let through."""
    policies = case.manifests.all("NetworkPolicy")
    inside, everybody = peers(case)
    return {
        (source.name, target.name, name, protocol)
        for source in everybody
        for target in everybody
        for name, number in target.ports.items()
        for protocol in target.protocols
        if source != target
        and (source in inside or target in inside)
        and (source not in inside or allowed(policies, "Egress", source, target, (name, number, protocol), target))
        and (target not in inside or allowed(policies, "Ingress", target, source, (name, number, protocol), target))
    }


def allowed(policies, direction, subject, other, port, target):
    """Whether the policies of `subject` let `other` through in that direction; a pod without any policy has no bounds."""
    mine = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], subject.labels)
    ]
    side, ends = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[direction]
    return not mine or any(
        is_peer(rule.get(ends), other) and is_port(rule.get("ports"), port, target)
        for spec in mine
        for rule in spec.get(side) or []
    )


def is_peer(ends, other):
    """Whether one of the ends of a rule is that peer; a rule without ends is for everybody."""
    return not ends or any(is_end(end, other) for end in ends)


def is_end(end, other):
    if "ipBlock" in end:
        block = end["ipBlock"]
        assert set(block) == {"cidr"}, f"{block} is not known here"
        return other.address is not None and ip_address(other.address) in ip_network(block["cidr"])
    if other.namespace is None:
        return False
    if "namespaceSelector" in end:
        in_namespace = selects(end["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        in_namespace = other.namespace == NAMESPACE
    return in_namespace and ("podSelector" not in end or selects(end["podSelector"], other.labels))


def is_port(rules, port, target):
    """Whether a rule is for that port; a rule without ports is for all. A name is that of a port of the target."""
    name, number, protocol = port
    return not rules or any(
        rule.get("protocol", "TCP") == protocol and rule["port"] in (number, name if target.namespace else None)
        for rule in rules
    )


def wanted(overlay):
    """The edges that there should be."""
    identity, *others = SERVICES
    database = {"local": "kith-postgres", "production": "database"}[overlay]
    inside = [*SERVICES, "kith-migrate", *(["kith-postgres"] if overlay == "local" else [])]
    return {
        *(("client", service, "grpc", "TCP") for service in SERVICES),
        *((service, identity, "grpc", "TCP") for service in others),
        *(("prometheus", service, "admin", "TCP") for service in SERVICES),
        # The collector's namespace is the one of Prometheus, and it may scrape as well.
        *(("collector", service, "admin", "TCP") for service in SERVICES),
        *((service, "collector", "grpc", "TCP") for service in SERVICES),
        *((one, database, "postgres", "TCP") for one in [*SERVICES, "kith-migrate"]),
        *((one, "dns", "dns", protocol) for one in inside for protocol in ["TCP", "UDP"]),
    }


@check
def nobody_talks_but_over_the_edges_that_exist(case):
    there, should = edges(case), wanted(case.manifests.overlay)
    for source, target, port, protocol in sorted(there - should):
        yield f"{source} may reach {port} of {target} by {protocol}"
    for source, target, port, protocol in sorted(should - there):
        yield f"{source} may not reach {port} of {target} by {protocol}"


@check
def whatever_comes_to_the_namespace_is_denied(case):
    """Pods that no other policy knows."""
    denied = {
        direction
        for policy in case.manifests.all("NetworkPolicy")
        if policy["spec"]["podSelector"] == {} and not any(policy["spec"].get(side) for side in ["ingress", "egress"])
        for direction in policy["spec"]["policyTypes"]
    }
    for direction in {"Ingress", "Egress"} - denied:
        yield f"{direction} is open"
