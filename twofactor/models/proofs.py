"""The journeys that ask a signed-in person to re-authenticate (R-01)."""

import json
from hashlib import sha256
from typing import Any, ClassVar

from django.db import models

from accounts.audit.actions import Action
from messaging.database import Clock
from twofactor.factors import held
from twofactor.models.journeys import Journey, Purpose


class Proof(Journey):
    """A journey that asks a signed-in person for the password, then for a factor that they have (R-01)."""

    password_proved = models.BooleanField(default=False)
    holder_proved = models.BooleanField(default=False)
    factor = models.CharField(max_length=8, default="", db_default="")  # the kind chosen with the password

    action: Any  # the purpose, as the audit log names it
    cancelled: ClassVar[Action]  # the audit action when the person gives up

    class Meta(Journey.Meta):
        abstract = True

    @property
    def asked(self) -> str:
        """Return the value that the page posts with each answer: it names what the page showed."""
        return str(self.pk)

    @property
    def has_factor(self) -> bool:
        """Tell whether the person has a factor besides the password; one that no longer counts is enough (K-06)."""
        return bool(held.provable(self.user))

    @property
    def purpose(self) -> str:
        """Return "reauth"."""
        return Purpose.REAUTHENTICATE

    def destination(self, channel: str, stored: str) -> str:
        """Return the current phone or address."""
        return self.known_destination(channel)

    @property
    def step(self) -> str:
        """Return which of the two proofs is outstanding, or "new" when both are given."""
        if self.holder_proved:
            return "new"
        return "current" if self.password_proved else "password"


class PhoneChange(Proof):
    """A change of the phone under way: first the re-authentication, then the new number."""

    number = models.CharField(max_length=16)
    region = models.CharField(max_length=2)
    kind = models.CharField(max_length=24)

    name = "phone_change"
    action = "phone.change"
    cancelled = Action.PHONE_CHANGE_CANCELLED

    def __str__(self) -> str:
        return f"phone change {self.pk}"

    @property
    def purpose(self) -> str:
        """Return "reauth" until the re-authentication is done, then "change_phone"."""
        return Purpose.CHANGE_PHONE if self.holder_proved else Purpose.REAUTHENTICATE

    def destination(self, channel: str, stored: str) -> str:
        """Return the new number; for the re-authentication the current phone or address."""
        return self.number if self.holder_proved else super().destination(channel, stored)


class EmailChange(Proof):
    """A change of the e-mail address under way: first the re-authentication, then the new mailbox (R-08)."""

    email = models.EmailField(max_length=254)

    name = "email_change"
    action = "email.change"
    cancelled = Action.EMAIL_CHANGE_CANCELLED

    def __str__(self) -> str:
        return f"e-mail change {self.pk}"

    @property
    def purpose(self) -> str:
        """Return "reauth" until the re-authentication is done, then "change_email"."""
        return Purpose.CHANGE_EMAIL if self.holder_proved else Purpose.REAUTHENTICATE

    def destination(self, channel: str, stored: str) -> str:
        """Return the new address; for the re-authentication the current phone or address."""
        return self.email if self.holder_proved else super().destination(channel, stored)


class ReauthenticationQuerySet(models.QuerySet["Reauthentication"]):
    """Queries of re-authentications."""

    def alive(self) -> "ReauthenticationQuerySet":
        """Return those that are neither too old nor used."""
        return self.filter(expires_at__gt=Clock(), used_at__isnull=True)

    def granted(self) -> "ReauthenticationQuerySet":
        """Return those given in the last 300 s and not used."""
        return self.alive().filter(holder_proved=True)


class Reauthentication(Proof):
    """A re-authentication: for one action of the account's settings, or for five minutes of administration (R-12)."""

    action = models.CharField(max_length=60)
    path = models.CharField(max_length=300)
    query = models.CharField(max_length=500, default="")
    pending_action = models.JSONField(null=True, db_column="wish")  # carried out right after the re-authentication
    posted = models.JSONField(null=True)  # what was posted to ``path``, and is posted again right after it
    back = models.CharField(max_length=300, default="", db_default="")  # the page of a path that takes no GET
    used_at = models.DateTimeField(null=True)

    name = "reauthentication"
    cancelled = Action.REAUTHENTICATION_CANCELLED

    objects: ClassVar[Any] = ReauthenticationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"re-authentication {self.pk}: {self.action}"

    @property
    def asked(self) -> str:
        """Return a hash of what will be carried out: a thief of the session may have put another action here."""
        facts = [self.pk, self.action, self.path, self.query, self.pending_action, self.posted]
        return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def next_url(self) -> str:
        """Return the page that asked for the re-authentication."""
        if self.back:
            return self.back
        return f"{self.path}?{self.query}" if self.query else self.path
