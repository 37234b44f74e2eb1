"""Home counts who has no second factor that counts, of any kind (K-06): one index holds all that it reads."""

from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0030_account_notices"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="user",
            index=models.Index(
                fields=["account", "is_active", "has_phone", "has_app", "has_passkey"], name="user_counted_by_factor"
            ),
        ),
        # The release before counts by the beginning of the new one.
        migrations.RemoveIndex(model_name="user", name="user_counted"),
    ]
