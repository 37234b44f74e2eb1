from django.db import migrations, models


class Migration(migrations.Migration):
    """Add what ends all known browsers of a person."""

    dependencies = [
        ("accounts", "0014_add_known_device"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="browsers_epoch",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
