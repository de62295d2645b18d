# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the Python environments in which the collection is run, tested and documented.

Used by the Makefile and by ``scripts/suite.py``; needs only the standard library of Python 3.11 or newer.

Every environment is one cell of the supported matrix: an ansible-core on a Python. The versions of everything
in it stand in ``requirements/``. Inside an environment the checkout is importable as
``ansible_collections.tilbyder.maskinporten`` through a link, whatever the checkout's folder is called.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
NAMESPACE, NAME = "tilbyder", "maskinporten"

# A change to what this file makes of the requirements (not to the requirements) calls for a new number.
LAYOUT = "1"


class EnvironmentMissing(Exception):
    """The machine cannot offer this environment; the text says what is missing and what to do."""


@dataclass(frozen=True)
class Cell:
    """One environment of the matrix.

    ``core`` is the ansible-core line, ``pythons`` the Python versions that will do, best first, and
    ``required`` says that a run in CI fails without it.
    """

    name: str
    core: str
    pythons: tuple[str, ...]
    folder: str
    requirements: tuple[str, ...]
    required: bool

    @property
    def path(self) -> Path:
        return ROOT / self.folder

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    def __str__(self) -> str:
        return f"{self.name} (ansible-core {self.core} on Python {' or '.join(self.pythons)})"


MAIN = Cell("main", "2.21", ("3.12", "3.13", "3.14"), ".venv", ("dev", "collections"), required=True)
MATRIX = (
    Cell("oldest", "2.16", ("3.11",), ".venv-core2.16", ("core-2.16",), required=True),
    Cell("middle", "2.19", ("3.11",), ".venv-core2.19", ("core-2.19",), required=False),
    Cell("newest", "2.21", ("3.13",), ".venv-core2.21-py3.13", ("core-2.21",), required=True),
)
CELLS = {cell.name: cell for cell in (MAIN, *MATRIX)}

# What `make demo`, `make sandbox` and `make bench` need is in every cell, so they take the first that this
# machine can offer.
RUNNERS = (MAIN, *reversed(MATRIX))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# Interpreters -----------------------------------------------------------------------------------------------


def _version_of(executable: str) -> str | None:
    """The ``3.12`` of an interpreter that runs and can make environments, else None.

    A pyenv shim of a version that is not selected is on PATH and executable, and ends in an error: only
    running it tells.
    """
    probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [executable, "-I", "-c", probe], capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return None


def _real_path(executable: str) -> str:
    """The interpreter behind a shim or a link chain, as it names itself."""
    probe = "import os, sys; print(os.path.realpath(sys.executable))"
    return subprocess.run(
        [executable, "-I", "-c", probe], capture_output=True, text=True, check=True
    ).stdout.strip()


def pyenv_root() -> Path:
    """Where pyenv keeps its versions and shims, whether there is a pyenv or not."""
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def _candidates(version: str) -> Iterator[str]:
    named = os.environ.get("PYTHON" + version.replace(".", ""))
    if named:
        yield named
    for folder in os.get_exec_path():
        for name in (f"python{version}", "python3", "python"):
            path = Path(folder) / name
            # An active virtual environment must not become the parent of another.
            if path.is_file() and not (path.parent.parent / "pyvenv.cfg").exists():
                yield str(path)
    for installed in sorted((pyenv_root() / "versions").glob(f"{version}*"), reverse=True):
        yield str(installed / "bin" / "python")
    uv_root = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    for installed in sorted(uv_root.glob(f"cpython-{version}*"), reverse=True):
        yield str(installed / "bin" / "python")


@functools.cache
def find_python(version: str) -> str | None:
    """The path of a working Python of this minor version, or None.

    Looks at the variable ``PYTHON312`` (and so on), at PATH, and at what pyenv and uv have installed.
    """
    for candidate in _candidates(version):
        if _version_of(candidate) == version:
            return _real_path(candidate)
    return None


def interpreter_folders() -> list[str]:
    """The ``bin`` folders of the real interpreters of all supported versions."""
    found = [find_python(version) for version in ("3.11", "3.12", "3.13", "3.14")]
    return list(dict.fromkeys(str(Path(path).parent) for path in found if path))


# Requirements -----------------------------------------------------------------------------------------------


def _requirement_files(cell: Cell) -> list[Path]:
    return [ROOT / "requirements" / f"{name}.txt" for name in cell.requirements]


