"""What the processes of a cluster set up for themselves."""

import resource

import pytest

from pynetes.cluster.components import raise_open_files


@pytest.fixture
def few_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 512), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_api_server_may_open_as_many_files_as_it_is_allowed_at_all(few_files):
    raise_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few_files
