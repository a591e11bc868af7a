"""A Prometheus with the very files of deploy/prometheus, and what it says."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

NOBODY = 65534
# Seconds between two scrapes: in compose.yaml it is 15, which nobody wants to wait for.
EVERY = 1


class Prometheus:
    """Finds replicas by a list in place of DNS, and asks more often. All else is as it stands there."""

    def __init__(self, files, folder, listen, replicas):
        self.folder, self.listen = folder, listen
        folder.mkdir()
        for path, text in files.items():
            (folder / Path(path).name).write_text(text)
        config = yaml.safe_load((folder / "prometheus.yaml").read_text())
        config["global"] |= {name: f"{EVERY}s" for name in ["scrape_interval", "scrape_timeout", "evaluation_interval"]}
        for job in config["scrape_configs"]:
            for looked_up in job.pop("dns_sd_configs", []):
                job["static_configs"] = [
                    {"targets": [f"{replicas[name]}:{looked_up['port']}"], "labels": {"__meta_dns_name": name}}
                    for name in looked_up["names"]
                ]
        config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] != "prometheus"]
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        (folder / "data").mkdir()
        (folder / "data").chmod(0o777)

    def start(self):
        told = ["--config.file", self.folder / "prometheus.yaml", "--storage.tsdb.path", self.folder / "data"]
        with open(self.folder / "log", "w") as log:
            self.process = subprocess.Popen(
                ["prometheus", *told, f"--web.listen-address={self.listen}"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=NOBODY, group=NOBODY, extra_groups=[],
            )  # fmt: skip

    def ask(self, path, **query):
        """An answer of its HTTP interface; nothing while it starts."""
        url = f"http://{self.listen}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            # Until it has read what it had stored.
            if error.code == 503:
                return None
            raise AssertionError(f"{query}: {error.read().decode()}") from None
        except OSError:
            assert self.process.poll() is None, f"Prometheus ended: {(self.folder / 'log').read_text()}"
            return None

    def value(self, expression):
        """The series that an expression gives, each a pair of labels and value."""
        found = self.ask("query", query=expression) or {"result": []}
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def rules(self):
        groups = (self.ask("rules") or {"groups": []})["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def alerts(self, *states):
        """Each alert in one of these states."""
        rules = [rule for rule in self.rules() if rule["type"] == "alerting"]
        return [Alert(rule, alert) for rule in rules for alert in rule["alerts"] if alert["state"] in states]


class Alert:
    """One that is pending or fires."""

    def __init__(self, rule, alert):
        self.name, self.service = rule["name"], alert["labels"].get("service")
        # Seconds for which it must hold before it fires.
        self.patience = rule["duration"]
