"""The flows write whether a person has a phone, so the triggers of 0005 go. Backwards they come back by that one."""

from importlib import import_module

from django.db import migrations

put_up_again = import_module("twofactor.migrations.0005_phone_beside_the_person").run("forwards")

SQL = {
    "postgresql": [
        "DROP TRIGGER note_phone ON twofactor_phonedevice",
        "DROP FUNCTION twofactor_note_phone()",
    ],
    "sqlite": ["DROP TRIGGER note_no_phone", "DROP TRIGGER note_phone"],
}


def drop(apps, schema_editor):
    for statement in SQL[schema_editor.connection.vendor]:
        schema_editor.execute(statement.replace("DROP TRIGGER", "DROP TRIGGER IF EXISTS"))


class Migration(migrations.Migration):

    dependencies = [
        ("twofactor", "0006_pending_action"),
    ]

    operations = [
        migrations.RunPython(drop, put_up_again),
    ]
