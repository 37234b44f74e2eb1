"""An invitation makes a member, and its links die by a number that nobody can guess the next of."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_options_of_the_second_factor'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='invitation',
            name='role',
        ),
        migrations.RenameField(
            model_name='invitation',
            old_name='round',
            new_name='nonce',
        ),
        migrations.AlterField(
            model_name='invitation',
            name='nonce',
            field=models.PositiveIntegerField(),
        ),
    ]
