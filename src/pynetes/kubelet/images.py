"""Images before containers: the pull policy, the back-off, and the words about both.

Source: kubernetes ``pkg/kubelet/images/image_manager.go``.
"""

import asyncio
from collections.abc import Callable, Sequence

from pynetes.aio.backoff import Backoff
from pynetes.aio.clock import Clock
from pynetes.kubelet.credentials import Candidate, candidates
from pynetes.kubelet.pulled import PullRecords
from pynetes.meta.objects import Object
from pynetes.runtime.references import parse
from pynetes.runtime.types import Credentials, Image, NotFound, Runtime, RuntimeFailure

Tell = Callable[[str, str, str], None]
"""Record an event about the container: type, reason, message."""


class ImageError(Exception):
    """No image: the waiting reason and its message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Images:
    """One pull of an image with the same credentials at a time; back-off a (pod, image)."""

    def __init__(
        self, runtime: Runtime, clock: Clock, records: PullRecords, backoff_seconds: float, limit_seconds: float
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._records = records
        self._backoff = Backoff(backoff_seconds, limit_seconds)
        self._failed: dict[tuple[str, str], tuple[str, float]] = {}
        self._pulls: dict[tuple[str, Credentials | None], asyncio.Task[Image]] = {}

    async def start(self) -> None:
        """Forget who might use images that are gone."""
        self._records.keep_only([image.id for image in await self._runtime.list_images()])

    async def ensure(self, uid: str, reference: str, policy: str, tell: Tell, secrets: Sequence[Object] = ()) -> Image:
        """``secrets`` are those with which the pod may pull. Raises: ImageError."""
        try:
            repository = parse(reference).name
        except ValueError as error:
            message = f'Failed to apply default image tag "{reference}": {error}'
            tell("Warning", "InspectFailed", message)
            raise ImageError("InvalidImageName", message) from None
        found = await self._runtime.image(reference)
        policy = policy or default_policy(reference)
        fitting = candidates(secrets, repository) if secrets else []
        if found is not None and policy != "Always" and self._records.may_use(found, repository, fitting):
            tell(
                "Normal",
                "Pulled",
                f'Container image "{reference}" already present on machine and can be accessed by the pod',
            )
            return found
        if policy == "Never":
            message = f'Container image "{reference}" is not present with pull policy of Never'
            tell("Warning", "ErrImageNeverPull", message)
            raise ImageError("ErrImageNeverPull", message)
        return await self._pull(uid, reference, repository, fitting, tell)

    def delay(self, uid: str, reference: str) -> float:
        """Seconds until the next pull of this image for this pod may begin."""
        now = self._clock.now()
        failed = self._failed.get((uid, reference))
        return 0.0 if failed is None else self._backoff.delay((uid, reference), now) - (now - failed[1])

    def forget(self, uid: str) -> None:
        for key in [k for k in self._failed if k[0] == uid]:
            del self._failed[key]
            self._backoff.reset(key)

    async def _pull(self, uid: str, reference: str, repository: str, fitting: Sequence[Candidate], tell: Tell) -> Image:
        key = (uid, reference)
        now = self._clock.now()
        before = self._failed.get(key)
        if before is not None and now - before[1] < self._backoff.delay(key, now):
            message = f'Back-off pulling image "{reference}"'
            tell("Normal", "BackOff", message)
            raise ImageError("ImagePullBackOff", f"{message}: ErrImagePull: {before[0]}")
        tell("Normal", "Pulling", f'Pulling image "{reference}"')
        begun = self._clock.monotonic()
        try:
            image, used = await self._try_each(reference, fitting)
        except RuntimeFailure as error:
            message = str(error)
            tell("Warning", "Failed", f'Failed to pull image "{reference}": {message}')
            self._backoff.next(key, self._clock.now())
            self._failed[key] = (message, self._clock.now())
            raise ImageError(error.reason or "ErrImagePull", message) from None
        self._records.note(image.id, repository, used)
        self._failed.pop(key, None)
        self._backoff.reset(key)
        taken = duration(self._clock.monotonic() - begun)
        tell(
            "Normal",
            "Pulled",
            f'Successfully pulled image "{reference}" in {taken} ({taken} including waiting). '
            f"Image size: {image.size} bytes.",
        )
        return image

    async def _try_each(self, reference: str, fitting: Sequence[Candidate]) -> tuple[Image, Candidate | None]:
        """Raises: RuntimeFailure, which tells all failures."""
        failures: dict[str, RuntimeFailure] = {}
        for candidate in fitting or (None,):
            try:
                return await self._shared_pull(reference, candidate.credentials if candidate else None), candidate
            except RuntimeFailure as error:
                failures[_told(error)] = error
        text = next(iter(failures)) if len(failures) == 1 else f"[{', '.join(failures)}]"
        raise RuntimeFailure(text, next(iter(failures.values())).reason)

    async def _shared_pull(self, reference: str, credentials: Credentials | None) -> Image:
        key = reference, credentials
        task = self._pulls.get(key)
        if task is None:
            pull = self._runtime.pull_image(reference, credentials)
            task = asyncio.get_running_loop().create_task(pull, name=f"pull {reference}")
            self._pulls[key] = task
            task.add_done_callback(lambda _: self._pulls.pop(key, None))
        return await asyncio.shield(task)


def _told(error: RuntimeFailure) -> str:
    """As it comes over the wire from a container runtime: a kind of error that says something is named."""
    return f"rpc error: code = NotFound desc = {error}" if isinstance(error, NotFound) else str(error)


def default_policy(reference: str) -> str:
    """Always for ``:latest`` and for no tag, else IfNotPresent."""
    name = reference.rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    _, _, tag = name.partition(":")
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def duration(seconds: float) -> str:
    """As Go prints a duration cut to milliseconds: ``1.234s``, ``85ms``."""
    milliseconds = int(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes or hours else "") + text
