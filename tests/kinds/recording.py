"""What a kube-apiserver made of objects, as data: ``recorded/*.yaml``, one file a kind.

    before: [{path: ..., object: ...}]   # optional: what is made first, and deleted afterwards
    path: /apis/apps/v1/namespaces/n/deployments
    base: {...}                       # an object that is accepted; ``adds`` is what the answer has beyond it
    adds: {/spec/replicas: 1}         # JSON pointer to value
    creates:                          # dry runs of the base with some fields set (and others taken out)
    - set: {/spec/replicas: -1}
      unset: [/spec/selector]
      refused: ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']
    - set: {/spec/strategy/type: Recreate}
      lacks: [/spec/strategy/rollingUpdate]        # what the base's answer has and this one has not
    updates:                          # dry runs of writing the stored base anew; ``at``: a subresource
    - set: {/spec/selector/matchLabels/a: x}
      refused: [...]

    patches:                          # dry runs of patching the stored base; ``type``: json, merge (default) or strategic
    - patch: {spec: {replicas: null}}
      adds: {...}                     # what the answer has otherwise than the stored object

Beside these an answer may have ``warnings`` and, where it is no list of causes, ``error``. The answers are
written by ``scripts/record-kinds``, never by hand; ``play`` asks a server the same and returns what it answers.
"""

import asyncio
import copy
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Ask = Callable[[str, str, Any, str], Awaitable[tuple[int, Any, list[str]]]]
"""(method, path with query, body, content type) to (code, decoded answer, texts of the warnings)."""

_JSON = "application/json"
_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}

ANSWERS = ("adds", "lacks", "refused", "error", "warnings")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"202[1-9]-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""Times of now; those that a case sends are of other years."""
_PATCHED = re.compile(r'(?<=^patch: Invalid value: "){\\".*}(?=": )', re.S)
"""The whole object in a message about a patch: it is full of what varies, and tests of its own hold it."""
_VARIES = ("uid", "creationTimestamp", "resourceVersion", "managedFields")
_ALLOCATED = ("clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort")


async def play(file: Mapping[str, Any], server: Ask) -> dict[str, Any]:
    """The file with the server's answers in place of the recorded ones. The stored base is deleted in the end."""
    path = file["path"]

    async def ask(method: str, path: str, body: Any, kind: str = _JSON) -> tuple[int, Any, list[str]]:
        code, answer, warnings = await server(method, path, body, kind)
        return code, _steady(answer, body if method == "POST" else None), warnings

    made = [(one["path"], one["object"]) for one in file.get("before") or ()]
    for where, obj in made:
        code, answer, _ = await server("POST", where, obj, _JSON)
        assert code == 201, answer
    await _served(path, server)
    try:
        return await _play(file, server, ask)
    finally:
        for where, obj in made:
            await ask("DELETE", f"{where}/{obj['metadata']['name']}", None)


async def _served(path: str, server: Ask) -> None:
    """A definition that was just made takes a moment to be served."""
    for _ in range(500):
        if (await server("GET", path, None, _JSON))[0] == 200:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{path} is not served")


async def _play(file: Mapping[str, Any], server: Ask, ask: Any) -> dict[str, Any]:
    path, base = file["path"], file["base"]
    code, answer, warnings = await ask("POST", f"{path}?dryRun=All", base)
    out = {"path": path, "base": base, **_answer(code, answer, warnings, base, {})}
    if file.get("before"):
        out = {"before": file["before"], **out}
    common = out.get("adds", {})
    for case in file.get("creates") or ():
        sent = changed(base, case)
        answered = await ask("POST", f"{path}?dryRun=All", sent)
        out.setdefault("creates", []).append({**_question(case), **_answer(*answered, sent, common)})
    if not file.get("updates") and not file.get("patches"):
        return out
    code, stored, _ = await server("POST", path, base, _JSON)
    assert code == 201, stored
    one = f"{path}/{stored['metadata']['name']}"
    try:
        for case in file.get("updates") or ():
            sent = changed(stored, case)
            answered = await ask("PUT", _dry(one, case), sent)
            out.setdefault("updates", []).append({**_question(case), **_answer(*answered, _steady(sent, None), {})})
        for case in file.get("patches") or ():
            answered = await ask("PATCH", _dry(one, case), case["patch"], _TYPES[case.get("type", "merge")])
            out.setdefault("patches", []).append({**_question(case), **_answer(*answered, _steady(stored, None), {})})
    finally:
        await ask("DELETE", f"{one}?gracePeriodSeconds=0&propagationPolicy=Background", None)
    return out


