"""A runtime without processes: containers live and end by script and by the clock alone.

A pod's annotation ``pynetes.dev/simulate`` says how its containers behave; without one they run for ever. See
``script`` for the format.
"""

from pynetes.runtime.simulated.runtime import SimulatedRuntime
from pynetes.runtime.simulated.script import ANNOTATION, Script

__all__ = ["ANNOTATION", "Script", "SimulatedRuntime"]
