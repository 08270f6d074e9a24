"""ImageLocality: a node that holds the pod's images already is a little better.

Source: pkg/scheduler/framework/plugins/imagelocality/image_locality.go.
"""

import numpy as np
from numpy.typing import NDArray

_LEAST = 23 * 1024 * 1024
_MOST = 1000 * 1024 * 1024


def spread(sizes: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """The sizes of one image on all nodes (0: absent), scaled by the share of the nodes that hold it."""
    holding = int(np.count_nonzero(sizes))
    return (sizes.astype(np.float64) * (holding / nodes)).astype(np.int64) if nodes else sizes


def score(summed: NDArray[np.int64], containers: int) -> NDArray[np.int64]:
    """0 to 100 from the summed, spread sizes of a pod's images."""
    most = _MOST * max(containers, 1)
    result: NDArray[np.int64] = 100 * (np.clip(summed, _LEAST, most) - _LEAST) // (most - _LEAST)
    return result
