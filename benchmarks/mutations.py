"""Ways to corrupt the files that moue reads: bytes of any file, and values of a JSON file that stays valid JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import random

_STRANGE: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 3, 10**400, 0.5, -2.5, 1e308, 1e-320, float("nan"), float("inf")),
    *("", "a", "../../etc/passwd", "\x00", "\udc80", "\uff11", "1e3", "{{ 7 * 7 }}", "x" * 5000),
    *([], {}, [[]], [None], {"a": 1}, [1, "a", None], ["angry"] * 7),
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return content with random damage: a flipped bit, or a part cut off, filled, doubled, removed or randomized."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        kind, place = rng.randrange(6), rng.randrange(len(data))
        length = min(len(data) - place, rng.choice((1, 2, 4, 16, 200)))
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place:]
        elif kind == 2:
            data[place : place + length] = bytes([rng.randrange(256)]) * length
        elif kind == 3:
            data[place:place] = data[place : place + length]
        elif kind == 4:
            del data[place : place + length]
        else:
            data[place : place + length] = rng.randbytes(length)
    return bytes(data)


def mutated_json(content: bytes, rng: random.Random) -> bytes:
    """Return JSON with one or two values changed, removed, deeply nested or duplicated; sometimes damage bytes."""
    if rng.random() < 0.25:
        return mutated(content, rng)
    value = json.loads(content)
    for _ in range(rng.randint(1, 2)):
        value = _changed(value, rng)
    return json.dumps(value).encode()


def _changed(value: Any, rng: random.Random) -> Any:
    """Return the value with one place in it changed, at a random depth."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.02:
        return rng.choice(_STRANGE)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    kind = rng.randrange(8)
    if kind < 4:
        value[key] = _changed(value[key], rng)
    elif kind == 4:
        del value[key]
    elif kind == 5 and isinstance(value, list):
        value.append(value[key])
    elif kind == 6:
        value[key] = json.loads("[" * 500 + "]" * 500)
    else:
        value[key] = rng.choice(_STRANGE)
    return value
