"""The part of Ray that `moue.training.tuning.machines` uses, without processes: actors live in this one."""

from __future__ import annotations

import types

from ray.exceptions import ActorDiedError


class LocalRay:
    """Stands in for the module ray.

    Args:
        cpus: The CPUs of each node.
        die: Called before each step with the number of steps so far; returns whether its process dies now.
    """

    exceptions = types.SimpleNamespace(RayActorError=ActorDiedError, ObjectLostError=ConnectionError)

    def __init__(self, cpus=(2, 1), die=lambda _: False):
        self.cpus, self.die = list(cpus), die
        self.steps = 0
        self.alive = []
        self.most_alive = 0

    def put(self, value):
        return value

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": float(one), "memory": 1.0}} for one in self.cpus]

    def remote(self, kind):
        return types.SimpleNamespace(
            options=lambda **_: types.SimpleNamespace(remote=lambda *a: _Actor(self, kind(*a)))
        )

    def wait(self, refs, num_returns, timeout):
        assert num_returns == 1
        assert timeout > 0
        return refs[:1], refs[1:]  # the one that waits longest, so that trials take turns

    def get(self, ref):
        return ref()

    def kill(self, actor):
        if actor in self.alive:
            self.alive.remove(actor)


class _Actor:
    def __init__(self, ray, inner):
        self._ray, self._inner = ray, inner
        ray.alive.append(self)
        ray.most_alive = max(ray.most_alive, len(ray.alive))

    def __getattr__(self, name):
        method = getattr(self._inner, name)
        if name == "stop":
            return types.SimpleNamespace(remote=method)
        return types.SimpleNamespace(remote=lambda *given: _Ref(self._ray, lambda: method(*given)))


class _Ref:
    def __init__(self, ray, call):
        self._ray, self._call = ray, call

    def __call__(self):
        self._ray.steps += 1
        if self._ray.die(self._ray.steps):
            raise ActorDiedError
        return self._call()
