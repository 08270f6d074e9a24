"""The types of events/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.core_v1 import EventSource, ObjectReference
    from pynetes.kinds.types.meta_v1 import ListMeta, ObjectMeta


class Event(TypedDict, total=False):
    action: str
    apiVersion: str
    deprecatedCount: int
    deprecatedFirstTimestamp: str
    deprecatedLastTimestamp: str
    deprecatedSource: EventSource
    eventTime: str
    kind: str
    metadata: ObjectMeta
    note: str
    reason: str
    regarding: ObjectReference
    related: ObjectReference
    reportingController: str
    reportingInstance: str
    series: EventSeries
    type: str


class EventList(TypedDict, total=False):
    apiVersion: str
    items: list[Event]
    kind: str
    metadata: ListMeta


class EventSeries(TypedDict, total=False):
    count: int
    lastObservedTime: str
