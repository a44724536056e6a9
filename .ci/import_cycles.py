"""Fails when modules of the product import each other in a circle, imports inside functions included."""

import sys
from collections.abc import Iterator

import grimp

PACKAGES = ("circletel", "catalogue", "zoho_sync", "pricing", "reconciliation")


def cycles(graph: grimp.ImportGraph) -> Iterator[list[str]]:
    """The groups of modules that reach each other, each sorted. Leaves that import nothing of the rest are pruned."""
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while ends := {module for module, imported in imports.items() if not imported & imports.keys()}:
        imports = {module: imported for module, imported in imports.items() if module not in ends}
    reached = {module: _reached_from(module, imports) for module in imports}
    groups = {frozenset(other for other in reached[one] if one in reached[other]) for one in imports}
    yield from sorted(sorted(group) for group in groups if group)


def _reached_from(start: str, imports: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = (imports.get(ahead.pop(), set()) & imports.keys()) - found
        found |= new
        ahead += new
    return found


if __name__ == "__main__":
    found = list(cycles(grimp.build_graph(*PACKAGES, cache_dir=None)))
    for group in found:
        print(f"These import each other: {', '.join(group)}")
    print(f"import cycles: {len(found)}")
    sys.exit(bool(found))
