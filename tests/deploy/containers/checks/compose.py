"""deploy/compose.yaml: what its containers may do, what they are told, and that they find each other."""

import re
import subprocess
import sys
from functools import cache

from checks import check
from files import COMPOSE, PROMETHEUS, ROOT, complaints, tool, tracked, written

sys.path.append(str(ROOT / "tests" / "deploy" / "kubernetes"))
from programs import seconds, settings_of, variables  # noqa: E402

SERVICES = ["identity", "social-graph", "posts", "messaging"]
SECRETS = "/run/secrets/"
MAKE_SECRETS = "deploy/compose-secrets.sh"
# Whom images run as that are not Kith's, as they say themselves.
USERS = {"postgres": "999:999", "prometheus": "65534:65534", "grafana": "472:0"}
KITHS = "65532:65532"
# What a process needs to end once its drain has.
MARGIN = 5


def services(case):
    return case.files.yaml(COMPOSE)["services"]


def kiths(case):
    """The containers that run a program of Kith."""
    return {name: one for name, one in services(case).items() if name in [*SERVICES, "migrate"]}


def told(one):
    """The variables of a container; as Compose has them, numbers and truths are texts."""
    return {name: str(value) for name, value in one.get("environment", {}).items()}


@check
def the_file_is_what_the_specification_of_compose_has(case):
    texts = (("compose.yaml", case.files[COMPOSE]),)
    yield from complaints(
        texts, tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "compose.yaml"
    ).splitlines()


@check
def every_image_has_a_version(case):
    for name, one in services(case).items():
        image = "${KITH_IMAGE:-kith:dev}" if name in kiths(case) else r"[a-z./]+:v?\d[\w.-]*"
        if one["image"] != image and not re.fullmatch(image, one["image"]):
            yield f"{name} runs {one['image']}"


@check
def one_container_builds_the_image_before_the_others_run_it(case):
    """Builds of one tag at the same moment fail, and what is built here is pulled from nowhere."""
    for name, one in kiths(case).items():
        builds = name == "migrate"
        if ("build" in one) != builds:
            yield f"{name} {'does not build' if builds else 'builds, too'}"
        if not builds and one.get("pull_policy") != "never":
            yield f"{name} looks for its image in a registry"
        if not builds and "migrate" not in one.get("depends_on", {}):
            yield f"{name} does not wait for its image"


@check
def containers_may_do_nothing_but_their_work(case):
    for name, one in services(case).items():
        if one.get("user") != USERS.get(name, KITHS):
            yield f"{name} runs as {one.get('user')}"
        wanted = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
        for key, value in wanted.items():
            if one.get(key) != value:
                yield f"{name} has {key} {one.get(key)}"
        for key in ["privileged", "cap_add", "network_mode", "pid", "devices"]:
            if key in one:
                yield f"{name} has {key}"


@check
def every_variable_is_known_and_every_required_one_there(case):
    for name, one in kiths(case).items():
        settings = settings_of(one, case.binaries)
        given = {variable for variable, value in told(one).items() if value}
        # One environment does for all: what one of the four knows is no typing error.
        known = set().union(*(variables(settings_of(other, case.binaries)) for other in kiths(case).values()))
        for variable in sorted(given - known):
            yield f"{name}: no program knows {variable}"
        own = {variable for variable in given if re.search("_LISTEN_ADDRESS$|_FILE$", variable)}
        for variable in sorted(own - variables(settings)):
            yield f"{name} does not know {variable}"
        for setting in settings:
            if setting.required and not given & set(setting.variables):
                yield f"{name} lacks {' or '.join(setting.variables)}"


@check
def no_secret_is_in_the_file(case):
    for name, one in services(case).items():
        for variable, value in told(one).items():
            names_a_file = variable.endswith("_FILE") or variable.endswith("__FILE")
            if re.search("PASSWORD|DATABASE_URL|SIGNING_KEY$|SECRET", variable) and not names_a_file:
                yield f"{name}: {variable} is in the file"
            if "postgres://" in value:
                yield f"{name}: {variable} is a URL with a password"


@check
def each_container_has_the_secrets_that_it_reads_and_no_other(case):
    declared = case.files.yaml(COMPOSE)["secrets"]
    for name, one in services(case).items():
        read = {value.removeprefix(SECRETS) for value in told(one).values() if value.startswith(SECRETS)}
        mounted = set(one.get("secrets", []))
        if read != mounted:
            yield f"{name} reads {sorted(read)}, and has {sorted(mounted)}"
        if mounted - declared.keys():
            yield f"{name} has secrets that are nowhere: {sorted(mounted - declared.keys())}"


@check
def the_secrets_are_those_that_are_made(case):
    made = secrets_of(case.files[MAKE_SECRETS])
    declared = {name: f"./secrets/{name}" for name in made}
    found = {name: secret["file"] for name, secret in case.files.yaml(COMPOSE)["secrets"].items()}
    if found != declared:
        yield f"{MAKE_SECRETS} makes {sorted(made)}, and mounted are {sorted(found.items())}"


