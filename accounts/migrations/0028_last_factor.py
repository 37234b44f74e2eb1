"""With which kind of factor a person signed in last: it is offered first."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0027_index_passkeys_alone'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='last_factor',
            field=models.CharField(db_default='', default='', editable=False, max_length=8),
        ),
    ]
