"""The tables of the app: devices, journeys, challenges."""

from twofactor.factors.app.models import AppDevice, AppEnrolment
from twofactor.factors.codes.models import OwnRecoveryCode
from twofactor.models.challenges import Challenge, ChallengeQuerySet
from twofactor.models.devices import FactorDevice, PhoneDevice
from twofactor.models.journeys import UNCONFIRMED, Journey, PasskeyRegistration, PendingSignIn, Purpose
from twofactor.models.passkeys import Passkey
from twofactor.models.proofs import EmailChange, PhoneChange, Proof, Reauthentication, ReauthenticationQuerySet
from twofactor.models.recovery import RecoveryCode

__all__ = [
    "UNCONFIRMED",
    "AppDevice",
    "AppEnrolment",
    "Challenge",
    "ChallengeQuerySet",
    "EmailChange",
    "FactorDevice",
    "Journey",
    "OwnRecoveryCode",
    "Passkey",
    "PasskeyRegistration",
    "PendingSignIn",
    "PhoneChange",
    "PhoneDevice",
    "Proof",
    "Purpose",
    "Reauthentication",
    "ReauthenticationQuerySet",
    "RecoveryCode",
]
