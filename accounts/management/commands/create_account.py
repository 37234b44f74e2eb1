"""Make an account and its first administrator."""

import sys
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Account, User
from accounts.users import flows as users


class Command(BaseCommand):
    """Ask for what is missing, check it, create both in one transaction."""

    help = "Creates an account and its first administrator; asks for the password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="name of the account")
        parser.add_argument("--login", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *args: Any, name: str, login: str, email: str, password_stdin: bool, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else typed_twice()
        user = User(username=login.lower(), email=email.lower(), account=Account(name=name))
        try:
            validate_password(password, user)
            user.clean_fields(exclude=["account", "password"])
            user.validate_unique(exclude=["account"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        users.create_account(name, login=login, email=email, password=password)
        self.stdout.write(f"{Account.objects.get(users__username=login.lower())}: {login} created.")


def typed_twice() -> str:
    """Ask for a password at the terminal, twice."""
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the password. Use --password-stdin.")
    password = getpass("Password of the administrator: ")
    if password != getpass("Again: "):
        raise CommandError("The passwords differ.")
    return password
