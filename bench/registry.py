"""How a benchmark is written, and where they are found.

A module in this package with a function `run() -> str` is a benchmark. It measures, and returns what it found
in a line or a small table. The first line of its docstring says what is measured.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import bench


@dataclass(frozen=True)
class Benchmark:
    name: str
    purpose: str
    run: Callable[[], str]


def benchmarks() -> list[Benchmark]:
    """All of them, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name[0] != "_")
    modules = [importlib.import_module(f"bench.{name}") for name in names]
    return [_described(module) for module in modules if callable(getattr(module, "run", None))]


def _described(module: ModuleType) -> Benchmark:
    purpose = (module.__doc__ or "").strip().split("\n", 1)[0]
    return Benchmark(name=module.__name__.rpartition(".")[2], purpose=purpose, run=module.run)
