"""Which reminder of a date of other kinds was sent (K-07)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0032_rate_limit'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='factors_reminded',
            field=models.PositiveSmallIntegerField(editable=False, null=True),
        ),
    ]
