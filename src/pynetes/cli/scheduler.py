"""Run the scheduler alone, in the foreground, against any API server."""

from argparse import ArgumentParser, Namespace

from pynetes.cli import flags


def add_flags(parser: ArgumentParser) -> None:
    flags.add_server(parser)


def run(options: Namespace) -> int:
    from pynetes.aio.clock import RealClock
    from pynetes.cluster import components

    clock = RealClock()

    async def main() -> None:
        client = await components.connect(options.kubeconfig, clock, "kube-scheduler")
        await components.schedule(client, clock)

    components.run(main())
    return 0
