"""Index the SMS tokens to unconfirmed numbers, which are read when a range, a country or an address is used up."""

from django.db import migrations, models

from messaging.postgresql.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('twofactor', '0019_index_less_of_a_sign_in'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='challenge',
            index=models.Index(
                condition=models.Q(('channel', 'sms'), ('purpose__in', ('change_email', 'change_phone', 'enrol'))),
                fields=['issued_at'],
                name='challenge_typed',
            ),
        ),
    ]
