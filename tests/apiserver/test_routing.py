"""What paths mean. Source: apiserver ``pkg/endpoints/request/requestinfo_test.go`` for the cases."""

import pytest

from pynetes import kinds
from pynetes.apiserver.registry import Registry
from pynetes.apiserver.routing import BadPath, Router, request_info


@pytest.mark.parametrize(
    ("method", "path", "verb", "group", "namespace", "resource", "subresource", "name"),
    [
        ("GET", "/api/v1/namespaces", "get", "", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces/other", "get", "", "other", "namespaces", "", "other"),
        ("GET", "/api/v1/namespaces/other/pods", "get", "", "other", "pods", "", ""),
        ("GET", "/api/v1/namespaces/other/pods/foo", "get", "", "other", "pods", "", "foo"),
        ("HEAD", "/api/v1/namespaces/other/pods/foo", "get", "", "other", "pods", "", "foo"),
        ("GET", "/api/v1/pods", "get", "", "", "pods", "", ""),
        ("POST", "/api/v1/namespaces/other/pods", "create", "", "other", "pods", "", ""),
        ("DELETE", "/api/v1/namespaces/other/pods/foo", "delete", "", "other", "pods", "", "foo"),
        ("PATCH", "/api/v1/namespaces/other/pods/foo", "patch", "", "other", "pods", "", "foo"),
        ("PUT", "/api/v1/namespaces/other/finalize", "update", "", "other", "namespaces", "finalize", "other"),
        ("PUT", "/api/v1/namespaces/other/status", "update", "", "other", "namespaces", "status", "other"),
        ("GET", "/api/v1/watch/pods", "watch", "", "", "pods", "", ""),
        ("GET", "/api/v1/watch/namespaces/other/pods/foo", "watch", "", "other", "pods", "", "foo"),
        ("GET", "/api/v1/proxy/namespaces/other/pods/foo/x", "proxy", "", "other", "pods", "", "foo"),
        ("POST", "/api/v1/namespaces/other/pods/foo/exec", "create", "", "other", "pods", "exec", "foo"),
        ("GET", "/api/v1/nodes/n/proxy/a/b", "get", "", "", "nodes", "proxy", "n"),
        ("GET", "/apis/apps/v1/namespaces/x/deployments/d/scale", "get", "apps", "x", "deployments", "scale", "d"),
    ],
)
def test_a_resource_path_is_read_as_upstream_reads_it(
    method, path, verb, group, namespace, resource, subresource, name
):
    info = request_info(method, path)
    assert info.is_resource
    assert (info.verb, info.group, info.namespace, info.resource, info.subresource, info.name) == (
        verb,
        group,
        namespace,
        resource,
        subresource,
        name,
    )


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/healthz", "/foo/bar/baz"])
def test_other_paths_are_no_resources(path):
    info = request_info("GET", path)
    assert not info.is_resource
    assert (info.verb, info.path) == ("get", path)


def test_a_special_verb_without_a_resource_is_a_bad_path():
    with pytest.raises(BadPath):
        request_info("GET", "/api/v1/watch")


@pytest.mark.parametrize(
    ("method", "path", "fault"),
    [
        ("GET", "/api/v1/namespaces/d/widgets", "path"),
        ("GET", "/apis/apps/v9/deployments", "path"),
        ("GET", "/apis/x/y/z", "page"),
        ("GET", "/apis/unknown", "page"),
        ("GET", "/nothing", "page"),
        ("GET", "/version/x", "path"),
        ("GET", "/api/v9", "path"),
        ("POST", "/api", "method"),
        ("POST", "/api/v1/namespaces/d/configmaps/a", "method"),
        ("PUT", "/api/v1/namespaces/d/configmaps", "method"),
        ("DELETE", "/api/v1/namespaces", "method"),
        ("HEAD", "/api/v1/namespaces/d/configmaps/a", "method"),
        ("OPTIONS", "/api/v1/namespaces/d/configmaps", "method"),
        ("PUT", "/api/v1/componentstatuses/x", "method"),
        ("GET", "/api/v1/namespaces/d/configmaps/a/unknown", "path"),
        ("POST", "/api/v1/namespaces/d/pods/x/status", "method"),
        ("GET", "/api/v1/namespaces/d/configmaps", ""),
        ("DELETE", "/api/v1/namespaces/d/configmaps", ""),
        ("OPTIONS", "/healthz", ""),
    ],
)
def test_paths_that_lead_nowhere_say_why(method, path, fault):
    assert Router(Registry(kinds.builtin())).resolve(method, path).fault == fault


def test_routes_follow_the_registry():
    registry = Registry(kinds.builtin())
    router = Router(registry)
    assert router.resolve("GET", "/api/v1/pods").fault == ""
    registry.remove("", "pods")
    assert router.resolve("GET", "/api/v1/pods").fault == "path"
