"""The calls of a gateway are counted among what was sent: a message that waits is in no index of gateways."""

from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('delivery', '0006_words_of_the_operators_site'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='message',
            index=models.Index(condition=models.Q(('sent_at__isnull', False)), fields=['gateway', 'sent_at'], name='message_by_gateway'),
        ),
        migrations.RemoveIndex(
            model_name='message',
            name='message_gateway',
        ),
    ]
