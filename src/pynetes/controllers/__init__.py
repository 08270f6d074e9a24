"""The controllers: one file each, listed here, run by ``controllers.manager``."""

from pynetes.controllers.settings import Settings
from pynetes.controllers.types import Controller

CONTROLLERS: tuple[Controller, ...] = ()

__all__ = ["CONTROLLERS", "Settings"]
