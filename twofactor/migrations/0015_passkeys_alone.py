"""What a passkey has to be to sign in without the password, and which model its authenticator is (K-04)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("twofactor", "0014_passkeys"),
    ]

    operations = [
        migrations.AddField(
            model_name="passkey",
            name="user_verified",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="passkey",
            name="is_discoverable",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="passkey",
            name="aaguid",
            field=models.CharField(db_default="", default="", max_length=36),
        ),
    ]
