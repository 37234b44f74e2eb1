"""As many requests as asked for, by everybody."""

from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.altcha import solve
from tests.conftest import Browser, deliver, last_token
from tests.fuzz.requests import Shot, shots
from tests.fuzz.targets import targets
from tests.fuzz.verdict import Range
from tests.walk.people import Arrival, make_world, pending_at_the_token
from tests.walk.routes import routes
from twofactor import captcha


def shoot(arrive: Arrival, times: int, *, number: int = 0, again: bool = True) -> Counter[int]:
    """Send so many requests as somebody; return how they were answered. The same ``number`` sends the same ones.

    Fails at the first one whose answer or whose changed rows are wrong; ``again`` looks for its simplest form.
    """
    world, browser = make_world(), Browser()
    arrive(world, browser)
    token = last_token() if arrive is pending_at_the_token and deliver() else ""
    found = targets(browser, routes(world.samples))
    aims = [target for target in found for _ in range(10 if target.fields else 1)]
    here = Range(world, browser, arrive, token)
    phases = [Phase.generate, *([Phase.shrink] if again else [])]

    @seed(number)
    @settings(max_examples=times, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=phases)
    @given(shots(aims, lambda: solve(captcha.new_altcha()), token))
    def one(shot: Shot) -> None:
        here.shoot(shot)

    one()
    return here.answers
