"""Where the password of a pending sign-in was typed, and whether wrong ones came before (B-12, B-04)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("twofactor", "0008_ask_open_sessions_and_recovery_codes"),
    ]

    operations = [
        migrations.AddField(
            model_name="pendingsignin",
            name="source",
            field=models.CharField(db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="pendingsignin",
            name="after_failures",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
