"""Whether e-mail goes off by itself for whoever has an app or a passkey (K-06)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0033_reminders_of_factors'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='email_yields',
            field=models.BooleanField(db_default=False, default=False, verbose_name='no tokens by e-mail for whoever has an app or a passkey'),
        ),
    ]
