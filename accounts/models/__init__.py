"""The tables of accounts, their people, and what they did."""

from accounts.models.account import Accent, Account, Logo, accepting
from accounts.models.audit import AuditEvent, AuditEventQuerySet
from accounts.models.daily_figure import DailyFigure
from accounts.models.invitation import Invitation, InvitationQuerySet
from accounts.models.known_device import KnownDevice
from accounts.models.rate_limit import RateLimit
from accounts.models.search_word import SearchWord
from accounts.models.session import Session
from accounts.models.user import NEVER, OPERATORS, SEEN_AT, Role, User, UserManager

__all__ = [
    "NEVER",
    "OPERATORS",
    "SEEN_AT",
    "Accent",
    "Account",
    "AuditEvent",
    "AuditEventQuerySet",
    "DailyFigure",
    "Invitation",
    "InvitationQuerySet",
    "KnownDevice",
    "Logo",
    "RateLimit",
    "Role",
    "SearchWord",
    "Session",
    "User",
    "UserManager",
    "accepting",
]
