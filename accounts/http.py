"""The request of a person who is signed in: what every view behind the gate gets."""

from django.http import HttpRequest

from accounts.models import User


class SignedInRequest(HttpRequest):
    """A request that has passed the gate. For type checkers only: at run time it is Django's own class."""

    user: User
