"""How many of their own recovery codes a person has left (K-05)."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0021_preferred_factor'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='codes_left',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
