"""Find the operators' account by a mark: its name is anybody's to take (B7)."""

from typing import Any

from django.db import migrations, models


def mark(apps: Any, schema_editor: Any) -> None:
    """Mark the account that createsuperuser has used so far: of that name, with a superuser in it, the oldest."""
    accounts = apps.get_model("accounts", "Account").objects.using(schema_editor.connection.alias)
    found = accounts.filter(name="Operação", users__is_superuser=True).order_by("pk").values_list("pk", flat=True)
    accounts.filter(pk__in=list(found[:1])).update(is_operators=True)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_account_logo")]

    operations = [
        migrations.AddField(
            "account", "is_operators", models.BooleanField(db_default=False, default=False, editable=False)
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
        migrations.AddConstraint(
            "account",
            models.UniqueConstraint(
                fields=["is_operators"], condition=models.Q(is_operators=True), name="account_one_of_operators"
            ),
        ),
    ]
