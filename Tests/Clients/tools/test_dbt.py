"""dbt through dbt-gizmosql: a table, an incremental model, a view, tests, run twice."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

FILES = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        profile: shop
        model-paths: [models]
        seed-paths: [seeds]
        flags:
          send_anonymous_usage_stats: false
    """,
    "profiles.yml": """
        shop:
          target: test
          outputs:
            test:
              type: gizmosql
              host: {host}
              port: {port}
              user: someone
              password: secret
              use_encryption: false
              schema: main
              threads: 2
    """,
    "seeds/raw_orders.csv": """
        id,customer,amount
        1,ann,10
        2,bob,20
        3,ann,5
    """,
    "models/customers.sql": """
        {{{{ config(materialized='table') }}}}
        select customer, sum(amount) as total, count(*) as orders from {{{{ ref('raw_orders') }}}} group by customer
    """,
    "models/good_customers.sql": """
        {{{{ config(materialized='view') }}}}
        select * from {{{{ ref('customers') }}}} where total > 15
    """,
    "models/order_log.sql": """
        {{{{ config(materialized='incremental', unique_key='id') }}}}
        select id, customer, amount, current_timestamp as loaded_at from {{{{ ref('raw_orders') }}}}
        {{% if is_incremental() %}} where id > (select max(id) from {{{{ this }}}}) {{% endif %}}
    """,
    "models/schema.yml": """
        version: 2
        models:
          - name: customers
            columns:
              - name: customer
                data_tests: [unique, not_null]
    """,
}


@pytest.fixture
def project(server, tmp_path):
    host, port = server.url.removeprefix("grpc://").split(":")
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text.format(host=host, port=port)).lstrip())
    return tmp_path


def dbt(project: pathlib.Path, *arguments: str) -> str:
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    command = [str(pathlib.Path(sys.executable).parent / "dbt"), "--no-version-check", *arguments]
    command += ["--project-dir", str(project), "--profiles-dir", str(project)]
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def rows(server, sql):
    from adbc_driver_gizmosql import dbapi as gizmosql

    with gizmosql.connect(server.url, username="a", password="b") as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_a_project_with_a_table_a_view_and_an_incremental_model(server, project):
    dbt(project, "debug")
    dbt(project, "seed")
    dbt(project, "run")
    assert rows(server, "SELECT customer, total::BIGINT FROM customers ORDER BY 1") == [("ann", 15), ("bob", 20)]
    assert rows(server, "SELECT customer FROM good_customers") == [("bob",)]
    assert rows(server, "SELECT count(*) FROM order_log") == [(3,)]
    (project / "seeds" / "raw_orders.csv").write_text("id,customer,amount\n1,ann,10\n2,bob,20\n3,ann,5\n4,cid,7\n")
    dbt(project, "seed", "--full-refresh")
    dbt(project, "run")
    assert rows(server, "SELECT id, customer FROM order_log ORDER BY id") == [(1, "ann"), (2, "bob"), (3, "ann"), (4, "cid")]
    assert rows(server, "SELECT count(*) FROM customers") == [(3,)]
    dbt(project, "test")
