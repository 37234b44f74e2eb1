"""Lists of 100,000 people and ten million events: who has a phone beside the person, and no index twice."""

import django.db.models.deletion
import messaging.database
from django.conf import settings
from django.db import migrations, models

DOUBLED = [("AuditEvent", "account"), ("AuditEvent", "actor"), ("AuditEvent", "user"), ("User", "account")]


def drop_doubled(apps, schema_editor):
    """Drop the indexes that Django gives to foreign keys: each of these columns begins a longer one."""
    for model_name, name in DOUBLED:
        model = apps.get_model("accounts", model_name)
        column = model._meta.get_field(name).column
        for index in schema_editor._constraint_names(model, [column], index=True, type_="idx"):
            schema_editor.execute(schema_editor._delete_index_sql(model, index))


def make_doubled(apps, schema_editor):
    for model_name, name in DOUBLED:
        model = apps.get_model("accounts", model_name)
        schema_editor.execute(schema_editor._create_index_sql(model, fields=[model._meta.get_field(name)]))


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_invitations_are_for_members'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='user',
            name='user_never_signed_in',
        ),
        migrations.AddField(
            model_name='user',
            name='has_phone',
            field=models.BooleanField(db_default=False, editable=False),
        ),
        # Not by AlterField: SQLite makes a table anew for it, and the trail would lose its triggers (J-01).
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='user',
                    name='account',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='users', to='accounts.account'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='account',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='actor',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='user',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
            ],
            database_operations=[migrations.RunPython(drop_doubled, make_doubled)],
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(condition=models.Q(('has_phone', False), ('last_login__isnull', True)), fields=['account', 'name_key', 'id'], name='user_never_signed_in'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(condition=models.Q(('has_phone', False), ('last_login__isnull', False)), fields=['account', 'name_key', 'id'], name='user_pending'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(condition=models.Q(('has_phone', False)), fields=['account', 'name_key', 'id'], name='user_without_phone'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['account', 'is_active', 'has_phone'], name='user_counted'),
        ),
        # Beginnings are found and sorted by bytes.
        migrations.RemoveIndex(
            model_name='user',
            name='user_name_like',
        ),
        migrations.RemoveIndex(
            model_name='user',
            name='user_surname_like',
        ),
        migrations.RemoveIndex(
            model_name='user',
            name='user_email_like',
        ),
        migrations.RemoveIndex(
            model_name='user',
            name='user_login_like',
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(models.F('account'), messaging.database.Bytewise('name_key'), name='user_name_like'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(models.F('account'), messaging.database.Bytewise('surname_key'), name='user_surname_like'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(models.F('account'), messaging.database.Bytewise('email'), name='user_email_like'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(models.F('account'), messaging.database.Bytewise('username'), name='user_login_like'),
        ),
    ]
