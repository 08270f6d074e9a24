"""Pull policies, credentials and who may use what was pulled. The words are those of kubelet v1.36.3."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.kubelet.images import ImageError, Images
from pynetes.kubelet.pulled import PullRecords
from pynetes.runtime.types import Credentials, Image, NotFound, RuntimeFailure

from .test_credentials import secret, who

NAME = "r.io/a/b:1"
HERE = f'Container image "{NAME}" already present on machine and can be accessed by the pod'
DENIED = 'failed to pull and unpack image "r.io/a/b:1": denied'


class Runtime:
    """Images that only ``allowed`` may pull (``None``: nobody needs to say who they are)."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed
        self.here: Image | None = None
        self.pulls: list[str] = []

    async def image(self, reference: str) -> Image | None:
        return self.here

    async def list_images(self) -> list[Image]:
        return [self.here] if self.here else []

    async def pull_image(self, reference: str, credentials: Credentials | None = None) -> Image:
        user = credentials.username if credentials else ""
        self.pulls.append(user)
        if not self.allowed:
            raise NotFound(f"{reference}: not found", "ErrImagePull")
        if user not in self.allowed:
            raise RuntimeFailure(DENIED if not user else f"{DENIED} to {user}", "ErrImagePull")
        self.here = Image("sha256:1", (reference,), (), 10, pulled=True)
        return self.here


class Bench:
    def __init__(self, runtime: Runtime, folder: Path | None = None) -> None:
        self.clock = VirtualClock()
        self.images = Images(runtime, self.clock, PullRecords(folder), 10, 300)  # type: ignore[arg-type]
        self.events: list[str] = []

    def ensure(self, policy: str = "", *secrets: dict[str, Any], uid: str = "u") -> Image:
        def tell(type_: str, reason: str, message: str) -> None:
            self.events.append(f"{reason}: {message}")

        self.events.clear()
        return self.run(self.images.ensure(uid, NAME, policy, tell, secrets))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return run_virtual(work, self.clock)

    def refused(self, policy: str = "", *secrets: dict[str, Any], uid: str = "u") -> tuple[str, str]:
        with pytest.raises(ImageError) as found:
            self.ensure(policy, *secrets, uid=uid)
        return found.value.reason, str(found.value)


ADA, EVE = secret("ada", who("ada@r.io")), secret("eve", who("eve@r.io"))


def test_each_fitting_secret_is_tried_in_turn() -> None:
    runtime = Runtime("ada")
    bench = Bench(runtime)
    bench.ensure("", EVE, ADA, secret("other", who("bob@other.io")))
    assert runtime.pulls == ["eve", "ada"]
    assert bench.events[0] == f'Pulling: Pulling image "{NAME}"'
    assert bench.events[1].startswith(f'Pulled: Successfully pulled image "{NAME}" in ')


def test_all_failures_are_told_equal_ones_once() -> None:
    bench = Bench(Runtime("ada"))
    assert bench.refused("", EVE) == ("ErrImagePull", f"{DENIED} to eve")
    two = secret("two", {"r.io": {"username": "eve", "password": "q"}, "r.io/a": {"username": "bob", "password": "p"}})
    assert bench.refused("", two, EVE, uid="v") == ("ErrImagePull", f"[{DENIED} to bob, {DENIED} to eve]")


def test_what_a_registry_does_not_know_comes_with_its_code() -> None:
    told = f"rpc error: code = NotFound desc = {NAME}: not found"
    bench = Bench(Runtime())
    assert bench.refused() == ("ErrImagePull", told)
    assert bench.refused() == ("ImagePullBackOff", f'Back-off pulling image "{NAME}": ErrImagePull: {told}')


@pytest.mark.parametrize("kept", [False, True])
def test_what_came_with_credentials_is_for_those_who_have_them(tmp_path: Path, kept: bool) -> None:
    runtime = Runtime("ada")
    bench = Bench(runtime, tmp_path if kept else None)
    bench.ensure("", ADA)
    if kept:
        bench = Bench(runtime, tmp_path)  # the kubelet was started again
        bench.run(bench.images.start())
    bench.ensure("IfNotPresent", ADA, uid="b")
    assert bench.events == [f"Pulled: {HERE}"]
    bench.ensure("Never", secret("copy", who("ada@r.io")), uid="c")
    assert bench.events == [f"Pulled: {HERE}"]
    never = f'Container image "{NAME}" is not present with pull policy of Never'
    assert bench.refused("Never", uid="d") == ("ErrImageNeverPull", never)
    assert bench.refused("IfNotPresent", uid="e") == ("ErrImagePull", DENIED)
    assert bench.refused("IfNotPresent", EVE, uid="f") == ("ErrImagePull", f"{DENIED} to eve")


def test_what_came_without_is_everybodys_also_when_it_comes_again_with_some() -> None:
    runtime = Runtime("", "ada")
    bench = Bench(runtime)
    bench.ensure()
    bench.ensure("Always", ADA)
    bench.ensure("Never", uid="b")
    assert bench.events == [f"Pulled: {HERE}"]


def test_what_was_loaded_by_hand_is_everybodys_what_was_pulled_without_a_record_is_asked_for() -> None:
    runtime = Runtime("ada")
    bench = Bench(runtime)
    runtime.here = Image("sha256:1", (NAME,), (), 10)
    bench.ensure("Never")
    runtime.here = Image("sha256:1", (NAME,), (), 10, pulled=True)
    assert bench.refused("IfNotPresent")[0] == "ErrImagePull"
    bench.ensure("IfNotPresent", ADA, uid="b")
    assert runtime.pulls == ["", "ada"]


def test_a_secret_whose_words_changed_may_still_use_what_it_pulled() -> None:
    runtime = Runtime("ada")
    bench = Bench(runtime)
    bench.ensure("", ADA)
    changed = secret("ada", {"r.io": {"username": "ada", "password": "new"}})
    bench.ensure("IfNotPresent", changed, uid="b")
    assert bench.events == [f"Pulled: {HERE}"]


def test_records_of_images_that_are_gone_go(tmp_path: Path) -> None:
    runtime = Runtime("")
    bench = Bench(runtime, tmp_path)
    bench.ensure()
    assert len(list(tmp_path.iterdir())) == 1
    bench.run(bench.images.start())
    assert len(list(tmp_path.iterdir())) == 1
    runtime.here = None
    bench.run(bench.images.start())
    assert not list(tmp_path.iterdir())
    assert not list(tmp_path.glob(".*"))


def test_a_record_that_cannot_be_read_opens_nothing(tmp_path: Path) -> None:
    runtime = Runtime("")
    bench = Bench(runtime, tmp_path)
    bench.ensure()
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    runtime.allowed = ("ada",)
    assert bench.refused("IfNotPresent", uid="b")[0] == "ErrImagePull"
