"""Write beside each person whether they have an authenticator app or a passkey (K-06)."""

from django.db import migrations

BATCH = 500
FLAGS = {"AppDevice": "has_app", "Passkey": "has_passkey"}


def note_devices(apps, schema_editor):
    """Go through the devices, so many a statement. Broken off, it begins again and finds less to write."""
    alias = schema_editor.connection.alias
    people = apps.get_model("accounts", "User")._default_manager.using(alias)
    for model, flag in FLAGS.items():
        devices = apps.get_model("twofactor", model)._default_manager.using(alias)
        last = 0
        while batch := list(devices.filter(pk__gt=last).order_by("pk").values_list("pk", "user_id")[:BATCH]):
            people.filter(pk__in={user for _pk, user in batch}, **{flag: False}).update(**{flag: True})
            last = batch[-1][0]


class Migration(migrations.Migration):

    atomic = False
    # Not measured at 1 M people.
    reviewed = "Only people with an app or a passkey are written to, 500 a statement, each a short transaction."

    dependencies = [
        ('accounts', '0025_factors_that_count'),
        ('twofactor', '0017_prove_an_old_factor'),
    ]

    operations = [
        migrations.RunPython(note_devices, migrations.RunPython.noop),
    ]
