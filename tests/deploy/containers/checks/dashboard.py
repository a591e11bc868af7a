"""deploy/grafana: a dashboard that Grafana takes, over metrics that there are."""

import json
import re
from itertools import combinations

import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from checks import check
from checks.compose import services
from checks.rules import recorded
from files import DASHBOARD, complaints
from promql import strangers

PROVISIONING = "deploy/grafana/provisioning"
# What Grafana has in place of these when it asks.
VARIABLES = {"$__rate_interval": "1m", "$service": ".+"}
# Fields that the library of Grafana's makers leaves out: annotations of Prometheus, and what a variable looks like.
LEFT_OUT = re.compile(r"^/annotations/list/\d+/(step|tagKeys|titleFormat)$|^/templating/list/\d+/definition$")

plugins.register_default_plugins()


def dashboard(case):
    return json.loads(case.files[DASHBOARD])


def panels(case):
    return [panel for panel in dashboard(case)["panels"] if panel["type"] != "row"]


def expressions(case):
    """Everything that Prometheus is asked, with who asks."""
    for panel in panels(case):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for annotation in dashboard(case)["annotations"]["list"]:
        if "expr" in annotation:
            yield annotation["name"], annotation["expr"]
    for variable in dashboard(case)["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])[1]


def asked(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, f"{expression} has a variable that is not known"
    return expression


def lost(mine, theirs, path=""):
    """What one has and the other has not, or has otherwise."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key, value in mine.items():
            yield from lost(value, theirs[key], f"{path}/{key}") if key in theirs else [f"{path}/{key}"]
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for number, (one, other) in enumerate(zip(mine, theirs)):
            yield from lost(one, other, f"{path}/{number}")
    elif mine != theirs:
        yield path


@check
def grafana_knows_every_field(case):
    """Read and written again by the library of its makers, the dashboard is the same: a field that is not known is lost."""
    mine = dashboard(case)
    theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(mine)))
    for path in lost(mine, theirs):
        if not LEFT_OUT.search(path):
            yield f"{path} is not known to Grafana"


@check
def prometheus_can_read_every_expression(case):
    rules = [{"record": "a", "expr": asked(expression)} for _, expression in expressions(case)]
    # Their labels tell them apart.
    for number, rule in enumerate(rules):
        rule["labels"] = {"number": str(number)}
    text = yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]})
    yield from complaints((("panels.yaml", text),), "promtool", "check", "rules", "panels.yaml").splitlines()


@check
def panels_read_metrics_that_there_are(case):
    for title, expression in expressions(case):
        for name in strangers(asked(expression), recorded(case)):
            yield f"{title} reads {name}"


@check
def legends_name_labels_that_are_left(case):
    """Of a sum, only the labels are left that it is grouped by."""
    for panel in panels(case):
        for target in panel["targets"]:
            kept = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            if kept and not all(shown <= {label.strip() for label in labels.split(",")} for labels in kept):
                yield f"{panel['title']} shows {sorted(shown)} of {kept}"


@check
def every_panel_says_what_it_shows(case):
    numbers = [panel["id"] for panel in dashboard(case)["panels"]]
    if len(numbers) != len(set(numbers)):
        yield "two panels have one id"
    for panel in panels(case):
        if not panel["title"] or not panel["targets"]:
            yield f"panel {panel['id']} shows nothing"
        if panel["type"] in ["timeseries", "stat"] and not panel["fieldConfig"]["defaults"].get("unit"):
            yield f"{panel['title']} has no unit"
        if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
            yield f"{panel['title']} asks {panel['datasource']}"


@check
def no_panel_hides_another(case):
    places = [(panel["title"], panel["gridPos"]) for panel in dashboard(case)["panels"]]
    for name, place in places:
        if place["x"] + place["w"] > 24:
            yield f"{name} is too wide"
    for (one, here), (other, there) in combinations(places, 2):
        apart = (
            here["x"] + here["w"] <= there["x"]
            or there["x"] + there["w"] <= here["x"]
            or here["y"] + here["h"] <= there["y"]
            or there["y"] + there["h"] <= here["y"]
        )
        if not apart:
            yield f"{one} and {other} are in one place"


@check
def grafana_finds_prometheus_and_the_dashboard(case):
    grafana = services(case)["grafana"]
    mounts = {}
    for volume in grafana["volumes"]:
        source, target, *_ = volume.split(":")
        mounts[target] = source
    (source,) = case.files.yaml(f"{PROVISIONING}/datasources/prometheus.yaml")["datasources"]
    if source["url"] != "http://prometheus:9090" or source["type"] != "prometheus":
        yield f"its Prometheus is at {source['url']}"
    scraped = case.files.yaml("deploy/prometheus/prometheus.yaml")["global"]["scrape_interval"]
    if source["jsonData"]["timeInterval"] != scraped:
        yield f"it takes {source['jsonData']['timeInterval']} for the interval of {scraped}"
    (provider,) = case.files.yaml(f"{PROVISIONING}/dashboards/kith.yaml")["providers"]
    if mounts.get(provider["options"]["path"]) != "./grafana/dashboards":
        yield f"its dashboards are in {provider['options']['path']}"
    if mounts.get("/etc/grafana/provisioning") != "./grafana/provisioning":
        yield "it is not provisioned"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    if home != f"{provider['options']['path']}/{DASHBOARD.rpartition('/')[2]}":
        yield f"it begins with {home}"
