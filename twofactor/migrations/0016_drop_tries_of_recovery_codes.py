"""The tries of recovery codes are counted among the limits; the column was never read."""

from django.db import migrations


class Migration(migrations.Migration):
    reviewed = "The last release (tests/services/last_release.txt) has no recovery codes: it knows neither table nor column."

    dependencies = [
        ("twofactor", "0015_passkeys_alone"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="recoverycode",
            name="tries",
        ),
    ]
