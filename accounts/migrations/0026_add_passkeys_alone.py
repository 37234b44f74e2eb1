"""Whether passkeys alone sign in, for each account (K-04)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0025_factors_that_count"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="passkeys_alone",
            field=models.BooleanField(db_default=False, default=False, verbose_name="sign-in by passkey alone"),
        ),
    ]
