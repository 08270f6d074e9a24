"""What all tests share: random inputs take as long as they take, also on a busy machine; golden scripts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.golden import Script

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the results that came into the golden scripts")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path], Script]:
    """Opens a golden script as ``--rewrite`` says."""
    return lambda path: Script(path, request.config.getoption("--rewrite"))
