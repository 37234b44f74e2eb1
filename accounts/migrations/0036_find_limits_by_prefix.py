"""Let the unique index of limits find prefixes of names, whatever the database's language.

An index of the same columns is built beside the one there is, and takes its name. Nobody waits for the build.
"""

from django.db import migrations, models, transaction

from messaging.postgresql.base import LOCK_TIMEOUT
from messaging.postgresql.operations import AddIndexConcurrently

NAME = 'budget_of_a_window'
BUILT = 'budget_of_a_window_built'


def replace(schema_editor, columns, take_its_name):
    if schema_editor.connection.vendor != 'postgresql':
        return
    schema_editor.execute('SET lock_timeout = 0')
    statement = f'CREATE UNIQUE INDEX "{BUILT}" ON "accounts_budget" ({columns})'
    AddIndexConcurrently.build(schema_editor, statement, BUILT)
    schema_editor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    # Counting needs one of the two at each moment, also when this breaks off and is run again.
    with transaction.atomic(schema_editor.connection.alias):
        schema_editor.execute(f'ALTER TABLE "accounts_budget" DROP CONSTRAINT IF EXISTS "{NAME}"')
        schema_editor.execute(f'DROP INDEX IF EXISTS "{NAME}"')
        schema_editor.execute(take_its_name)


def find_prefixes(apps, schema_editor):
    columns = '"key" varchar_pattern_ops, "seconds" int4_ops'
    replace(schema_editor, columns, f'ALTER INDEX "{BUILT}" RENAME TO "{NAME}"')


def go_back(apps, schema_editor):
    constraint = f'ADD CONSTRAINT "{NAME}" UNIQUE USING INDEX "{BUILT}"'
    replace(schema_editor, '"key", "seconds"', f'ALTER TABLE "accounts_budget" {constraint}')


class Migration(migrations.Migration):

    atomic = False
    reviewed = 'No row is written and none is read; dropping the constraint needs the lock for an instant.'
    dependencies = [
        ('accounts', '0035_index_session_keys_once'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(find_prefixes, go_back)],
            state_operations=[
                migrations.RemoveConstraint(model_name='ratelimit', name=NAME),
                migrations.AddConstraint(
                    model_name='ratelimit',
                    constraint=models.UniqueConstraint(
                        fields=['key', 'seconds'], name=NAME, opclasses=['varchar_pattern_ops', 'int4_ops']
                    ),
                ),
            ],
        ),
    ]