def _read_pins(file: Path) -> dict[str, str]:
    """Name to exact version of everything that a requirement file asks for, files it includes included."""
    pins: dict[str, str] = {}
    for raw in file.read_text(encoding="utf-8").splitlines():
        line = raw.split(" #")[0].strip()
        if line.startswith("-r "):
            pins |= _read_pins(file.parent / line[3:].strip())
        elif line and not line.startswith("#"):
            name, _equals, version = line.partition("==")
            pins[re.sub(r"[-_.]+", "-", name).lower()] = version
    return pins


def pins_of(cell: Cell) -> dict[str, str]:
    """Every version that stands in this cell's environment."""
    pins: dict[str, str] = {}
    for file in _requirement_files(cell):
        if file.stem != "collections":
            pins |= _read_pins(file)
    return pins


def _stamp_text(cell: Cell, version: str) -> str:
    content = json.dumps([LAYOUT, version, sorted(pins_of(cell).items()), _unpacked_collections(cell)])
    return hashlib.sha256(content.encode()).hexdigest()


def _installed(python: Path) -> dict[str, str]:
    probe = (
        "import importlib.metadata as m, json, re;"
        "name = lambda d: re.sub(r'[-_.]+', '-', d.metadata['Name']).lower();"
        "print(json.dumps({name(d): d.version for d in m.distributions()}))"
    )
    done = subprocess.run([python, "-I", "-c", probe], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _unpacked_collections(cell: Cell) -> list[str]:
    """Which collections come out of which pinned package: ``["ansible==14.5.0", "community.general"]``."""
    if "collections" not in cell.requirements:
        return []
    text = (ROOT / "requirements" / "collections.txt").read_text(encoding="utf-8")
    package = re.search(r"^\S+==\S+$", text, re.MULTILINE)
    if package is None:
        raise EnvironmentMissing("requirements/collections.txt names no package with its version")
    return [package[0], *re.findall(r"^#\s+unpack: (\S+)$", text, re.MULTILINE)]


# Making -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(cell: Cell) -> Iterator[None]:
    """Two commands in one checkout make the same environment one after the other."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{cell.folder.lstrip('.')}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pip(cell: Cell, *arguments: str) -> None:
    """Run pip, quietly while it works and with all its words when it does not."""
    command = [str(cell.python), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        say(done.stdout)
        raise EnvironmentMissing(f"pip could not set up {cell}: its last words are above")


def _site_packages(cell: Cell) -> Path:
    probe = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([cell.python, "-I", "-c", probe], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def _link_checkout(cell: Cell) -> None:
    """Make the checkout importable under its collection name.

    mypy takes no sources from site-packages, and the documentation wants a folder with this collection alone:
    the second link is for these two.
    """
    for home in (_site_packages(cell), CACHE / "collections"):
        link = home / "ansible_collections" / NAMESPACE / NAME
        if not (link.is_symlink() and link.readlink() == ROOT):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(ROOT, target_is_directory=True)


def _unpack_collections(cell: Cell) -> None:
    """Put the collections of ``requirements/collections.txt``, and no others, into the environment."""
    wanted = _unpacked_collections(cell)
    if not wanted:
        return
    package, names = wanted[0], wanted[1:]
    home = _site_packages(cell) / "ansible_collections"
    mark = home / ".unpacked.json"
    if mark.is_file() and json.loads(mark.read_text()) == wanted:
        return
    say(f"  {', '.join(names)} out of {package}")
    downloads = CACHE / "downloads"
    shutil.rmtree(downloads, ignore_errors=True)
    _pip(
        cell, "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(downloads), package
    )
    wheel = next(downloads.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        for name in names:
            folder = f"ansible_collections/{name.replace('.', '/')}/"
            shutil.rmtree(home.parent / folder, ignore_errors=True)
            members = [member for member in archive.namelist() if member.startswith(folder)]
            if not members:
                raise EnvironmentMissing(f"{package} does not hold the collection {name}")
            archive.extractall(home.parent, members)
    mark.write_text(json.dumps(wanted))
    shutil.rmtree(downloads)


def ensure(cell: Cell) -> Path:
    """Make the environment of this cell, or bring it up to date, and return the path of its Python.

    An environment that already holds every pinned version is taken as it is; one that does not is brought up
    to date in place; one whose Python does not run is made anew.

    :raises EnvironmentMissing: no fitting Python on this machine, or pip failed.
    """
    with _locked(cell):
        stamp = cell.path / ".stamp"
        version = _version_of(str(cell.python)) if cell.python.exists() else None
        if version in cell.pythons:
            if stamp.is_file() and stamp.read_text() == _stamp_text(cell, version):
                _link_checkout(cell)
                return cell.python
        else:
            base = next(filter(None, map(find_python, cell.pythons)), None)
            if base is None:
                raise EnvironmentMissing(
                    f"no Python {' or '.join(cell.pythons)} found on PATH, in pyenv or in uv; install one, "
                    f"or name it with PYTHON{cell.pythons[0].replace('.', '')}=/path/to/python"
                )
            if cell.path.exists():
                shutil.rmtree(cell.path)
            say(f"  {cell.folder}: ansible-core {cell.core} with {base}")
            subprocess.run([base, "-m", "venv", str(cell.path)], check=True)
            version = _version_of(str(cell.python))
            if version is None:
                raise EnvironmentMissing(f"{base} made an environment in {cell.folder} that does not run")
        started = time.monotonic()
        installed = _installed(cell.python)
        wrong = {name for name, pin in pins_of(cell).items() if installed.get(name) != pin}
        if wrong:
            files = [file for file in _requirement_files(cell) if file.stem != "collections"]
            _pip(
                cell, "install", "--quiet", *(part for file in files for part in ("--requirement", str(file)))
            )
        _link_checkout(cell)
        _unpack_collections(cell)
        stamp.write_text(_stamp_text(cell, version))
        say(f"  {cell.folder}: ready after {time.monotonic() - started:.0f} s ({len(wrong)} packages)")
        return cell.python


def version_of(cell: Cell) -> str:
    """How this environment's Python is called, for example ``Python 3.12``."""
    return f"Python {_version_of(str(cell.python)) or 'missing'}"


def ensure_all(cells: tuple[Cell, ...]) -> dict[Cell, str]:
    """Make several environments side by side; answer why, for each that could not be made."""
    missing: dict[Cell, str] = {}

    def make(cell: Cell) -> None:
        try:
            ensure(cell)
        except EnvironmentMissing as error:
            missing[cell] = str(error)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(make, cells))
    return missing


