"""O-01, O-02: migrations from the first release on; none blocks a large table, none breaks the release before."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models.functions import Lower

from messaging.postgresql.operations import AddFieldAtOnce, AddIndexConcurrently, CreateModelAtOnce, backfill

APPS = {"accounts": "accounts", "twofactor": "twofactor", "delivery": "messaging.delivery"}
# The last of each app before the rules held, in what last_release.txt names. What landed is never rewritten.
LANDED = {"accounts": 12, "twofactor": 5, "delivery": 4}
# One row of the accounts is changed, in one transaction with its column and its constraint.
EXCUSED = {"accounts 0013_mark_the_operators_account"}
BREAKING = (
    migrations.DeleteModel,
    migrations.RemoveField,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
)
UNKNOWN = (migrations.AlterField, migrations.RunPython, migrations.RunSQL, migrations.AddConstraint)
CHANGING = (migrations.AddField, migrations.AlterField, migrations.RemoveField, migrations.AddConstraint)
ENOUGH = 30  # signs of a reason

Problems = Iterator[str]


def problems(migration: Any) -> list[str]:
    """Return what is wrong with a migration; its ``reviewed`` says why what cannot be judged here is all right."""
    made = {operation.name.lower() for operation in operations(migration) if made_anew(operation)}
    reviewed = len(getattr(migration, "reviewed", "")) >= ENOUGH
    found = [
        line
        for operation in operations(migration)
        if table_of(operation) not in made
        for line in of_operation(operation, atomic=migration.atomic, reviewed=reviewed)
    ]
    return [*found, *of_the_whole(migration, made)]


def of_the_whole(migration: Any, made: set[str]) -> Problems:
    """Judge what the operations hold together, and whether what broke off can be run again."""
    changed = {table_of(operation) for operation in operations(migration) if isinstance(operation, CHANGING)} - made
    if migration.atomic and len(changed) > 1:
        yield "one transaction holds the locks of several tables: AddFieldAtOnce, with atomic = False"
    again = [one for one in operations(migration) if isinstance(one, (migrations.AddField, migrations.CreateModel))]
    if not migration.atomic and not all(isinstance(one, (AddFieldAtOnce, CreateModelAtOnce)) for one in again):
        yield "what breaks off is run again: AddFieldAtOnce, CreateModelAtOnce"


def operations(migration: Any) -> Iterator[Any]:
    """Return the operations that reach the database."""
    for operation in migration.operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from operation.database_operations
        else:
            yield operation


def made_anew(operation: Any) -> bool:
    return isinstance(operation, migrations.CreateModel)


def table_of(operation: Any) -> str:
    return str(getattr(operation, "model_name", "") or getattr(operation, "name", "")).lower()


def of_operation(operation: Any, *, atomic: bool, reviewed: bool) -> Problems:
    """Judge one operation on a table that is there already."""
    name = type(operation).__name__
    if isinstance(operation, BREAKING) and not reviewed:
        yield f"{name} breaks the release before, which still runs: do it one release after nothing uses it any more"
    if isinstance(operation, migrations.AddField):
        yield from of_new_column(operation.field)
    if isinstance(operation, migrations.AddIndex) and not isinstance(operation, AddIndexConcurrently):
        yield "AddIndex blocks every write: AddIndexConcurrently"
    if isinstance(operation, AddIndexConcurrently) and atomic:
        yield "AddIndexConcurrently needs a migration with atomic = False"
    if isinstance(operation, migrations.RunPython) and atomic:
        yield "RunPython in one transaction keeps every row locked until its end: backfill, with atomic = False"
    if isinstance(operation, UNKNOWN) and not isinstance(operation, AddConstraintNotValid) and not reviewed:
        yield f"{name} cannot be judged here: say in ``reviewed`` why nobody waits, with its seconds at 1 M rows"


def of_new_column(field: Any) -> Problems:
    """Judge a column that is added to a table with rows in it."""
    if isinstance(field, models.GeneratedField):
        yield "a GeneratedField rewrites the table under a lock: a column, a backfill, and code that keeps it"
    elif not field.null and not field.has_db_default():
        yield "a new column is null or has a db_default: the release before does not name it when it inserts"
    if field.unique or field.db_index:
        yield "an index that comes with a column blocks every write: db_index=False, then AddIndexConcurrently"


def later() -> Iterator[tuple[str, Any]]:
    """Return every migration that the rules hold for."""
    for app, package in APPS.items():
        folder = import_module(f"{package}.migrations")
        for module in iter_modules(folder.__path__):
            if int(module.name[:4]) > LANDED[app]:
                yield f"{app} {module.name}", import_module(f"{folder.__name__}.{module.name}").Migration


def test_no_migration_blocks_a_large_table_or_breaks_the_release_before() -> None:
    """O-01, O-02."""
    found = {name: problems(migration) for name, migration in later()}
    assert {name for name, lines in found.items() if lines} == EXCUSED, found


INDEX = models.Index(fields=["email"], name="an_index")
EMPTY = models.TextField(null=True)
CHECK = models.CheckConstraint(condition=models.Q(pk__gt=0), name="a_check")


def migration(*operations: Any, atomic: bool = True, reviewed: str = "") -> Any:
    return SimpleNamespace(operations=operations, atomic=atomic, reviewed=reviewed)


def add(field: Any) -> Any:
    return migration(migrations.AddField("user", "nickname", field))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (add(models.TextField()), "null or has a db_default"),
        (add(models.TextField(default="")), "null or has a db_default"),
        (add(models.TextField(null=True, unique=True)), "an index that comes with a column"),
        (add(models.TextField(null=True, db_index=True)), "an index that comes with a column"),
        (add(models.ForeignKey("accounts.Account", models.CASCADE, null=True)), "an index that comes with a column"),
        (
            add(models.GeneratedField(expression=Lower("email"), output_field=models.TextField(), db_persist=True)),
            "rewrites the table",
        ),
        (migration(migrations.AddIndex("user", INDEX)), "blocks every write"),
        (migration(AddIndexConcurrently("user", INDEX)), "atomic = False"),
        (migration(migrations.RemoveField("user", "email")), "breaks the release before"),
        (migration(migrations.RenameField("user", "email", "mail")), "breaks the release before"),
        (migration(migrations.DeleteModel("User")), "breaks the release before"),
        (migration(migrations.RenameModel("User", "Person")), "breaks the release before"),
        (migration(migrations.AlterField("user", "email", models.TextField())), "cannot be judged here"),
        (migration(migrations.AddConstraint("user", CHECK)), "cannot be judged here"),
        (migration(migrations.RunSQL("SELECT 1")), "cannot be judged here"),
        (migration(migrations.RunPython(print), reviewed="x" * ENOUGH), "in one transaction"),
        (migration(migrations.RunPython(print), atomic=False), "cannot be judged here"),
        (migration(migrations.RemoveField("user", "email"), reviewed="short"), "breaks the release before"),
        (
            migration(migrations.AddField("user", "a", EMPTY), migrations.AddField("account", "a", EMPTY)),
            "holds the locks of several tables",
        ),
        (migration(migrations.AddField("user", "a", EMPTY), atomic=False), "is run again"),
        (migration(migrations.CreateModel("Thing", []), atomic=False), "is run again"),
    ],
)
def test_the_rules_report_what_a_migration_may_not_do(made: Any, said: str) -> None:
    assert any(said in line for line in problems(made))


@pytest.mark.parametrize(
    "made",
    [
        add(models.TextField(null=True)),
        add(models.TextField(db_default="")),
        add(models.ForeignKey("accounts.Account", models.CASCADE, null=True, db_index=False)),
        migration(AddIndexConcurrently("user", INDEX), atomic=False),
        migration(AddFieldAtOnce("user", "a", EMPTY), AddFieldAtOnce("account", "a", EMPTY), atomic=False),
        migration(migrations.AddField("user", "a", EMPTY), migrations.AddField("user", "b", EMPTY)),
        migration(AddConstraintNotValid("user", CHECK)),
        migration(backfill("accounts", "User", models.Q(email=""), email="-"), atomic=False, reviewed="x" * ENOUGH),
        migration(migrations.RemoveField("user", "email"), reviewed="Nothing has read it since release 3."),
        migration(
            migrations.CreateModel("Thing", [("id", models.BigAutoField(primary_key=True))]),
            migrations.AddField("thing", "name", models.TextField(unique=True)),
            migrations.AddIndex("thing", INDEX),
        ),
        migration(migrations.SeparateDatabaseAndState(state_operations=[migrations.RenameModel("User", "Person")])),
    ],
)
def test_the_rules_let_pass(made: Any) -> None:
    assert problems(made) == []
