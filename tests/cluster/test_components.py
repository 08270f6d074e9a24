"""What the processes of a cluster set up for themselves."""

import resource

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.cluster.components import learn_rules, raise_open_files
from pynetes.kinds import builtin


@pytest.fixture
def few_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 512), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_api_server_may_open_as_many_files_as_it_is_allowed_at_all(few_files):
    raise_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few_files


def test_a_server_has_imported_the_rules_of_all_kinds_a_moment_after_it_listens() -> None:
    clock = VirtualClock()
    run_virtual(learn_rules(clock), clock)
    assert all("hooks" in vars(kind) for kind in builtin())
    assert clock.monotonic() == pytest.approx(2 + 0.01 * len(builtin()))
