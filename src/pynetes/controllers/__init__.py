"""The controllers: one file each, listed here, run by ``controllers.manager``."""

from pynetes.controllers import (
    cronjob,
    daemonset,
    deployment,
    endpoints,
    endpointslice,
    garbagecollector,
    job,
    namespace,
    nodeipam,
    nodelifecycle,
    podgc,
    pvcprotection,
    pvprotection,
    replicaset,
    replicationcontroller,
    resourcequota,
    rootca,
    serviceaccount,
    statefulset,
    tainteviction,
    ttl,
    ttlafterfinished,
    vacprotection,
)
from pynetes.controllers.settings import Settings
from pynetes.controllers.types import Controller

CONTROLLERS: tuple[Controller, ...] = (
    endpoints.CONTROLLER,
    endpointslice.CONTROLLER,
    podgc.CONTROLLER,
    resourcequota.CONTROLLER,
    namespace.CONTROLLER,
    serviceaccount.CONTROLLER,
    garbagecollector.CONTROLLER,
    daemonset.CONTROLLER,
    deployment.CONTROLLER,
    replicaset.CONTROLLER,
    statefulset.CONTROLLER,
    job.CONTROLLER,
    cronjob.CONTROLLER,
    nodeipam.CONTROLLER,
    nodelifecycle.CONTROLLER,
    tainteviction.CONTROLLER,
    rootca.CONTROLLER,
    replicationcontroller.CONTROLLER,
    ttl.CONTROLLER,
    ttlafterfinished.CONTROLLER,
    pvcprotection.CONTROLLER,
    pvprotection.CONTROLLER,
    vacprotection.CONTROLLER,
)

__all__ = ["CONTROLLERS", "Settings"]
