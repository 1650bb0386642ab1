"""The rooms of the package and who may know whom, read from the source: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[1]
ROOMS = (
    *("__init__", "utils", "config", "landmarks", "data", "evaluation", "models", "runs", "training"),
    *("reporting", "inference", "benchmarks", "__main__"),
)
"""What may lie at the top of facekp/; each may import itself and those before it."""
HYDRA = ("facekp.config", "facekp.utils.instantiate", "facekp.runs", "facekp.benchmarks")
LIGHTNING = (
    *("facekp.data.datamodule", "facekp.models.module", "facekp.training"),
    *("facekp.reporting.training_images", "facekp.benchmarks"),
)
"""The rooms and modules that may know these libraries."""
HEAVY = {"torch", "torchmetrics", "lightning", "albumentations", "matplotlib"}


class Import(NamedTuple):
    """One import of a module by its full name."""

    target: str
    line: int
    at_start: bool  # not within a function or for the type checker alone

    @property
    def package(self) -> str:
        return self.target.partition(".")[0]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def imports_of(node: ast.AST, at_start: bool = True) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, at_start) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "modules are imported by their full names"
            names = {f"{child.module}.{alias.name}" for alias in child.names}
            yield from (Import(target, child.lineno, at_start) for target in names & PATHS.keys() or {child.module})
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from imports_of(child, at_start and not lazy and not for_types)


PATHS = {module_name(path): path for path in sorted((REPOSITORY / "facekp").rglob("*.py"))}
ENTRIES = {path.stem: path for path in (REPOSITORY / "train.py", REPOSITORY / "evaluate.py")}
IMPORTS = {name: list(imports_of(ast.parse(path.read_text()))) for name, path in (PATHS | ENTRIES).items()}


def room_of(name: str) -> int:
    return ROOMS.index(name.split(".")[1] if "." in name else "__init__")


def offenders(package: str, allowed: tuple[str, ...]) -> list[str]:
    """Where a package is imported by a module that is not within the allowed ones."""
    return [
        f"{name}:{found.line} imports {found.target}"
        for name in PATHS
        for found in IMPORTS[name]
        if found.package == package and not any(f"{name}.".startswith(f"{place}.") for place in allowed)
    ]


def test_each_room_has_a_place_in_the_order():
    rooms = {path.stem for path in (REPOSITORY / "facekp").iterdir() if path.name != "__pycache__"}
    assert rooms <= set(ROOMS)


def test_the_tests_mirror_the_rooms():
    folders = {path.name for path in (REPOSITORY / "tests").iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders <= set(ROOMS)


def test_no_import_goes_up():
    back = [
        f"{name}:{found.line} imports {found.target}"
        for name in PATHS
        for found in IMPORTS[name]
        if found.target in PATHS and room_of(found.target) > room_of(name)
    ]
    assert back == []


def test_no_module_imports_itself_by_way_of_others():
    graph = {name: {found.target for found in IMPORTS[name]} & PATHS.keys() - {name} for name in PATHS}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_hydra_is_known_to_few():
    assert offenders("hydra", HYDRA) == []


def test_lightning_is_known_to_few():
    assert offenders("lightning", LIGHTNING) == []


@pytest.mark.parametrize("entry", ["train", "evaluate", "facekp.__main__"])
def test_settings_are_checked_before_anything_heavy_is_imported(entry):
    reached, waiting = set(), [entry]
    while waiting:
        name = waiting.pop()
        if name in IMPORTS and name not in reached:
            reached.add(name)
            parents = [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
            waiting += [found.target for found in IMPORTS[name] if found.at_start] + parents
    heavy = [
        f"{name}:{found.line} imports {found.target}"
        for name in sorted(reached)
        for found in IMPORTS[name]
        if found.at_start and found.package in HEAVY
    ]
    assert heavy == []
