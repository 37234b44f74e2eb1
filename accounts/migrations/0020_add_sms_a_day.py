from django.db import migrations, models


class Migration(migrations.Migration):
    """Add how many SMS an operator lets an account send in a day."""

    dependencies = [
        ("accounts", "0019_redact_erased_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="sms_a_day",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: as many as its people need, within its share.",
                null=True,
                verbose_name="SMS a day",
            ),
        ),
    ]
