"""The house keeps its order: sizes, directions of imports, and nothing of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    *("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff"),
    *("resources", "scripts", "cnnvis", "tests", "docs", ".ci", ".gitignore"),
}
TEXT = {".py", ".md", ".toml", ".cff", ".svg", ".json", ""}
LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 400, 50


def tracked() -> list[Path]:
    """The files under version control; outside a repository the test is skipped."""
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip("the tests do not run in a repository")
    return [path for name in run.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def modules() -> list[Path]:
    return sorted(path for folder in ("cnnvis", "scripts") for path in (ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def loaded_by(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter loads for `code`, less those it starts with."""
    probe = f"import sys; before = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.split()}


def test_no_file_is_longer_than_its_subject() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {name: n for name, n in sizes.items() if n > LINES_OF_A_FILE} == {}


def test_no_function_is_longer_than_a_page() -> None:
    lengths = dict(pair for path in modules() for pair in functions(path))
    assert {name: n for name, n in lengths.items() if n > LINES_OF_A_FUNCTION} == {}


def test_every_except_says_what_it_catches() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_the_top_level_holds_what_the_design_names() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    folders = "|".join(("work", "root", "tmp", "home"))
    machine = re.compile(rf"(^|[^A-Za-z0-9_.}}-])/({folders})/")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in TEXT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if machine.search(line)
    ]
    assert found == []


def test_no_tracked_file_is_large() -> None:
    assert [str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > 4_000_000] == []


def test_importing_cnnvis_loads_nothing_heavy() -> None:
    heavy = {"torch", "sklearn", "scipy", "PySide6", "pyqtgraph", "numpy", "PIL", "networkx"}
    assert loaded_by("import cnnvis") & heavy == set()


def test_the_model_loads_numpy_and_the_standard_library_only() -> None:
    names = [f"cnnvis.model.{path.stem}" for path in sorted((ROOT / "cnnvis" / "model").glob("[!_]*.py"))]
    loaded = loaded_by("import " + ", ".join(["cnnvis.model", *names]))
    assert {name for name in loaded if name not in sys.stdlib_module_names} <= {"cnnvis", "numpy"}


def test_the_wheel_carries_the_resources() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {"resources": "cnnvis/resources"}


def test_the_citation_names_the_version_of_the_package() -> None:
    import cnnvis

    assert f"\nversion: {cnnvis.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_scripts_are_shell_that_parses() -> None:
    scripts = [ROOT / "scripts" / name for name in ("run", "test", "check", "environment.sh")] + [ROOT / ".ci" / "run"]
    assert [path.name for path in scripts if subprocess.run(["bash", "-n", path], check=False).returncode] == []


def test_every_measurement_of_the_bench_exists() -> None:
    bench = ast.parse((ROOT / "scripts" / "bench.py").read_text(encoding="utf-8"))
    tables = [node.value for node in bench.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)]
    for place in ast.literal_eval(tables[0]).values():
        module, _, function = place.partition(":")
        names = [name.split()[1] for name, _ in functions(ROOT / "scripts" / "benchmarks" / f"{module}.py")]
        assert function in names


def test_the_scripts_for_people_can_be_started() -> None:
    starters = [ROOT / "scripts" / name for name in ("run", "test", "check")] + [ROOT / ".ci" / "run"]
    assert [path.name for path in starters if not path.stat().st_mode & 0o100] == []
