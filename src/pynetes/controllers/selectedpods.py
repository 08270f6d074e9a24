"""The pods that a selector selects: by an index of labels where it names a value, so that nobody reads them all."""

from collections.abc import Iterable

from pynetes.client.informer import Informers
from pynetes.client.kinds import PODS
from pynetes.meta.objects import Object, labels_of, namespace_of
from pynetes.meta.selectors import LabelSelector

_BY_LABEL = "label"


def by_label(obj: Object) -> Iterable[str]:
    """``namespace/key=value`` for each label."""
    return (f"{namespace_of(obj)}/{key}={value}" for key, value in labels_of(obj).items())


class SelectedPods:
    """Looks them up in the shared informer. What it returns is shared, too."""

    def __init__(self, informers: Informers) -> None:
        self._pods = informers.get(PODS, indexes={_BY_LABEL: by_label})

    def of(self, namespace: str, selector: LabelSelector) -> list[Object]:
        return [pod for pod in self._candidates(namespace, selector) if selector.matches(labels_of(pod))]

    def _candidates(self, namespace: str, selector: LabelSelector) -> Iterable[Object]:
        for requirement in selector.requirements:
            if (value := selector.exact(requirement.key)) is not None:
                return self._pods.by_index(_BY_LABEL, f"{namespace}/{requirement.key}={value}")
        return self._pods.list(namespace)
