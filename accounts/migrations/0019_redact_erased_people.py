"""Let one change of the audit log through: taking out who an erased person was (R-13). All else stays refused (J-01).

What may go: the address and the browser of what the person did; of what is about them the facts that name a number, an
address, a reason or a thing of theirs. Only where the log holds the event of the erasing itself, so nothing goes without a trace.
"""

from importlib import import_module

from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently

BEFORE = import_module("accounts.migrations.0002_audit_only_grows")
REFUSAL = BEFORE.REFUSAL
KEPT = ("id", "account_id", "user_id", "actor_id", "action", "at", "request_id")
KEYS = ("number", "address", "reason", "name")
CHANGES = "('phone.changed', 'email.changed')"  # which hold two more: before and after


def erased(column):
    return f"EXISTS (SELECT 1 FROM accounts_auditevent WHERE user_id = OLD.{column} AND action = 'user.erased')"


def redaction(same, without):
    """Return the condition that a changed row is a redaction; ``same`` compares, ``without`` takes keys away."""
    kept = " AND ".join(same(column) for column in KEPT)
    data = (
        f"CASE WHEN OLD.action IN {CHANGES} THEN {without((*KEYS, 'before', 'after'))} ELSE {without(KEYS)} END"
    )
    return f"""{kept}
        AND ({same("ip")} OR (NEW.ip IS NULL AND {erased("actor_id")}))
        AND ({same("user_agent")} OR (NEW.user_agent = '' AND {erased("actor_id")}))
        AND ({same("data")} OR (NEW.data = {data} AND {erased("user_id")}))
        AND ({erased("actor_id")} OR {erased("user_id")})"""


POSTGRESQL = redaction(
    lambda column: f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}",
    lambda keys: "OLD.data - ARRAY[" + ", ".join(f"'{key}'" for key in keys) + "]::text[]",
)
SQLITE = redaction(
    lambda column: f"NEW.{column} IS OLD.{column}",
    lambda keys: "json_remove(OLD.data, " + ", ".join(f"'$.{key}'" for key in keys) + ")",
)
FUNCTION = """
    CREATE OR REPLACE FUNCTION accounts_audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        {redaction}
        RAISE EXCEPTION '{refusal}' USING ERRCODE = 'integrity_constraint_violation';
    END
    $body$
"""
SQL = {
    "postgresql": {
        "forwards": [
            FUNCTION.format(
                refusal=REFUSAL,
                redaction=f"IF TG_OP = 'UPDATE' THEN IF {POSTGRESQL} THEN RETURN NEW; END IF; END IF;",
            )
        ],
        "backwards": [FUNCTION.format(refusal=REFUSAL, redaction="")],
    },
    "sqlite": {
        "forwards": [
            "DROP TRIGGER audit_is_not_changed",
            f"""
            CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON accounts_auditevent WHEN NOT ({SQLITE})
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
            """,
        ],
        "backwards": ["DROP TRIGGER audit_is_not_changed", BEFORE.SQL["sqlite"]["forwards"][0]],
    },
}


def run(direction):
    def statements(apps, schema_editor):
        for statement in SQL[schema_editor.connection.vendor][direction]:
            schema_editor.execute(statement)

    return statements


class Migration(migrations.Migration):
    atomic = False  # for the index

    dependencies = [
        ("accounts", "0018_erase_people"),
    ]

    reviewed = "The function of the triggers is replaced, which touches no row and takes a millisecond at any size."

    operations = [
        AddIndexConcurrently(
            model_name="auditevent",
            index=models.Index(condition=models.Q(("action", "user.erased")), fields=["user"], name="audit_erased"),
        ),
        migrations.RunPython(run("forwards"), run("backwards")),
    ]
