"""Name the table's model by the field's word, and add the lease and the high-water mark. The table keeps its name."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("delivery", "0004_chores"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel("Chore", "PeriodicTask"),
                migrations.AlterModelTable("PeriodicTask", "delivery_chore"),
            ],
        ),
        migrations.AddField("PeriodicTask", "leased_until", models.DateTimeField(null=True)),
        migrations.AddField("PeriodicTask", "high_water", models.BigIntegerField(null=True)),
    ]
