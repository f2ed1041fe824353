"""What stands between Aftercare and its database: a pool, roles, TLS."""

import time

from faults.load import Load
from faults.postgres import Cluster
from faults.registry import fault, need, need_all

from .parts import CONTRIB, PgBouncer, certificate


def under_load(scene, home, seconds=1.5):
    """Serves and works for so long; gives what was kept."""
    server, clinic, _ = scene.clinic(home)
    with Load(clinic, [server], clients=8) as load:
        time.sleep(seconds)
    found = load.check(home)
    need(set(load.statuses()) <= {200, 201}, f"answers: {dict(load.statuses())}")
    return found


def must_be_right(home):
    """`doctor` finds nothing wrong."""
    done = home.run("doctor")
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    # A throw-away cluster need not be safe against a power cut.
    need(not [line for line in wrong if "fsync" not in line], f"doctor: {wrong}")


@fault("N3", "a pool in front of PostgreSQL", quick={"seconds": 1.5}, full={"seconds": 30})
def behind_pgbouncer(scene, seconds):
    """`contrib/pgbouncer`."""
    cluster = Cluster()
    scene.ends(cluster.remove)
    database = cluster.new_database()
    bouncer = PgBouncer(scene, cluster, database)
    home = scene.home(database=database, database_url=f"postgres://postgres@127.0.0.1:{bouncer.port}/aftercare", pool_size=20)
    must_be_right(home)
    found = under_load(scene, home, seconds)
    for _ in range(20):
        home.must_run("clinic", "list")
    return found


@fault("N4", "roles and TLS of PostgreSQL", quick={"seconds": 1.5}, full={"seconds": 30})
def roles_and_tls(scene, seconds):
    """`contrib/postgresql/roles.sql`, and an address that proves the server's certificate."""
    cluster = Cluster()
    scene.ends(cluster.remove)
    pem, key = certificate(cluster.folder)
    cluster.give(pem, key)
    for name, value in (("ssl", "on"), ("ssl_cert_file", pem), ("ssl_key_file", key)):
        cluster.psql("postgres", f"ALTER SYSTEM SET {name} = '{value}'")
    cluster.control("restart", "-m", "fast")
    passwords = [word for role in ("migrator", "server") for word in ("-v", f"{role}_password=one of {role}")]
    cluster.client("psql", "-Xq", *passwords, "-f", str(CONTRIB / "postgresql" / "roles.sql"), cluster.url("postgres"))
    database = cluster.database("aftercare")
    root = scene.new_folder() / "root.pem"
    root.write_text(pem.read_text())

    def address(role):
        return f"postgres://aftercare_{role}:one%20of%20{role}@localhost:{cluster.port}/aftercare?sslmode=verify-full&sslrootcert={root}"

    home = scene.home(database=database, database_url=address("migrator"))
    home.settings["database_url"] = address("server")
    must_be_right(home)
    found = under_load(scene, home, seconds)
    encrypted = database.rows("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename = 'aftercare_server'")
    refused = cluster.refuses("aftercare", "SET ROLE aftercare_server; CREATE TABLE t (a int)")
    need_all(
        (int(encrypted[0][0]) > 0, "no session of the server is encrypted"),
        ("permission denied" in refused, f"the server's role can make tables: {refused!r}"),
    )
    return f"{found}; {encrypted[0][0]} sessions encrypted"
