"""Which services are proxied."""

import pytest

from pynetes.proxy.services import service_ports
from tests.proxy.lists import service


@pytest.mark.parametrize(
    "svc",
    [
        service(ip="None"),
        service(type="ExternalName", ip=""),
        {
            **service(),
            "metadata": {"namespace": "a", "name": "b", "labels": {"service.kubernetes.io/service-proxy-name": "x"}},
        },
    ],
)
def test_what_is_not_ours_to_proxy_makes_no_rule(svc: dict[str, object]) -> None:
    assert service_ports(svc, 4) == []
