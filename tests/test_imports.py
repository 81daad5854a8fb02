"""Imports run one way, and the heavy ones wait until they are needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import headstart

ROOT = Path(headstart.__file__).parent

LEVELS = [
    ["errors"],
    ["arguments", "files", "progress"],
    ["tables"],
    ["data"],
    ["networks", "similarity"],
    ["training"],
    ["zoo"],
    ["selection"],
    ["transfer"],
    ["choice"],
    ["classifier"],
    ["comparison"],
    ["grid"],
    ["report"],
    ["cli"],
    ["__main__"],
]
"""Each imports from the levels before its own, and from itself."""

LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}
HEAVY = {"torch", "numba", "pandas", "sklearn", "scipy", "aeon", "altair", "numpy", "safetensors", "pooch"}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def part(path: Path) -> str:
    """Name the package or module directly below headstart: "data" for data/readers/ts.py."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Names of all modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write headstart.…"
            names.add(node.module)
            if node.module == "headstart":
                names |= {f"headstart.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_its_level():
    assert {part(path) for path in modules()} - {"__init__"} <= set(LEVEL)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_direction(path):
    mine = part(path)
    others = {name.split(".")[1] for name in imported(path) if name.startswith("headstart.")} - {mine}
    if mine == "__init__":
        assert not others, "the public names are imported when they are used"
        return
    too_high = {name for name in others if LEVEL[name] >= LEVEL[mine]}
    assert not too_high, f"{mine} must not import {too_high}"


@pytest.mark.parametrize("package", ["similarity", "data"])
def test_no_torch_below_the_networks(package):
    for path in modules():
        if part(path) in (package, "errors", "files", "progress"):
            assert not {name for name in imported(path) if name.split(".")[0] == "torch"}, path


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running `code`."""
    code += "\nimport sys; print('loaded:', *sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.rpartition("loaded:")[2].split())


HELP = """
from headstart.cli import main
try:
    main({arguments})
except SystemExit as ended:
    assert not ended.code
"""


@pytest.mark.parametrize(
    "code",
    [
        "import headstart",
        "import headstart; dir(headstart)",
        "import headstart.cli",
        HELP.format(arguments=["--help"]),
        HELP.format(arguments=["fit", "--help"]),
        HELP.format(arguments=["data", "--help"]),
    ],
    ids=["package", "names", "command line", "help", "help of fit", "help of data"],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code):
    assert not loaded_by(code) & HEAVY


def test_similarity_loads_no_torch():
    loaded = loaded_by("import headstart; headstart.dtw([[1.0, 2.0]], [[1.0, 2.0]])")
    assert "numba" in loaded
    assert "torch" not in loaded


def test_public_names_exist():
    for name in headstart.__all__:
        assert getattr(headstart, name).__doc__
    assert set(headstart.__all__) == set(dir(headstart))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        headstart.nothing  # noqa: B018
