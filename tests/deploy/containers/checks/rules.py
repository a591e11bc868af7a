"""deploy/prometheus: rules that Prometheus takes, over metrics that there are, each of which somebody can act on."""

import re

import yaml

from checks import check
from files import PROMETHEUS, README, complaints
from promql import strangers

ALERTS = f"{PROMETHEUS}/alerts.yaml"
SEVERITIES = {"critical", "warning", "info"}
RULES = ["recording.yaml", "alerts.yaml"]


def texts(case, *names):
    """The files of Prometheus, or those of these names, for promtool."""
    mine = case.files.beneath(PROMETHEUS)
    return tuple(
        (path.rpartition("/")[2], text) for path, text in mine.items() if not names or path.rpartition("/")[2] in names
    )


def rules(case):
    return [
        rule for name in RULES for group in case.files.yaml(f"{PROMETHEUS}/{name}")["groups"] for rule in group["rules"]
    ]


def alerts(case):
    return [rule for rule in rules(case) if "alert" in rule]


def recorded(case):
    return [rule["record"] for rule in rules(case) if "record" in rule]


@check
def promtool_takes_the_rules(case):
    yield from complaints(texts(case, *RULES), "promtool", "check", "rules", *RULES).splitlines()


@check
def promtool_takes_the_configuration(case):
    wanted = texts(case, "prometheus.yaml", *RULES)
    yield from complaints(wanted, "promtool", "check", "config", "prometheus.yaml").splitlines()


@check
def promtool_takes_the_configuration_for_kubernetes(case):
    """But for what finds the pods, which Debian's promtool was built without."""
    path = f"{PROMETHEUS}/kubernetes.yaml"
    (job,) = case.files.yaml(path)["scrape_configs"]
    found = job.pop("kubernetes_sd_configs") if "kubernetes_sd_configs" in job else None
    text = yaml.safe_dump({"scrape_configs": [job | {"static_configs": [{"targets": ["pod:9090"]}]}]})
    yield from complaints((("config.yaml", text),), "promtool", "check", "config", "config.yaml").splitlines()
    job["kubernetes_sd_configs"] = found
    if [sorted(one) for one in found] != [["namespaces", "role"]] or found[0]["role"] != "pod":
        yield f"pods are found by {found}"


@check
def each_alert_does_as_its_tests_say(case):
    yield from complaints(texts(case), "promtool", "test", "rules", "alerts_test.yaml").splitlines()


@check
def each_alert_is_seen_to_fire_and_not_to(case):
    seen = {}
    for test in case.files.yaml(f"{PROMETHEUS}/alerts_test.yaml")["tests"]:
        for one in test["alert_rule_test"]:
            seen.setdefault(one["alertname"], set()).add(bool(one["exp_alerts"]))
    for alert in alerts(case):
        if seen.get(alert["alert"]) != {True, False}:
            yield f"{alert['alert']} is seen {'only to fire' if seen.get(alert['alert']) == {True} else 'not to fire'}"


@check
def each_alert_says_what_to_do(case):
    """How bad it is, what happened to whom, and where the section is that it has in the README."""
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", case.files[README], re.MULTILINE)
    }
    for alert in alerts(case):
        name, told = alert["alert"], alert.get("annotations", {})
        if alert.get("labels", {}).get("severity") not in SEVERITIES:
            yield f"{name} has no severity"
        for what in ["summary", "description"]:
            if len(told.get(what, "")) < 20:
                yield f"{name} has no {what}"
        page, _, anchor = told.get("runbook", "").partition("#")
        if page != README or anchor != name.lower() or anchor not in anchors:
            yield f"{README} has no section for {name}"


@check
def rules_read_metrics_that_there_are(case):
    for rule in rules(case):
        for name in strangers(rule["expr"], recorded(case)):
            yield f"{rule.get('alert', rule.get('record'))} reads {name}"


@check
def every_recorded_name_is_read(case):
    """By an alert or by the dashboard."""
    readers = case.files[ALERTS] + "".join(case.files.beneath("deploy/grafana/dashboards").values())
    for name in recorded(case):
        if name not in readers:
            yield f"nobody reads {name}"