def ensure_runner() -> Cell:
    """The first environment that this machine can offer for running playbooks and the sandbox."""
    reasons = []
    for cell in RUNNERS:
        try:
            ensure(cell)
        except EnvironmentMissing as error:
            reasons.append(f"  {cell}: {error}")
        else:
            return cell
    raise EnvironmentMissing("none of the environments can be made here:\n" + "\n".join(reasons))


def variables(cell: Cell) -> dict[str, str]:
    """The process environment for commands of this cell: its tools first on PATH, no stray Ansible settings.

    Ansible's own folders lie in the checkout's cache, so that neither the user's ``~/.ansible`` nor
    another run leaks in, and PYTHONDONTWRITEBYTECODE goes because it doubles every import.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("ANSIBLE_")
        and key not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME")
    }
    # pyenv's shims of versions that are not selected end in an error, on which ansible-test gives up.
    others = [folder for folder in os.get_exec_path() if Path(folder) != pyenv_root() / "shims"]
    path = [str(cell.path / "bin"), *interpreter_folders(), *others]
    return kept | {
        "PATH": os.pathsep.join(dict.fromkeys(path)),
        "VIRTUAL_ENV": str(cell.path),
        "ANSIBLE_HOME": str(CACHE / "ansible" / cell.folder.lstrip(".")),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the environments named (all of them when none is).")
    parser.add_argument(
        "cells", nargs="*", choices=[*CELLS, "runner", []], metavar="|".join([*CELLS, "runner"])
    )
    parser.add_argument(
        "--print-python", action="store_true", help="print the path of the last environment's Python"
    )
    options = parser.parse_args(arguments)
    python = None
    try:
        for name in options.cells or CELLS:
            cell = ensure_runner() if name == "runner" else CELLS[name]
            python = ensure(cell)
    except EnvironmentMissing as error:
        say(f"Set-up failed: {error}")
        return 1
    if options.print_python:
        print(python)
    return 0


if __name__ == "__main__":
    sys.exit(main())
