"""The sign-in page asks whether any account lets passkeys alone sign in (K-04)."""

from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0026_add_passkeys_alone"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="account",
            index=models.Index(
                condition=models.Q(("passkeys_alone", True)), fields=["passkeys_alone"], name="account_passkeys_alone"
            ),
        ),
    ]
