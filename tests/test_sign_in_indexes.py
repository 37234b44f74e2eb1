"""What each sign-in writes has few indexes, and what asks for it finds one (docs/scaling.md)."""

from typing import Any

import pytest
from django.db import connection, models

from accounts.models import Session, User
from messaging.database import Clock
from messaging.delivery.models import Message
from twofactor.models import Challenge, PendingSignIn

pytestmark = pytest.mark.django_db

GONE = {
    "accounts_session_user_id_d5aaed01",
    "accounts_user_email_b2644a56_like",
    "accounts_user_username_6088629e_like",
    "accounts_session_session_key_b186966f_like",
    "message_gateway",
    "twofactor_challenge_email_change_id_4850e71b",
    "twofactor_challenge_phone_change_id_00a8343b",
    "twofactor_challenge_reauthentication_id_1ff5ff49",
    "twofactor_pendingsignin_session_hash_52ff408c_like",
    "twofactor_pendingsignin_user_id_79c54a02",
}


@pytest.fixture
def an_index_is_cheaper() -> None:
    """Empty tables are read whole, else."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")


def asked() -> dict[str, list[models.QuerySet[Any]]]:
    """Return what is asked, by the index that answers: by our own code, and by Django before it deletes a journey."""
    ways = ("phone_change", "reauthentication", "email_change")
    return {
        **{f"challenge_of_{way}": [ask_one(way, {way: 1}), ask_one(way, {f"{way}__in": [1, 2]})] for way in ways},
        "pendingsignin_of_user": [PendingSignIn.objects.filter(user=1), PendingSignIn.objects.filter(user__in=[1, 2])],
        "session_of_user": [Session.objects.filter(user=1), Session.objects.filter(user__in=[1, 2])],
        "message_by_gateway": [Message.objects.filter(gateway="twilio", sent_at__gt=Clock())],
    }


def ask_one(way: str, condition: dict[str, Any]) -> models.QuerySet[Any]:
    return Challenge.objects.filter(**condition).only(way)


@pytest.mark.parametrize("index", asked())
def test_what_is_asked_of_a_sign_ins_tables_has_its_index(an_index_is_cheaper: None, index: str) -> None:
    for rows in asked()[index]:
        assert index in rows.order_by().explain(), str(rows.query)


@pytest.mark.parametrize("model", [Challenge, Message, PendingSignIn, Session, User])
def test_an_index_that_nothing_asks_is_gone(model: type[models.Model]) -> None:
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, model._meta.db_table)
    assert not GONE & set(there)