@cache
def secrets_of(script):
    """The files that the script makes, and makes only once."""
    with written({"make.sh": script}) as folder:
        runs = []
        for _ in range(2):
            subprocess.run(["bash", folder / "make.sh"], stdout=subprocess.DEVNULL, check=True)
            runs.append({path.name: path.read_text() for path in (folder / "secrets").iterdir()})
        assert runs[0] == runs[1], "a second run makes other secrets"
        assert (folder / "secrets").stat().st_mode & 0o777 == 0o700, "others get into the folder"
        assert all(path.stat().st_mode & 0o777 == 0o644 for path in (folder / "secrets").iterdir()), (
            "containers cannot read them"
        )
    return frozenset(runs[0])


@check
def ports_are_open_on_loopback_alone(case):
    for name, one in services(case).items():
        for port in one.get("ports", []):
            if not re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port):
                yield f"{name} opens {port}"


@check
def services_listen_where_others_look_for_them(case):
    (job,) = [
        job for job in case.files.yaml(f"{PROMETHEUS}/prometheus.yaml")["scrape_configs"] if job["job_name"] == "kith"
    ]
    (looked_up,) = job["dns_sd_configs"]
    if looked_up["names"] != SERVICES:
        yield f"Prometheus looks for {looked_up['names']}"
    for number, name in enumerate(SERVICES):
        one, variable = services(case)[name], name.upper().replace("-", "_")
        port = 50051 + number
        if told(one).get(f"KITH_{variable}_LISTEN_ADDRESS") != f"0.0.0.0:{port}" or one["ports"] != [
            f"127.0.0.1:{port}:{port}"
        ]:
            yield f"{name} listens elsewhere than at {port}"
        if told(one).get(f"KITH_{variable}_ADMIN_LISTEN_ADDRESS") != f"0.0.0.0:{looked_up['port']}":
            yield f"{name} has its admin port elsewhere than where Prometheus looks"
        if one["healthcheck"]["test"][-1] != f"http://127.0.0.1:{looked_up['port']}":
            yield f"{name} is not asked at its admin port"
        if told(one).get("KITH_IDENTITY_URL") != "http://identity:50051":
            yield f"{name} looks for identity elsewhere"


@check
def what_needs_another_waits_for_it(case):
    wanted = {"migrate": {"postgres": "service_healthy"}, "grafana": {"prometheus": "service_healthy"}}
    wanted |= {name: {"migrate": "service_completed_successfully"} for name in SERVICES}
    for name, one in services(case).items():
        waits = {other: how["condition"] for other, how in one.get("depends_on", {}).items()}
        if waits != wanted.get(name, {}):
            yield f"{name} waits for {waits}"
        restarts = "on-failure" if name == "migrate" else "unless-stopped"
        if one.get("restart") != restarts:
            yield f"{name} is restarted {one.get('restart')}"


@check
def whoever_stays_is_asked_whether_it_is_well(case):
    """By a program, and not by a shell, which the image of Kith does not have."""
    for name, one in services(case).items():
        if name == "migrate":
            continue
        test = one.get("healthcheck", {}).get("test", [""])
        if test[0] != "CMD":
            yield f"{name} is asked by {test}"
        elif name in SERVICES and test[1:3] != ["/usr/local/bin/kith", "health"]:
            yield f"{name} is asked by {test[1:]}"


@check
def services_have_time_to_end(case):
    for name in SERVICES:
        one = services(case)[name]
        needs = seconds(told(one)["KITH_SHUTDOWN_DELAY"]) + seconds(told(one)["KITH_DRAIN_TIMEOUT"]) + MARGIN
        if seconds(one["stop_grace_period"]) < needs:
            yield f"{name} needs {needs} s and gets {one['stop_grace_period']}"


@check
def the_limit_of_memory_is_the_same_everywhere(case):
    """In Compose, in Kubernetes, and in the alert that is about it."""
    deployment = case.files.yaml("deploy/kustomize/base/service/deployment.yaml")
    limit = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    mebibytes = re.fullmatch(r"(\d+)Mi", limit)[1]
    for name in SERVICES:
        if services(case)[name].get("mem_limit") != f"{mebibytes}m":
            yield f"{name} has {services(case)[name].get('mem_limit')}, and in Kubernetes {limit}"
    if f"> 0.9 * {mebibytes} * 1024 * 1024" not in case.files[f"{PROMETHEUS}/alerts.yaml"]:
        yield f"KithMemory is about another limit than {limit}"


@check
def what_is_mounted_is_there(case):
    volumes = case.files.yaml(COMPOSE)["volumes"].keys()
    for name, one in services(case).items():
        for volume in one.get("volumes", []):
            source, _, rest = volume.partition(":")
            if not source.startswith("."):
                if source not in volumes:
                    yield f"{name} mounts {source}"
                continue
            folder = f"deploy/{source.removeprefix('./')}"
            if not any(path.startswith(f"{folder}/") for path in tracked()):
                yield f"{name} mounts {folder}, which is not there"
            if not rest.endswith(":ro"):
                yield f"{name} may write to {folder}"


@check
def who_talks_to_each_other_shares_a_network(case):
    pairs = [("migrate", "postgres"), ("prometheus", "grafana")]
    pairs += [(name, other) for name in SERVICES for other in ["postgres", "identity", "prometheus"]]
    networks = {name: set(one["networks"]) for name, one in services(case).items()}
    for one, other in pairs:
        if not networks[one] & networks[other]:
            yield f"{one} does not reach {other}"
    if networks["grafana"] & networks["postgres"]:
        yield "grafana reaches the database"
