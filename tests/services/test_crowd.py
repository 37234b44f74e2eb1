"""The benchmark of people who sign in at once: that it plays whole sign-ins and sees each part at work."""

from pathlib import Path

from benchmarks import processes
from benchmarks.crowd import __main__ as crowd
from benchmarks.crowd import installations
from tests.services.conftest import MakePortal
from tests.services.parts import Postgres
from tests.services.programs import Program, wait_for

PEOPLE = 3
CLICKS = 5  # of a sign-in


def test_a_crowd_of_three_signs_in_and_is_counted(make_portal: MakePortal, postgres: Postgres) -> None:
    """O-22: every sign-in is whole, none is an error, and each part's processor time is seen."""
    portal = make_portal("crowd", **installations.SETTINGS)
    one = installations.of_portal(portal, portal.twilio.token, postgres)
    runs = [one.crowd.at_once(2, PEOPLE, 60), one.crowd.steadily(20, PEOPLE)]
    for run in runs:
        assert (run.signed_in, dict(run.errors), len(run.clicks)) == (PEOPLE, {}, PEOPLE * CLICKS)
        assert 0 < run.click(50) <= run.click(99)
        assert run.a_second > 0
    assert set(runs[0].cpu) >= {"web", "worker", "Redis"}
    assert all(seconds > 0 for seconds in runs[0].cpu.values())
    ((proved,),) = portal.database.rows("SELECT count(*) FROM twofactor_challenge WHERE verified_at IS NOT NULL")
    assert proved == 2 * PEOPLE
    assert 30 < one.memory()[1] <= one.memory()[0]


def test_who_is_refused_is_an_error_and_no_sign_in(make_portal: MakePortal, postgres: Postgres) -> None:
    """A benchmark that counts refusals as sign-ins would be fast."""
    portal = make_portal("refusing-crowd", **installations.SETTINGS)
    one = installations.of_portal(portal, lambda number: "000000", postgres)
    run = one.crowd.at_once(2, PEOPLE, 60)
    assert (run.signed_in, run.errors.total()) == (0, PEOPLE)


def test_processor_time_outlives_the_thread_that_used_it(tmp_path: Path) -> None:
    """What schedstat forgets: a sweep's threads end with it."""
    burn = "import threading, time\ndef burn():\n    while time.thread_time() < 0.2: pass\n"
    code = f"{burn}t = threading.Thread(target=burn); t.start(); t.join(); print('over', flush=True); time.sleep(60)"
    program = Program("python3", "-c", code, log=tmp_path / "burn.log")
    try:
        program.start(lambda: "over" in program.written())
        assert program.process
        pid = program.process.pid
        assert wait_for(lambda: processes.cpu_seconds(pid) >= 0.2)
    finally:
        program.kill()


def test_a_row_says_whether_it_is_missed() -> None:
    assert str(crowd.Row("x", 24.96, least=25)).endswith("missed")
    assert str(crowd.Row("x", 1, most=0)).endswith("missed")
    assert not str(crowd.Row("x", 25, least=25)).endswith("missed")
    assert not str(crowd.Row("x", 150, most=150)).endswith("missed")
