from django.db import migrations, models


class Migration(migrations.Migration):
    """Add since when a person is erased."""

    dependencies = [
        ("accounts", "0017_invite_with_name_and_role"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="erased_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
