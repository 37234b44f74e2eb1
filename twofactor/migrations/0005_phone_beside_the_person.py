"""The database notes beside a person whether they hold a phone, whoever binds or takes it: lists begin there."""

from django.db import migrations

NOTE = "UPDATE accounts_user SET has_phone = {} WHERE id = {}.user_id"
FILL = "UPDATE accounts_user SET has_phone = true WHERE id IN (SELECT user_id FROM twofactor_phonedevice)"
PHONES = "twofactor_phonedevice"

SQL = {
    "postgresql": {
        "forwards": [
            f"""
            CREATE FUNCTION twofactor_note_phone() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN
                IF TG_OP = 'INSERT' THEN {NOTE.format("true", "NEW")}; ELSE {NOTE.format("false", "OLD")}; END IF;
                RETURN NULL;
            END
            $body$
            """,
            f"""
            CREATE TRIGGER note_phone AFTER INSERT OR DELETE ON {PHONES}
            FOR EACH ROW EXECUTE FUNCTION twofactor_note_phone()
            """,
            FILL,
        ],
        "backwards": [
            f"DROP TRIGGER note_phone ON {PHONES}",
            "DROP FUNCTION twofactor_note_phone()",
        ],
    },
    "sqlite": {
        "forwards": [
            f"CREATE TRIGGER note_phone AFTER INSERT ON {PHONES} BEGIN {NOTE.format('true', 'NEW')}; END",
            f"CREATE TRIGGER note_no_phone AFTER DELETE ON {PHONES} BEGIN {NOTE.format('false', 'OLD')}; END",
            FILL,
        ],
        "backwards": ["DROP TRIGGER note_no_phone", "DROP TRIGGER note_phone"],
    },
}


def run(direction):
    def statements(apps, schema_editor):
        for statement in SQL[schema_editor.connection.vendor][direction]:
            schema_editor.execute(statement)

    return statements


class Migration(migrations.Migration):

    dependencies = [
        ('twofactor', '0004_mailbox_and_address'),
        ('accounts', '0011_lists_at_size'),
    ]

    operations = [
        migrations.RunPython(run("forwards"), run("backwards")),
    ]
