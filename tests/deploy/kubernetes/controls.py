"""What the checks are for: each control breaks one thing of a rendered overlay, and names the check that must find it.

Where one mistake is wrong in two ways, the control names both checks.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

from checks import Case, problems
from manifests import pod

CONTROLS = []


@dataclass(frozen=True)
class Control:
    """One thing that is broken."""

    checks: tuple
    overlay: str
    change: Callable

    def mistakes(self, rendered, binaries):
        """What is wrong with the checks, if they do not find this, or find something else."""
        manifests = rendered[self.overlay].copy()
        self.change(manifests)
        name = self.change.__name__
        if manifests.objects == rendered[self.overlay].objects:
            yield f"control {name} changes nothing"
        found = problems(Case(manifests, binaries))
        if set(found) != set(self.checks):
            yield f"control {name} should be found by {' and '.join(self.checks)}, and is by {found or 'none'}"


def control(*checks, overlay="production"):
    """Lists a function that breaks something."""

    def listed(change):
        CONTROLS.append(Control(checks, overlay, change))
        return change

    return listed


def deployment(manifests, name="kith-posts"):
    return manifests.get("Deployment", name)


def spec(manifests, name="kith-posts"):
    return pod(deployment(manifests, name))["spec"]


def container(manifests, name="kith-posts"):
    return spec(manifests, name)["containers"][0]


def named(entries, name):
    """The entry of a list that has that name: a volume, a variable."""
    return next(entry for entry in entries if entry["name"] == name)


def job(manifests):
    return manifests.all("Job")[0]


def settings(manifests):
    """The data of the ConfigMap with the settings of all services."""
    return next(one for one in manifests.all("ConfigMap") if "kith-settings" in one["metadata"]["name"])["data"]


def policy(manifests, name):
    return manifests.get("NetworkPolicy", name)["spec"]


def remove(manifests, kind, name):
    manifests.objects.remove(manifests.get(kind, name))


# Schemas


@control("every_object_is_valid_in_every_release")
def a_field_with_a_typing_error(manifests):
    deployment(manifests)["spec"]["minReadySecond"] = 5


@control("every_object_is_valid_in_every_release")
def a_number_that_is_a_text(manifests):
    manifests.get("HorizontalPodAutoscaler", "kith-posts")["spec"]["behavior"]["scaleDown"][
        "stabilizationWindowSeconds"
    ] = "300"


@control("every_object_is_valid_in_every_release")
def a_kind_that_nobody_knows(manifests):
    labels = deepcopy(deployment(manifests)["metadata"]["labels"])
    metadata = {"name": "kith", "namespace": "kith", "labels": labels}
    manifests.objects.append({"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": metadata})


@control("every_object_is_valid_in_every_release")
def a_field_that_1_29_does_not_know(manifests):
    manifests.get("Service", "kith-posts")["spec"]["trafficDistribution"] = "PreferClose"


@control("no_secret_is_rendered")
def a_secret(manifests):
    metadata = deepcopy(manifests.get("ServiceAccount", "kith-posts")["metadata"])
    manifests.objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"url": "x"}})


@control("no_secret_is_rendered")
def a_password_among_the_settings(manifests):
    settings(manifests)["KITH_TOKEN_ISSUER"] = "postgres://kith_posts:secret@db/kith"


@control("everything_is_in_one_namespace")
def an_object_of_another_namespace(manifests):
    manifests.get("PodDisruptionBudget", "kith-posts")["metadata"]["namespace"] = "default"


# Security


@control("the_namespace_is_restricted")
def a_namespace_that_lets_more(manifests):
    manifests.all("Namespace")[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"


@control("containers_run_as_nobody")
def no_run_as_non_root(manifests):
    del spec(manifests)["securityContext"]["runAsNonRoot"]


@control("containers_run_as_nobody")
def root_by_the_container(manifests):
    container(manifests)["securityContext"]["runAsUser"] = 0


@control("containers_run_as_nobody")
def a_migration_by_root(manifests):
    pod(job(manifests))["spec"]["securityContext"]["runAsUser"] = 0


@control("secrets_can_be_read_by_who_runs")
def no_group_for_volumes(manifests):
    del spec(manifests)["securityContext"]["fsGroup"]


@control("secrets_can_be_read_by_who_runs")
def a_secret_for_everybody(manifests):
    named(spec(manifests)["volumes"], "database")["secret"]["defaultMode"] = 0o444


@control("the_root_file_system_is_read_only")
def a_root_file_system_that_can_be_written(manifests):
    del container(manifests)["securityContext"]["readOnlyRootFilesystem"]


@control("the_root_file_system_is_read_only", overlay="local")
def a_postgres_that_can_write_to_its_image(manifests):
    pod(manifests.get("StatefulSet", "kith-postgres"))["spec"]["containers"][0]["securityContext"][
        "readOnlyRootFilesystem"
    ] = False


@control("no_privilege_is_gained")
def privileges_to_gain(manifests):
    del container(manifests)["securityContext"]["allowPrivilegeEscalation"]


@control("no_privilege_is_gained")
def all_privileges(manifests):
    container(manifests)["securityContext"]["privileged"] = True


@control("all_capabilities_are_dropped")
def a_capability_that_stays(manifests):
    container(manifests)["securityContext"]["capabilities"]["add"] = ["NET_BIND_SERVICE"]


@control("all_capabilities_are_dropped")
def an_init_container_with_capabilities(manifests):
    added = deepcopy(container(manifests)) | {"name": "wait"}
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"]:
        del added[probe]
    del added["securityContext"]["capabilities"]
    spec(manifests)["initContainers"] = [added]
    del added["ports"]


@control("system_calls_are_filtered")
def no_seccomp_profile(manifests):
    del spec(manifests)["securityContext"]["seccompProfile"]


@control("nothing_of_the_node_is_shared")
def the_network_of_the_node(manifests):
    spec(manifests)["hostNetwork"] = True


@control("nothing_of_the_node_is_shared")
def a_port_of_the_node(manifests):
    container(manifests)["ports"][0]["hostPort"] = 50053


@control("nothing_of_the_node_is_shared")
def a_folder_of_the_node(manifests):
    spec(manifests)["volumes"].append({"name": "etc", "hostPath": {"path": "/etc"}})
    container(manifests)["volumeMounts"].append({"name": "etc", "mountPath": "/host"})


@control("no_pod_has_a_token")
def a_token(manifests):
    spec(manifests)["automountServiceAccountToken"] = True


@control("no_pod_has_a_token")
def an_account_that_gives_tokens(manifests):
    del manifests.get("ServiceAccount", "kith-posts")["automountServiceAccountToken"]


@control("every_workload_has_an_account_of_its_own")
def an_account_of_another(manifests):
    spec(manifests)["serviceAccountName"] = "kith-identity"


@control("every_workload_has_an_account_of_its_own")
def an_account_that_is_not_there(manifests):
    remove(manifests, "ServiceAccount", "kith-migrate")


# From start to end


@control("every_service_is_probed")
def no_readiness_probe(manifests):
    del container(manifests)["readinessProbe"]


@control("every_service_is_probed")
def liveness_that_looks_at_the_database(manifests):
    container(manifests)["livenessProbe"]["httpGet"]["path"] = "/readyz"


@control("every_service_is_probed")
def a_probe_of_a_port_that_is_not_there(manifests):
    container(manifests)["livenessProbe"]["httpGet"]["port"] = "metrics"


@control("a_container_has_time_to_start")
def a_start_that_must_be_quick(manifests):
    container(manifests)["startupProbe"]["failureThreshold"] = 3


@control("the_admin_port_is_the_one_that_is_listened_on")
def an_admin_port_of_another_number(manifests):
    settings(manifests)["KITH_POSTS_ADMIN_LISTEN_ADDRESS"] = "0.0.0.0:9091"


@control("the_admin_port_is_the_one_that_is_listened_on")
def an_admin_port_on_loopback(manifests):
    settings(manifests)["KITH_POSTS_ADMIN_LISTEN_ADDRESS"] = "127.0.0.1:9090"


@control("the_grpc_port_is_the_one_that_is_listened_on")
def a_service_that_listens_elsewhere(manifests):
    settings(manifests)["KITH_POSTS_LISTEN_ADDRESS"] = "0.0.0.0:50051"


@control("calls_end_before_the_process_is_killed")
def a_grace_that_is_too_short(manifests):
    spec(manifests)["terminationGracePeriodSeconds"] = 20


@control("calls_end_before_the_process_is_killed")
def a_drain_that_takes_longer(manifests):
    settings(manifests)["KITH_DRAIN_TIMEOUT"] = "40s"


@control("calls_end_before_the_process_is_killed")
def the_delay_of_programs_alone(manifests):
    del settings(manifests)["KITH_SHUTDOWN_DELAY"]


@control("no_replica_goes_before_another_is_ready")
def a_rollout_that_takes_replicas_away(manifests):
    deployment(manifests)["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = 1


# Replicas


@control(
    "there_are_as_many_replicas_as_the_overlay_promises",
    "the_database_has_a_connection_for_every_replica",
    overlay="local",
)
def two_replicas_on_one_node(manifests):
    deployment(manifests)["spec"]["replicas"] = 2


@control("there_are_as_many_replicas_as_the_overlay_promises", "the_readme_tells_how_many_connections_there_may_be")
def more_replicas_at_least_than_at_most(manifests):
    manifests.get("HorizontalPodAutoscaler", "kith-posts")["spec"]["maxReplicas"] = 2


@control("the_number_of_replicas_is_said_once")
def a_number_beside_the_autoscaler(manifests):
    deployment(manifests)["spec"]["replicas"] = 3


@control("load_is_measured_against_what_is_requested")
def an_autoscaler_that_waits_for_too_long(manifests):
    manifests.get("HorizontalPodAutoscaler", "kith-posts")["spec"]["metrics"][0]["resource"]["target"][
        "averageUtilization"
    ] = 100


@control("a_drained_node_takes_one_replica_at_a_time")
def a_budget_of_two(manifests):
    manifests.get("PodDisruptionBudget", "kith-posts")["spec"]["maxUnavailable"] = 2


@control("a_drained_node_takes_one_replica_at_a_time")
def a_budget_that_lets_no_node_go(manifests):
    budget = manifests.get("PodDisruptionBudget", "kith-posts")["spec"]
    del budget["maxUnavailable"]
    budget["minAvailable"] = 3


@control("a_replica_that_is_not_ready_keeps_no_node")
def a_node_that_waits_for_the_database(manifests):
    del manifests.get("PodDisruptionBudget", "kith-posts")["spec"]["unhealthyPodEvictionPolicy"]


@control("budgets_and_scalers_are_for_one_service_each", "the_readme_tells_how_many_connections_there_may_be")
def a_service_that_does_not_grow(manifests):
    remove(manifests, "HorizontalPodAutoscaler", "kith-posts")
    # As many as there were, so that nothing else is wrong.
    deployment(manifests)["spec"]["replicas"] = 3


@control("replicas_are_spread")
def replicas_on_one_node(manifests):
    spec(manifests)["topologySpreadConstraints"].pop(0)


@control("replicas_are_spread")
def a_rollout_that_a_full_node_stops(manifests):
    spec(manifests)["topologySpreadConstraints"][0]["whenUnsatisfiable"] = "DoNotSchedule"


@control("replicas_are_spread")
def replicas_that_are_counted_with_others(manifests):
    labels = spec(manifests)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]
    labels["app.kubernetes.io/name"] = "kith-identity"


@control("pods_are_for_nodes_with_linux")
def a_migration_for_any_node(manifests):
    del pod(job(manifests))["spec"]["nodeSelector"]


@control("every_container_has_requests_and_limits")
def no_limit_of_memory(manifests):
    del container(manifests)["resources"]["limits"]["memory"]


@control("every_container_has_requests_and_limits")
def a_request_above_the_limit(manifests):
    container(manifests)["resources"]["requests"]["memory"] = "1Gi"


@control("postgres_has_shared_memory", overlay="local")
def shared_memory_on_a_disk(manifests):
    volumes = pod(manifests.get("StatefulSet", "kith-postgres"))["spec"]["volumes"]
    del named(volumes, "shm")["emptyDir"]["medium"]


@control("postgres_has_shared_memory", overlay="local")
def more_shared_memory_than_memory(manifests):
    volumes = pod(manifests.get("StatefulSet", "kith-postgres"))["spec"]["volumes"]
    named(volumes, "shm")["emptyDir"]["sizeLimit"] = "2Gi"


@control("the_database_has_a_connection_for_every_replica", "the_readme_tells_how_many_connections_there_may_be")
def more_replicas_than_connections(manifests):
    for scaler in manifests.all("HorizontalPodAutoscaler"):
        scaler["spec"]["maxReplicas"] = 10


@control("the_readme_tells_how_many_connections_there_may_be")
def another_pool_than_the_readme_counts(manifests):
    settings(manifests)["KITH_POOL_SIZE"] = "9"


@control("the_database_has_a_connection_for_every_replica", overlay="local")
def a_larger_pool_than_the_database_has(manifests):
    settings(manifests)["KITH_POOL_SIZE"] = "16"


# Names


@control("all_four_services_are_there")
def no_name_with_all_addresses(manifests):
    remove(manifests, "Service", "kith-posts-headless")


@control("every_service_selects_the_pods_of_its_name")
def a_service_without_pods(manifests):
    manifests.get("Service", "kith-posts")["spec"]["selector"]["app.kubernetes.io/name"] = "kith-post"


@control("every_service_selects_the_pods_of_its_name")
def a_service_with_the_pods_of_another(manifests):
    manifests.get("Service", "kith-posts-headless")["spec"]["selector"]["app.kubernetes.io/name"] = "kith-identity"


@control("every_service_leads_to_a_port_that_is_there")
def a_port_of_another_name(manifests):
    manifests.get("Service", "kith-posts")["spec"]["ports"][0]["targetPort"] = "http"


@control("every_service_leads_to_a_port_that_is_there")
def a_port_of_another_number(manifests):
    manifests.get("Service", "kith-posts")["spec"]["ports"][0]["port"] = 50051


@control("services_say_whether_their_ports_speak_tls")
def tls_that_is_taken_for_plaintext(manifests):
    manifests.get("Service", "kith-posts-headless")["spec"]["ports"][0]["appProtocol"] = "grpc"


@control("services_say_whether_their_ports_speak_tls", overlay="local")
def plaintext_that_is_taken_for_tls(manifests):
    manifests.get("Service", "kith-posts")["spec"]["ports"][0]["appProtocol"] = "https"


@control("headless_services_are_headless")
def a_headless_service_with_an_address(manifests):
    del manifests.get("Service", "kith-posts-headless")["spec"]["clusterIP"]


@control("selectors_choose_the_pods_of_their_own_template")
def a_selector_with_a_release(manifests):
    deployment(manifests)["spec"]["selector"]["matchLabels"]["app.kubernetes.io/version"] = "0.1.0"


@control("everything_has_the_standard_labels")
def an_object_that_is_not_part_of_kith(manifests):
    del manifests.get("PodDisruptionBudget", "kith-posts")["metadata"]["labels"]["app.kubernetes.io/part-of"]


@control("everything_has_the_standard_labels", "prometheus_finds_every_service_and_nothing_else")
def pods_without_component(manifests):
    del pod(deployment(manifests))["metadata"]["labels"]["app.kubernetes.io/component"]


@control("prometheus_finds_every_service_and_nothing_else")
def metrics_of_another_service(manifests):
    pod(deployment(manifests))["metadata"]["labels"]["app.kubernetes.io/component"] = "identity"


@control("prometheus_finds_every_service_and_nothing_else", overlay="local")
def a_postgres_that_is_scraped(manifests):
    database = pod(manifests.get("StatefulSet", "kith-postgres"))["spec"]["containers"][0]
    database["ports"].append({"name": "admin", "containerPort": 9187})


@control("the_release_is_that_of_the_programs")
def an_image_of_another_release(manifests):
    container(manifests)["image"] = "registry.example.com/kith:0.0.9"


@control("the_release_is_that_of_the_programs")
def a_label_of_another_release(manifests):
    pod(deployment(manifests))["metadata"]["labels"]["app.kubernetes.io/version"] = "0.0.9"


@control("a_new_release_brings_a_new_migration")
def a_migration_that_keeps_its_name(manifests):
    job(manifests)["metadata"]["name"] = "kith-migrate"


@control("a_new_release_brings_a_new_migration")
def a_migration_that_changes_with_a_setting(manifests):
    names = [one["metadata"]["name"] for one in manifests.all("ConfigMap")]
    pod(job(manifests))["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": names[0]}}]


@control("a_new_release_brings_a_new_migration")
def a_migration_that_stays(manifests):
    del job(manifests)["spec"]["ttlSecondsAfterFinished"]


@control("the_migration_is_tried_again")
def a_migration_that_gives_up(manifests):
    job(manifests)["spec"]["backoffLimit"] = 0


@control("the_migration_is_tried_again")
def a_migration_that_makes_no_roles(manifests):
    pod(job(manifests))["spec"]["containers"][0]["command"].remove("--bootstrap")


@control("rollouts_wait_for_every_try_of_the_migration")
def a_rollout_that_gives_up_before_the_migration(manifests):
    deployment(manifests)["spec"]["progressDeadlineSeconds"] = 600


@control("rollouts_wait_for_every_try_of_the_migration")
def a_migration_that_is_tried_for_longer(manifests):
    job(manifests)["spec"]["backoffLimit"] = 7


@control("the_readme_deletes_the_migration_and_nothing_else")
def a_migration_of_another_label(manifests):
    job(manifests)["metadata"]["labels"]["app.kubernetes.io/name"] = "kith-migration"


@control("settings_are_rolled_out_when_they_change")
def settings_whose_name_stays(manifests):
    (config,) = manifests.all("ConfigMap")
    for one in manifests.services():
        for source in pod(one)["spec"]["containers"][0]["envFrom"]:
            if source["configMapRef"]["name"] == config["metadata"]["name"]:
                source["configMapRef"]["name"] = "kith-settings"
    config["metadata"]["name"] = "kith-settings"


@control("every_volume_is_mounted_and_every_mount_has_one")
def a_volume_that_nobody_mounts(manifests):
    spec(manifests)["volumes"].append({"name": "tmp", "emptyDir": {}})


@control("references_are_to_what_the_readme_tells_to_make")
def a_config_that_nobody_makes(manifests):
    volume = {"name": "more", "configMap": {"name": "kith-more"}}
    spec(manifests)["volumes"].append(volume | {"configMap": {"name": "kith-more", "optional": True}})
    container(manifests)["volumeMounts"].append({"name": "more", "mountPath": "/etc/kith/more"})


@control("every_secret_is_where_it_is_needed_alone")
def the_keys_that_sign_for_posts(manifests):
    volume = {"name": "keys", "secret": {"secretName": "kith-signing-keys", "defaultMode": 0o440}}
    spec(manifests)["volumes"].append(volume)
    container(manifests)["volumeMounts"].append({"name": "keys", "mountPath": "/etc/kith/signing-keys"})


@control("services_call_each_other_where_they_are")
def a_host_that_is_no_service(manifests):
    settings(manifests)["KITH_IDENTITY_URL"] = "https://kith-identity.default.svc:50051"


@control("services_call_each_other_where_they_are")
def a_service_that_has_one_address(manifests):
    settings(manifests)["KITH_IDENTITY_URL"] = "https://kith-identity.kith.svc:50051"


@control("services_call_each_other_where_they_are")
def a_port_that_the_service_does_not_have(manifests):
    settings(manifests)["KITH_IDENTITY_URL"] = "https://kith-identity-headless.kith.svc:50052"


# Network


@control("nobody_talks_but_over_the_edges_that_exist")
def no_way_to_identity(manifests):
    remove(manifests, "NetworkPolicy", "kith-services-to-identity")


@control("nobody_talks_but_over_the_edges_that_exist")
def everybody_may_call(manifests):
    policy(manifests, "kith-clients-to-services")["ingress"][0]["from"] = []


@control("nobody_talks_but_over_the_edges_that_exist")
def every_pod_of_products_may_call(manifests):
    del policy(manifests, "kith-clients-to-services")["ingress"][0]["from"][0]["podSelector"]


@control("nobody_talks_but_over_the_edges_that_exist")
def clients_may_reach_the_admin_port(manifests):
    policy(manifests, "kith-clients-to-services")["ingress"][0]["ports"] = []


@control("nobody_talks_but_over_the_edges_that_exist")
def no_database(manifests):
    remove(manifests, "NetworkPolicy", "kith-reach-postgres")


@control("nobody_talks_but_over_the_edges_that_exist")
def a_database_anywhere(manifests):
    policy(manifests, "kith-reach-postgres")["egress"][0]["to"] = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]


@control("nobody_talks_but_over_the_edges_that_exist")
def no_migration_of_the_database(manifests):
    policy(manifests, "kith-reach-postgres")["podSelector"]["matchExpressions"][0]["values"].remove("kith-migrate")


@control("nobody_talks_but_over_the_edges_that_exist", overlay="local")
def a_postgres_for_clients(manifests):
    del policy(manifests, "kith-to-postgres")["ingress"][0]["from"]


@control("nobody_talks_but_over_the_edges_that_exist")
def names_that_cannot_be_resolved(manifests):
    policy(manifests, "kith-to-dns")["egress"][0]["ports"].pop(0)


@control("nobody_talks_but_over_the_edges_that_exist")
def a_port_of_the_collector_that_nobody_calls(manifests):
    policy(manifests, "kith-services-to-collector")["egress"][0]["ports"].append({"port": 4318, "protocol": "TCP"})


@control("whatever_comes_to_the_namespace_is_denied", "nobody_talks_but_over_the_edges_that_exist")
def a_namespace_that_is_open_for_newcomers(manifests):
    policy(manifests, "kith-default-deny")["policyTypes"].remove("Ingress")


# Variables


@control("every_variable_is_known_to_the_program_that_gets_it")
def a_setting_with_a_typing_error(manifests):
    # Without the prefix, so that no program looks at it.
    settings(manifests)["KIT_POOL_SIZE"] = "16"


@control("every_variable_is_known_to_the_program_that_gets_it")
def a_variable_of_another_program(manifests):
    container(manifests)["env"].append({"name": "KITH_SESSION_LIFETIME", "value": "720h"})


@control("every_required_setting_is_there", "every_program_takes_what_it_is_told")
def a_required_setting_that_is_not_there(manifests):
    environment = container(manifests)["env"]
    environment.remove(named(environment, "KITH_POSTS_DATABASE_URL_FILE"))


@control("every_required_setting_is_there", "every_program_takes_what_it_is_told")
def a_required_setting_that_is_empty(manifests):
    named(container(manifests, "kith-identity")["env"], "KITH_SIGNING_KEY_FILE")["value"] = ""


@control("every_address_of_a_service_is_given", "the_admin_port_is_the_one_that_is_listened_on")
def a_default_that_no_kubelet_reaches(manifests):
    del settings(manifests)["KITH_POSTS_ADMIN_LISTEN_ADDRESS"]


@control("telemetry_names_the_service_and_the_pod")
def a_pod_that_has_no_name(manifests):
    environment = container(manifests)["env"]
    last = named(environment, "POD_NAME")
    environment.remove(last)
    environment.append(last)


@control("telemetry_names_the_service_and_the_pod")
def a_service_of_another_name(manifests):
    named(container(manifests)["env"], "OTEL_SERVICE_NAME")["value"] = "posts"


@control("every_program_takes_what_it_is_told")
def a_value_that_is_none(manifests):
    settings(manifests)["KITH_MAX_DEADLINE"] = "a while"


@control("every_program_takes_what_it_is_told", "services_say_whether_their_ports_speak_tls")
def no_certificate(manifests):
    del settings(manifests)["KITH_TLS_CERTIFICATE_FILE"]


@control("every_program_takes_what_it_is_told", overlay="local")
def plaintext_that_nobody_allowed(manifests):
    del settings(manifests)["KITH_PLAINTEXT"]


@control("every_program_takes_what_it_is_told")
def a_file_that_is_not_mounted(manifests):
    named(container(manifests)["env"], "KITH_POSTS_DATABASE_URL_FILE")["value"] = "/etc/kith/database/url"


@control("every_program_takes_what_it_is_told")
def a_secret_that_is_mounted_elsewhere(manifests):
    named(container(manifests)["volumeMounts"], "database")["mountPath"] = "/etc/kith/elsewhere"
