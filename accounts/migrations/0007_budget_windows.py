"""Windows begin with their first use: a row says when its window ends, and the next window reuses it."""

from django.db import migrations, models


def forget_old_keys(apps, schema_editor):
    """Forget what was counted under the old names, five minutes to an hour of wrong passwords."""
    apps.get_model("accounts", "Budget").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_allowed_regions'),
    ]

    operations = [
        migrations.RunPython(forget_old_keys, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name='budget',
            name='budget_of_a_window',
        ),
        migrations.RenameField(
            model_name='budget',
            old_name='slot',
            new_name='until',
        ),
        migrations.AlterField(
            model_name='budget',
            name='key',
            field=models.CharField(max_length=120),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('key', 'seconds'), name='budget_of_a_window'),
        ),
        migrations.AddIndex(
            model_name='budget',
            index=models.Index(fields=['until'], name='budget_until'),
        ),
    ]
