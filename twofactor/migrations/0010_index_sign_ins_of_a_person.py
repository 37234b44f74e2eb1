"""What was begun for a person lately is read with every right password (B-12, B-16)."""

from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("twofactor", "0009_add_source_of_a_sign_in"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="pendingsignin",
            index=models.Index(fields=["user", "created_at"], name="pendingsignin_of_user"),
        ),
    ]
