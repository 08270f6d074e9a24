"""Resources: whether they suffice (NodeResourcesFit), and the scores LeastAllocated and BalancedAllocation.

All functions work on columns: one entry a node, as many as the rows they are given.

Source: pkg/scheduler/framework/plugins/noderesources/{fit,least_allocated,balanced_allocation}.go.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

TOO_MANY_PODS = "Too many pods"


def insufficient(resource: str) -> str:
    return f"Insufficient {resource}"


def least_allocated(
    allocatable_cpu: Integers, allocatable_memory: Integers, wanted_cpu: Integers, wanted_memory: Integers
) -> Integers:
    """0 to 100: the more is left after the pod, the better. ``wanted_*``: what all pods count for, this one too."""
    cpu, has_cpu = _left(allocatable_cpu, wanted_cpu)
    memory, has_memory = _left(allocatable_memory, wanted_memory)
    weights = has_cpu.astype(np.int64) + has_memory
    result: Integers = (cpu + memory) // np.maximum(weights, 1)
    return result


def _left(allocatable: Integers, wanted: Integers) -> tuple[Integers, Booleans]:
    known = allocatable != 0
    left = np.maximum(allocatable - wanted, 0) * 100 // np.where(known, allocatable, 1)
    return np.where(known, left, 0), known


def balanced(
    allocatable_cpu: Integers,
    allocatable_memory: Integers,
    used_cpu: Integers,
    used_memory: Integers,
    cpu: int,
    memory: int,
) -> Integers:
    """50 to 100: better when the pod brings the shares of cpu and memory in use closer together."""
    after = _balance(allocatable_cpu, allocatable_memory, used_cpu + cpu, used_memory + memory)
    before = _balance(allocatable_cpu, allocatable_memory, used_cpu, used_memory)
    result: Integers = 50 + (50 + after - before) // 2
    return result


def _balance(allocatable_cpu: Integers, allocatable_memory: Integers, cpu: Integers, memory: Integers) -> Integers:
    both = (allocatable_cpu != 0) & (allocatable_memory != 0)
    deviation: NDArray[Any] = np.abs(_share(cpu, allocatable_cpu) - _share(memory, allocatable_memory)) / 2
    return ((1 - np.where(both, deviation, 0.0)) * 100.0).astype(np.int64)


def _share(used: Integers, allocatable: Integers) -> NDArray[np.float64]:
    return np.minimum(used / np.where(allocatable != 0, allocatable, 1), 1.0)
