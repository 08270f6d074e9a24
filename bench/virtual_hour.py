"""What an hour of a cluster costs under virtual time: `python bench/virtual_hour.py [--nodes 1] [--hours 1] [--seed 0]`.

Everything but containers is real: API server and store, controllers, scheduler, kubelet. One pod's container ends at
once and is restarted (at once, then after 10, 20, 40 ... 300 s). CPU is this process's, without imports and start.
The digest is of the log of writes (keys, revisions, values): the same for one seed, in every run.
"""

import argparse
import asyncio
import hashlib
import json
import sys
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.kinds import PODS
from pynetes.cluster.inprocess import InProcessCluster, Parts
from pynetes.controllers.settings import Settings
from pynetes.runtime.simulated import ANNOTATION


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    clock = VirtualClock(options.seed)
    digest = hashlib.sha256()

    async def hours() -> None:
        cluster = InProcessCluster(clock, Parts(nodes=options.nodes), controller_settings=Settings(ca_pem="any"))
        watch = cluster.store.watch(b"/", b"0", from_revision=1)

        async def record() -> None:
            async for batch in watch:
                for event in batch:
                    digest.update(repr((event.key, event.revision, event.value)).encode())

        recorder = asyncio.ensure_future(record())
        begun = process_time()
        await cluster.start()
        started = process_time()
        annotations = {ANNOTATION: json.dumps({"containers": {"*": {"run": "0", "exitCode": 1}}})}
        spec = {"containers": [{"name": "c", "image": "example.com/crash:1"}]}
        pod = {"metadata": {"name": "crash", "annotations": annotations}, "spec": spec}
        await cluster.client.create(PODS, pod, "default")
        await clock.sleep(options.hours * 3600)
        passed = process_time()
        found = await cluster.client.get(PODS, "crash", "default")
        print(f"start              {started - begun:6.2f} s of CPU")
        print(f"{options.hours:g} h, {options.nodes} node(s)   {passed - started:6.2f} s of CPU")
        print(f"restarts           {found['status']['containerStatuses'][0]['restartCount']:6}")
        print(f"writes             {cluster.store.revision - 1:6}")
        await cluster.close()
        await recorder

    run_virtual(hours(), clock)
    print(f"digest             {digest.hexdigest()[:16]}")


if __name__ == "__main__":
    main()
