"""Every query parameter of the API is honoured or refused (docs/design.md, idea 8); the second list only shrinks."""

import orjson

from pynetes.meta.schema import data_file
from tests.apiserver.writing import CONFIG_MAPS, Writing, run_writing

HONOURED = frozenset(
    """allowWatchBookmarks command container continue dryRun fieldManager fieldSelector fieldValidation follow force
    gracePeriodSeconds insecureSkipTLSVerifyBackend labelSelector limit limitBytes orphanDependents path ports pretty
    previous propagationPolicy resourceVersion resourceVersionMatch sendInitialEvents sinceSeconds stderr stdin stdout
    stream tailLines timeoutSeconds timestamps tty watch""".split()  # noqa: SIM905, a list literal would be a screen
)
REFUSED = {
    "shardSelector": ("GET", CONFIG_MAPS),
    "ignoreStoreReadErrorWithClusterBreakingPotential": ("DELETE", f"{CONFIG_MAPS}/a"),
}


def test_each_parameter_of_the_facts_is_honoured_or_refused() -> None:
    facts = orjson.loads(data_file("paths.json"))
    named = {
        name
        for operations in facts["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict) and "query" in operation
        for name in facts["lists"][operation["query"]]
    }
    assert named == HONOURED | set(REFUSED)


def test_a_parameter_that_is_not_honoured_is_refused_and_nothing_happens() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "a")
        for name, (method, path) in REFUSED.items():
            code, body = await api.ask(method, f"{path}?{name}=true")
            assert (code, body["message"]) == (501, f"the parameter {name} is not implemented yet")
        assert (await api.ask("GET", f"{CONFIG_MAPS}/a"))[0] == 200

    run_writing(main)


def test_a_request_may_ask_for_less_time_than_it_has_and_for_none_that_cannot_be_read() -> None:
    """Of upstream's ``kubectl --request-timeout``, which is sent as ``timeout``."""

    async def main(api: Writing) -> None:
        code, body = await api.ask("GET", f"{CONFIG_MAPS}?timeout=soon", user="nobody")
        text = 'invalid timeout specified in the request URL - time: invalid duration "soon"'
        assert (code, body["message"]) == (400, text)
        for asked, seconds in (
            ("1s", 1),
            ("10m", 3),
            ("0s", 3),
            ("-1s", 3),
        ):  # three are given to what is not there yet
            begun = api.clock.monotonic()
            code, body = await api.ask("GET", f"{CONFIG_MAPS}?resourceVersion=999999&timeout={asked}")
            assert (code, body["reason"], round(api.clock.monotonic() - begun)) == (504, "Timeout", seconds)

    run_writing(main)
