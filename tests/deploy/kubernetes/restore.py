"""A backup, and its restoration on another server, by the commands of deploy/README.md."""

import subprocess

from deployment import Deployment
from manifests import containers
from readme import block
from waiting import expect

# Every table of Kith with its number of rows.
ROWS = """
SELECT format('%I.%I', schemaname, tablename),
    (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', schemaname, tablename), false, true, '')))[1]
FROM pg_tables WHERE schemaname IN ('identity', 'social_graph', 'posts', 'messaging') ORDER BY 1
"""


def a_dump_is_restored(deployment):
    """What is dumped is there again, on a server that has never seen it."""
    place = deployment.folder / "restored"
    place.mkdir()
    other = Deployment(deployment.overlay, deployment.node.binaries, place, deployment.stack)
    shell(deployment, block("sh", "pg_dump"), place)
    shell(other, block("sh", "pg_restore"), place)
    before, after = deployment.database.query(ROWS), other.database.query(ROWS)
    expect("rows of the tables", after, before)
    filled = [name for name, rows in after if int(rows)]
    for table in ["identity.users", "social_graph.follows", "posts.posts", "messaging.messages"]:
        expect(f"rows of {table}", table in filled, True)
    return f"a dump was restored on another server: {len(after)} tables, {len(filled)} with rows"


def shell(deployment, commands, cwd):
    """Runs commands as the owner of the database, where `kith` is told what the migration is."""
    (workload,) = deployment.manifests.all("Job")
    (container,) = containers(workload)
    folder = deployment.folder / "owner"
    folder.mkdir()
    deployment.node.mount(workload, container, folder)
    owners_url = deployment.node.here(deployment.node.sources[("Secret", "kith-owner-database")]["url"], folder).strip()
    environment = {
        **deployment.node.variables(workload, container, folder),
        "OWNER_URL": owners_url,
        "PATH": f"{deployment.database.bin}:{deployment.node.binaries}:/usr/bin:/bin",
    }
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    expect(f"status of the commands, which said {ended.stdout}", ended.returncode, 0)
