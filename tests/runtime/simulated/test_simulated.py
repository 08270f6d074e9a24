"""Containers by script and clock."""

import asyncio
import json

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.runtime.simulated import ANNOTATION, Script, SimulatedRuntime
from pynetes.runtime.types import ContainerConfig, ContainerState, RuntimeFailure, SandboxConfig, SandboxState


def script(**containers: object) -> dict[str, str]:
    return {ANNOTATION: json.dumps({"containers": containers})}


def sandbox(name: str, **annotations: str) -> SandboxConfig:
    return SandboxConfig(name, "default", f"uid-{name}", annotations=annotations, log_directory=f"/logs/{name}")


def test_a_container_ends_when_its_script_says() -> None:
    clock = VirtualClock()

    async def main() -> None:
        runtime = SimulatedRuntime(clock)
        made = await runtime.run_sandbox(sandbox("p", **script(c={"run": "90s", "exitCode": 2})))
        container = await runtime.create_container(made.id, ContainerConfig("c", 0, "a"))
        await runtime.start_container(container)
        await clock.sleep(89.9)
        assert (await runtime.container(container)).state is ContainerState.RUNNING
        await clock.sleep(0.2)
        found = await runtime.container(container)
        assert (found.state, found.exit_code, found.reason) == (ContainerState.EXITED, 2, "Error")
        assert found.finished_at - found.started_at == 90 * 10**9

    run_virtual(main(), clock)


def test_a_slow_stop_is_killed_when_its_grace_is_over() -> None:
    clock = VirtualClock()

    async def main() -> None:
        runtime = SimulatedRuntime(clock)
        made = await runtime.run_sandbox(sandbox("p", **script(c={"stopDelay": "1m"})))
        container = await runtime.create_container(made.id, ContainerConfig("c", 0, "a"))
        await runtime.start_container(container)
        begun = clock.now()
        await runtime.stop_container(container, 10)
        assert clock.now() - begun == 10
        assert (await runtime.container(container)).exit_code == 137

    run_virtual(main(), clock)


def test_addresses_are_one_a_family_and_come_back() -> None:
    async def main() -> None:
        runtime = SimulatedRuntime(VirtualClock(), ["10.0.0.0/29", "fd00::/120"])
        pods = [await runtime.run_sandbox(sandbox(f"p{i}")) for i in range(5)]
        assert pods[0].ips == ("10.0.0.2", "fd00::2")
        with pytest.raises(RuntimeFailure, match="no addresses left"):
            await runtime.run_sandbox(sandbox("full"))
        await runtime.stop_sandbox(pods[3].id)
        assert (await runtime.run_sandbox(sandbox("next"))).ips[0] == "10.0.0.5"
        states = {s.config.name: s.state for s in await runtime.list_sandboxes()}
        assert states["p3"] is SandboxState.NOT_READY

    asyncio.run(main())


@pytest.mark.parametrize("text", ['{"containers": {"c": {"runn": 1}}}', "{", '{"containers": {"c": {"run": "soon"}}}'])
def test_a_script_that_is_not_understood_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=ANNOTATION):
        Script.parse({ANNOTATION: text})