def _dry(path: str, case: Mapping[str, Any]) -> str:
    return f"{path}/{case['at']}?dryRun=All" if "at" in case else f"{path}?dryRun=All"


def _steady(answer: Any, sent: Any) -> Any:
    """The answer without what chance made."""
    text = _TIME.sub("<time>", _UID.sub("<uid>", json.dumps(answer)))
    if prefix := ((sent or {}).get("metadata") or {}).get("generateName"):
        text = re.sub(re.escape(prefix) + "[a-z0-9]{5}", prefix + "<suffix>", text)
    return json.loads(text)


def changed(base: Any, case: Mapping[str, Any]) -> Any:
    """The base with the case's fields set and taken out."""
    sent = copy.deepcopy(base)
    for pointer, value in (case.get("set") or {}).items():
        where, key = _place(sent, pointer, make=True)
        if isinstance(where, list) and int(key) >= len(where):
            where.append(copy.deepcopy(value))
        else:
            where[int(key) if isinstance(where, list) else key] = copy.deepcopy(value)
    for pointer in case.get("unset") or ():
        where, key = _place(sent, pointer, make=False)
        del where[int(key) if isinstance(where, list) else key]
    return sent


def _place(document: Any, pointer: str, *, make: bool) -> tuple[Any, str]:
    *path, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for part in path:
        if isinstance(document, list):
            document = document[int(part)]
        else:
            document = document.setdefault(part, {}) if make else document[part]
    return document, last


def _question(case: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in case.items() if key not in ANSWERS}


def _answer(code: int, answer: Any, warnings: list[str], sent: Any, common: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if code >= 400:
        causes = (answer.get("details") or {}).get("causes") if code == 422 else None
        if causes:
            texts = (f"{cause.get('field', '')}: {cause['message']}" for cause in causes)
            out["refused"] = [_PATCHED.sub("<object>", text) for text in texts]
        else:
            out["error"] = f"{code} {answer.get('reason', '')}: {answer.get('message', '')}"
    else:
        found: dict[str, Any] = {}
        _differences(sent, answer, "", found)
        adds = {pointer: value for pointer, value in found.items() if common.get(pointer, _differences) != value}
        lacks = [pointer for pointer in common if pointer not in found]
        out |= ({"adds": adds} if adds else {}) | ({"lacks": lacks} if lacks else {})
    return out | ({"warnings": warnings} if warnings else {})


def _differences(sent: Any, answer: Any, at: str, out: dict[str, Any]) -> None:
    """Pointers to what the answer has otherwise; a field that it lost has the value ``<gone>``."""
    if isinstance(sent, dict) and isinstance(answer, dict):
        for key in sorted(sent.keys() | answer.keys()):
            pointer = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in _VARIES and at in ("/metadata", ""):
                continue
            if key not in answer:
                out[pointer] = "<gone>"
            elif key not in sent:
                given = key in _ALLOCATED and answer[key] not in ("None", ["None"])
                out[pointer] = "<allocated>" if given else answer[key]
            else:
                _differences(sent[key], answer[key], pointer, out)
    elif isinstance(sent, list) and isinstance(answer, list) and len(sent) == len(answer):
        for i, (one, other) in enumerate(zip(sent, answer, strict=True)):
            _differences(one, other, f"{at}/{i}", out)
    elif type(sent) is not type(answer) or sent != answer:
        out[at] = answer
