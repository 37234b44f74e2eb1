"""Name the model of ``accounts_budget`` by the field's word. The table, which the release before reads, keeps its name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0031_count_people_by_factor")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel("Budget", "RateLimit"),
                migrations.AlterModelTable("RateLimit", "accounts_budget"),
            ],
        ),
    ]
