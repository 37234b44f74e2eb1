"""The audit trail only grows: the database itself refuses to change or to remove a row (J-01)."""

from django.db import migrations

REFUSAL = "the audit trail only grows"

SQL = {
    # PostgreSQL passes its triggers over for ``session_replication_role = replica``, which only the database's
    # own administrators may set: that is the operator's switch (docs/operations.md), and the portal has none.
    "postgresql": {
        "forwards": [
            f"""
            CREATE FUNCTION accounts_audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN
                RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
            END
            $body$
            """,
            """
            CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON accounts_auditevent
            FOR EACH ROW EXECUTE FUNCTION accounts_audit_only_grows()
            """,
            """
            CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON accounts_auditevent
            FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_only_grows()
            """,
        ],
        "backwards": [
            "DROP TRIGGER audit_is_not_emptied ON accounts_auditevent",
            "DROP TRIGGER audit_only_grows ON accounts_auditevent",
            "DROP FUNCTION accounts_audit_only_grows()",
        ],
    },
    "sqlite": {
        "forwards": [
            f"""
            CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON accounts_auditevent
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
            """,
            f"""
            CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON accounts_auditevent
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
            """,
            # INSERT OR REPLACE removes a row without asking the trigger above.
            f"""
            CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON accounts_auditevent
            WHEN EXISTS (SELECT 1 FROM accounts_auditevent WHERE id = NEW.id)
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
            """,
        ],
        "backwards": [
            "DROP TRIGGER audit_is_not_replaced",
            "DROP TRIGGER audit_is_not_removed",
            "DROP TRIGGER audit_is_not_changed",
        ],
    },
}


def run(direction):
    def statements(apps, schema_editor):
        for statement in SQL[schema_editor.connection.vendor][direction]:
            schema_editor.execute(statement)

    return statements


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(run("forwards"), run("backwards")),
    ]
