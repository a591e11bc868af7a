"""What the checks are for: each control breaks one thing, and names the check that must find it.

Where one mistake is wrong in two ways, the control names both checks.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from checks import CHECKS, Case, problems
from checks.image import programs
from files import COMPOSE, DASHBOARD, DOCKERFILE, DOCKERIGNORE, PROMETHEUS, README

CONTROLS = []

ALERTS, TESTS = f"{PROMETHEUS}/alerts.yaml", f"{PROMETHEUS}/alerts_test.yaml"
RECORDING, CLUSTER = f"{PROMETHEUS}/recording.yaml", f"{PROMETHEUS}/kubernetes.yaml"


@dataclass(frozen=True)
class Control:
    """In one file, every place that has one text has another."""

    checks: tuple
    path: str
    old: str
    new: str

    def mistakes(self, case):
        """What is wrong with the checks, if they do not find this, or find something else."""
        found = problems(Case(case.files.changed(self.path, self.old, self.new), case.binaries))
        if set(found) != set(self.checks):
            by = ", ".join(f"{name} ({str(told)[:200]})" for name, told in found.items())
            yield f"{self.path} with {self.new!r} should be found by {' and '.join(self.checks)}, and is by {by or 'none'}"


class OtherLibraries:
    """A program that needs a library that the image lacks: openssl has its own."""

    checks = ("the_programs_need_no_library_that_the_image_lacks",)

    def mistakes(self, case):
        with tempfile.TemporaryDirectory(prefix="kith-") as folder:
            binaries = Path(folder)
            for name in programs():
                (binaries / name).symlink_to(case.binaries / name)
            (binaries / "kith-posts").unlink()
            (binaries / "kith-posts").symlink_to("/usr/bin/openssl")
            # This check alone: others ask the programs for their settings.
            found = list(CHECKS[self.checks[0]](Case(case.files, binaries)))
        if len(found) != 1 or "kith-posts needs " not in found[0] or "libssl" not in found[0]:
            yield f"a program that needs libssl should be found, and {found} is"


def control(path, old, new, *checks):
    CONTROLS.append(Control(checks, path, old, new))


# The image

control(DOCKERFILE, "WORKDIR /kith", "WORKDIR kith", "hadolint_has_nothing_to_say")
control(
    DOCKERFILE,
    "cc-debian13:nonroot",
    "cc-debian13",
    "every_base_has_a_tag",
    "compiler_and_c_library_are_the_same_everywhere",
)
control(DOCKERFILE, "rust:1.95.0-slim", "rust:1.94.0-slim", "compiler_and_c_library_are_the_same_everywhere")
control("rust-toolchain.toml", "1.95.0", "1.96.0", "compiler_and_c_library_are_the_same_everywhere")
control(DOCKERFILE, "COPY LICENSE-APACHE LICENSE-MIT", "COPY LICENSE-APACHE LICENSE", "what_is_copied_is_there_and_let_in")
control(DOCKERIGNORE, "!LICENSE-MIT\n", "", "what_is_copied_is_there_and_let_in")
control(DOCKERIGNORE, "!proto\n", "", "everything_that_is_built_is_let_in_and_nothing_secret")
control(DOCKERIGNORE, "!Cargo.lock\n", "", "everything_that_is_built_is_let_in_and_nothing_secret")
control(DOCKERIGNORE, "!tests\n", "", "everything_that_is_built_is_let_in_and_nothing_secret")
control(DOCKERIGNORE, "\n*\n", "\n", "everything_that_is_built_is_let_in_and_nothing_secret")
control(DOCKERIGNORE, "!proto\n", "!proto\n!deploy\n", "everything_that_is_built_is_let_in_and_nothing_secret")
control(DOCKERFILE, " -p kith-messaging", "", "what_is_built_is_what_the_workspace_has")
control(DOCKERFILE, "kith-posts kith-messaging; do", "kith-posts; do", "what_is_built_is_what_the_workspace_has")
control(
    DOCKERFILE,
    "COPY --from=plan /kith/recipe.json recipe.json",
    "COPY --from=plan /kith/recipe.json recipe.json\nCOPY . .",
    "dependencies_are_compiled_once",
)
control(
    DOCKERFILE,
    "RUN cargo build --locked --release",
    "RUN cargo build --locked --release --all-features",
    "dependencies_are_compiled_once",
)
control(DOCKERFILE, "--locked --release", "--release", "dependencies_are_compiled_once")
control(
    DOCKERFILE, "USER 65532:65532", "USER nonroot", "what_runs_has_no_shell_and_no_rights", "hadolint_has_nothing_to_say"
)
control(
    DOCKERFILE,
    'CMD ["/usr/local/bin/kith", "--help"]',
    "CMD /usr/local/bin/kith --help",
    "what_runs_has_no_shell_and_no_rights",
    "hadolint_has_nothing_to_say",
)
control(
    DOCKERFILE,
    "COPY --from=build /out/bin/ /usr/local/bin/",
    "COPY --from=build /out/bin/ /bin/",
    "what_runs_has_no_shell_and_no_rights",
)
control(DOCKERFILE, 'image.version="0.1.0"', 'image.version="0.0.9"', "labels_say_what_the_workspace_says")
control(DOCKERFILE, "image.description=", "image.describes=", "labels_say_what_the_workspace_says")
control("Cargo.toml", 'license = "MIT OR Apache-2.0"', 'license = "MIT"', "labels_say_what_the_workspace_says")
CONTROLS.append(OtherLibraries())

# Compose

control(COMPOSE, "    shm_size:", "    shm_sizes:", "the_file_is_what_the_specification_of_compose_has")
control(COMPOSE, "grafana:11.6.0", "grafana:latest", "every_image_has_a_version")
control(
    COMPOSE,
    "  pull_policy: never\n",
    "  build: ..\n",
    "one_container_builds_the_image_before_the_others_run_it",
)
control(COMPOSE, 'user: "65532:65532"', 'user: "0:0"', "containers_may_do_nothing_but_their_work")
control(COMPOSE, '    user: "472:0"\n    read_only: true', '    user: "472:0"', "containers_may_do_nothing_but_their_work")
control(
    COMPOSE,
    "cap_drop: [ALL]\n  security_opt",
    "cap_drop: [NET_RAW]\n  security_opt",
    "containers_may_do_nothing_but_their_work",
)
control(
    COMPOSE,
    "KITH_DRAIN_TIMEOUT: 20s",
    "KITH_DRAIN_TIMEOUT: 20s\n  KITH_DRAIN_TIMEOUTS: 20s",
    "every_variable_is_known_and_every_required_one_there",
)
control(
    COMPOSE,
    "      KITH_POSTS_DATABASE_URL_FILE: /run/secrets/posts_database_url\n    secrets: [posts_database_url]\n",
    "",
    "every_variable_is_known_and_every_required_one_there",
)
control(
    COMPOSE,
    "POSTGRES_PASSWORD_FILE: /run/secrets/owner_password",
    "POSTGRES_PASSWORD: secret",
    "no_secret_is_in_the_file",
    "each_container_has_the_secrets_that_it_reads_and_no_other",
)
control(
    COMPOSE,
    "secrets: [posts_database_url]",
    "secrets: [posts_database_url, signing_key]",
    "each_container_has_the_secrets_that_it_reads_and_no_other",
)
control(COMPOSE, "file: ./secrets/signing_key", "file: ./secrets/signing-key", "the_secrets_are_those_that_are_made")
control("deploy/compose-secrets.sh", "make grafana_password", "make grafana", "the_secrets_are_those_that_are_made")
control("deploy/compose-secrets.sh", "if [[ -e $file ]]", "if false", "the_secrets_are_those_that_are_made")
control("deploy/compose-secrets.sh", "chmod 644", "chmod 600", "the_secrets_are_those_that_are_made")
control("deploy/compose-secrets.sh", "-m 700", "-m 755", "the_secrets_are_those_that_are_made")
control(COMPOSE, '"127.0.0.1:9090:9090"', '"9090:9090"', "ports_are_open_on_loopback_alone")
control(
    COMPOSE,
    "KITH_POSTS_LISTEN_ADDRESS: 0.0.0.0:50053",
    "KITH_POSTS_LISTEN_ADDRESS: 0.0.0.0:50054",
    "services_listen_where_others_look_for_them",
)
control(
    COMPOSE,
    "KITH_POSTS_ADMIN_LISTEN_ADDRESS: 0.0.0.0:9090",
    "KITH_POSTS_ADMIN_LISTEN_ADDRESS: 127.0.0.1:9090",
    "services_listen_where_others_look_for_them",
)
control(COMPOSE, "http://identity:50051", "http://identity:50052", "services_listen_where_others_look_for_them")
control(f"{PROMETHEUS}/prometheus.yaml", "port: 9090", "port: 9091", "services_listen_where_others_look_for_them")
control(COMPOSE, "service_completed_successfully", "service_started", "what_needs_another_waits_for_it")
control(COMPOSE, "restart: on-failure", "restart: always", "what_needs_another_waits_for_it")
control(
    COMPOSE,
    "test: [CMD, /usr/local/bin/kith, health,",
    "test: [CMD-SHELL, /usr/local/bin/kith, health,",
    "whoever_stays_is_asked_whether_it_is_well",
)
control(COMPOSE, "stop_grace_period: 40s", "stop_grace_period: 30s", "services_have_time_to_end")
control(COMPOSE, "mem_limit: 512m", "mem_limit: 256m", "the_limit_of_memory_is_the_same_everywhere")
control(
    ALERTS,
    "> 0.9 * 512 * 1024",
    "> 0.9 * 256 * 1024",
    "the_limit_of_memory_is_the_same_everywhere",
    "each_alert_does_as_its_tests_say",
)
control(COMPOSE, "./prometheus:/etc/prometheus:ro", "./prometheus.d:/etc/prometheus:ro", "what_is_mounted_is_there")
control(COMPOSE, "grafana/provisioning:ro", "grafana/provisioning", "what_is_mounted_is_there")
control(COMPOSE, "networks: [kith, watch]", "networks: [kith]", "who_talks_to_each_other_shares_a_network")
control(COMPOSE, "networks: [watch]", "networks: [watch, kith]", "who_talks_to_each_other_shares_a_network")

# Rules

control(
    RECORDING,
    "clamp_min(",
    "clamp_least(",
    "promtool_takes_the_rules",
    "promtool_takes_the_configuration",
    "each_alert_does_as_its_tests_say",
)
control(f"{PROMETHEUS}/prometheus.yaml", "honor_labels", "honour_labels", "promtool_takes_the_configuration")
control(CLUSTER, "action: keep", "action: kept", "promtool_takes_the_configuration_for_kubernetes")
control(CLUSTER, "- role: pod", "- role: node", "promtool_takes_the_configuration_for_kubernetes")
control(ALERTS, "> 14.4 * 0.001", "> 144 * 0.001", "each_alert_does_as_its_tests_say")
control(
    ALERTS,
    "and service:kith_errors:ratio_rate5m",
    "and service:kith_errors:ratio_rate1h",
    "each_alert_does_as_its_tests_say",
)
control(ALERTS, "[1h])) > 0.1", "[1h])) > 0", "each_alert_does_as_its_tests_say")
control(
    TESTS,
    "        alertname: KithMemory\n        exp_alerts: []\n",
    "        alertname: KithMemory\n",
    "each_alert_is_seen_to_fire_and_not_to",
)
control(
    ALERTS,
    "labels: {severity: info}",
    "labels: {severity: low}",
    "each_alert_says_what_to_do",
    "each_alert_does_as_its_tests_say",
)
control(README, "#### KithDefect", "#### KithDefects", "each_alert_says_what_to_do")
control(
    ALERTS,
    "process_open_fds{",
    "process_open_files{",
    "rules_read_metrics_that_there_are",
    "each_alert_does_as_its_tests_say",
)
control(ALERTS, "ratio_rate6h", "ratio_rate1h", "every_recorded_name_is_read", "each_alert_does_as_its_tests_say")

# The dashboard

control(DASHBOARD, '"fieldConfig"', '"fieldConfigs"', "grafana_knows_every_field", "every_panel_says_what_it_shows")
control(DASHBOARD, "histogram_quantile(0.99,", "histogram_quantile(0.99", "prometheus_can_read_every_expression")
control(DASHBOARD, "kith_server_connections{", "kith_server_sockets{", "panels_read_metrics_that_there_are")
control(DASHBOARD, "by (grpc_code)", "by (service)", "legends_name_labels_that_are_left")
control(DASHBOARD, '"title": "Memory"', '"title": ""', "every_panel_says_what_it_shows")
control(DASHBOARD, '"x": 8,', '"x": 7,', "no_panel_hides_another")
control(
    "deploy/grafana/provisioning/dashboards/kith.yaml",
    "path: /etc/grafana/kith",
    "path: /etc/kith",
    "grafana_finds_prometheus_and_the_dashboard",
)
control(COMPOSE, "kith/overview.json", "kith/home.json", "grafana_finds_prometheus_and_the_dashboard")
