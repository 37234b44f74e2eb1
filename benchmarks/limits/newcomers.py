"""Malicious accounts that type numbers all day, and the newcomers of other accounts (B-10)."""

from accounts.models import User
from benchmarks.limits import attackers
from benchmarks.limits.people import account, users
from benchmarks.limits.scenario import HOUR, Result, one, see
from tests.tools import let_pass

ACCOUNTS, PUPPETS, NUMBERS = 80, 8, 5  # enough to use up what the system has for unconfirmed phones


def play() -> Result:
    """Use up the system's SMS for unconfirmed phones; then let people of two other accounts sign in."""
    before = attackers.messages()[0]
    evil = [users(PUPPETS, account(), phones=False) for _ in range(ACCOUNTS)]
    for _turn in range(2):
        for place, puppets in enumerate(evil):
            _type_numbers(puppets, place)
        let_pass(HOUR)
    sms = attackers.messages()[0] - before
    others = [account() for _ in range(2)]
    new = [one(user, known=False) for each in others for user in users(5, each, phones=False)]
    old = [one(user, known=False) for each in others for user in users(5, each)]
    asked = ACCOUNTS * PUPPETS * NUMBERS * 2
    return Result(see(*new, *old), f"{asked:,} tokens asked for by {ACCOUNTS * PUPPETS} puppets", sms)


def _type_numbers(puppets: list[User], place: int) -> None:
    """Let each puppet ask for a token to five numbers, each of a range of its own, from an address of its own."""
    for puppet_place, puppet in enumerate(puppets):
        for turn in range(NUMBERS):
            serial = ((place * PUPPETS + puppet_place) * NUMBERS + turn) * 10_007 % 100_000_000
            address = f"10.{place}.{puppet_place}.1"
            attackers.ask_as_thief(puppet, address, "sms", number=f"{11 + turn} 9{serial:08d}")
