# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Makefile's targets do: run, test, lint, build and document the collection.

Each target makes the environments that it needs (``scripts/environments.py``). ``test`` runs every stage to
its end and names all that failed, rather than stopping at the first; each command's output stands in
``build/logs`` too.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import environments as envs
from environments import CACHE, MAIN, MATRIX, NAME, NAMESPACE, ROOT, Cell, EnvironmentMissing, say
from tree import tracked_files

FQCN = f"{NAMESPACE}.{NAME}"
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# An installed collection works with these four folders alone.
PUBLIC_FOLDERS = ("meta", "playbooks", "plugins", "roles")

# What else the tarball holds: texts for people and for Galaxy, and what Galaxy's import reads.
TARBALL_EXTRAS = (
    r"CHANGELOG\.(md|rst)",
    r"(README|CONTRIBUTING|CODE_OF_CONDUCT|SECURITY)\.md",
    r"(COPYING|LICENSES/[\w.-]+\.txt)",
    r"(MANIFEST|FILES)\.json",
    r"changelogs/(changelog|config)\.yaml",
    r"docs/.+",
    r"extensions/.+",
    r"inventories/.+",
    r"tests/config\.yml",
)

# ansible-test looks for a script that installs pip, one name per ansible-core line, and would download it.
# Python brings pip along, so this one is put in its place.
PIP_BOOTSTRAP = "import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n"
PIP_BOOTSTRAP_NAMES = ("get_pip_25_2.py", "get_pip_24_2.py", "get_pip_23_1_2.py")

# No single command takes this long; one that does hangs, and is ended with all it started.
PATIENCE_SECONDS = 40 * 60


class StageFailed(Exception):
    """A stage found something wrong; the text is one line for the closing table."""


class NotRun(Exception):
    """A stage could not be run on this machine; the text says why."""


@dataclass
class Outcome:
    """How a stage of ``make test`` ended: ``ok``, ``FAILED`` or ``not run``."""

    stage: str
    result: str
    seconds: float
    remark: str = ""


@dataclass
class Tally:
    """What the pytest runs counted, added up, with the closing line of each."""

    passed: int = 0
    failed: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, label: str, output: str) -> None:
        closing = re.findall(
            r"^=* ?(.*\d+ (?:passed|failed|errors?|skipped|deselected).* in [\d.:]+s.*?) ?=*$", output, re.M
        )
        if not closing:
            self.lines.append(f"{label}: no closing line")
            return
        self.lines.append(f"{label}: {closing[-1]}")
        self.passed += sum(map(int, re.findall(r"(\d+) passed", closing[-1])))
        self.failed += sum(map(int, re.findall(r"(\d+) (?:failed|errors?)\b", closing[-1])))


TALLY = Tally()


# Running ----------------------------------------------------------------------------------------------------


def run(
    label: str,
    command: list[str],
    *,
    cell: Cell,
    cwd: Path = ROOT,
    extra: dict[str, str] | None = None,
    shown: bool = True,
) -> tuple[int, str]:
    """Run a command of an environment, showing its output as it comes; answer its exit code and the output.

    The output is also kept in ``build/logs/<label>.log``; what is not ``shown`` is shown all the same when the
    command fails.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    variables = envs.variables(cell) | {"NO_COLOR": "1"} | (extra or {})
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise StageFailed(f"{command[0]} is not in {cell.folder}")
    print(f"\n$ {' '.join(command)}", flush=True)
    process = subprocess.Popen(
        [program, *command[1:]],
        cwd=cwd,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    out_of_patience = threading.Timer(PATIENCE_SECONDS, _end, [process])
    out_of_patience.start()
    lines: list[str] = []
    try:
        with (LOGS / f"{re.sub(r'[^a-z0-9.]+', '-', label.lower())}.log").open("w", encoding="utf-8") as log:
            for line in process.stdout or ():
                if shown:
                    sys.stdout.write(line)
                    sys.stdout.flush()
                log.write(line)
                lines.append(line)
        code = process.wait()
        if code and not shown:
            sys.stdout.write("".join(lines))
        return code, "".join(lines)
    finally:
        out_of_patience.cancel()
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and everything it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(2)
        os.killpg(process.pid, signal.SIGKILL)


def check(
    label: str,
    command: list[str],
    *,
    cell: Cell = MAIN,
    cwd: Path = ROOT,
    extra: dict[str, str] | None = None,
    shown: bool = True,
) -> str:
    """Run a command that must succeed.

    :raises StageFailed: it did not.
    """
    code, output = run(label, command, cell=cell, cwd=cwd, extra=extra, shown=shown)
    if code:
        raise StageFailed(f"{label} (exit {code})")
    return output


def check_all(commands: dict[str, list[str]], *, cell: Cell = MAIN) -> None:
    """Run all of several commands, whatever becomes of the others.

    :raises StageFailed: naming those that failed.
    """
    failed = [label for label, command in commands.items() if run(label, command, cell=cell)[0]]
    if failed:
        raise StageFailed(", ".join(failed))


@contextlib.contextmanager
def copied_tree() -> Iterator[Path]:
    """A copy of the working tree outside the checkout, under the path that ansible-test insists on."""
    with tempfile.TemporaryDirectory(prefix="maskinporten-") as folder:
        tree = Path(folder) / "ansible_collections" / NAMESPACE / NAME
        for name in tracked_files():
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        yield tree


# Stages -----------------------------------------------------------------------------------------------------


def lint() -> None:
    """Style, types, Ansible's production profile, documentation and changelog."""
    docs = ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=all"]
    check_all(
        {
            "ruff check": ["ruff", "check", "."],
            "ruff format": ["ruff", "format", "--check", "."],
            "mypy": ["mypy"],
            "ansible-lint": ["ansible-lint", "--offline", "--profile", "production"],
            "antsibull-docs": [*docs, "--check-extra-docs-refs", "."],
            "antsibull-changelog": ["antsibull-changelog", "lint"],
        }
    )


def _private_home() -> dict[str, str]:
    """A home folder for ansible-test, which keeps its environments there; pip's settings stay the user's."""
    home = CACHE / "home"
    bootstrap = home / ".ansible" / "test" / "cache"
    bootstrap.mkdir(parents=True, exist_ok=True)
    for name in PIP_BOOTSTRAP_NAMES:
        (bootstrap / name).write_text(PIP_BOOTSTRAP, encoding="utf-8")
    user = Path.home()
    return {
        "HOME": str(home),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(user / ".cache" / "pip")),
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(user / ".config")),
    }


def sanity(cell: Cell = MAIN) -> None:
    """``ansible-test sanity``, all of its tests, with no entry ignored."""
    ignored = [name for name in tracked_files() if re.match(r"tests/sanity/ignore.*\.txt$", name)]
    if ignored:
        raise StageFailed(f"sanity ignore files are not wanted: {', '.join(ignored)}")
    label = f"sanity, ansible-core {cell.core}"
    with copied_tree() as tree:
        command = ["ansible-test", "sanity", "--local", "--color", "no"]
        if cell is not MAIN:  # the old core knows Pythons that the collection does not
            command += ["--python", cell.pythons[0]]
        output = check(label, command, cell=cell, cwd=tree, extra=_private_home())
    # ansible-test is content to have tested nothing.
    if "All targets skipped" in output or "Running sanity test" not in output:
        raise StageFailed(f"{label} tested nothing")


def _pytest(label: str, cell: Cell, *arguments: str) -> None:
    workers = str(min(4, max(2, os.cpu_count() or 2)))
    command = ["python", "-m", "pytest", "-q", "-n", workers, "--dist", "worksteal", *arguments]
    code, output = run(label, command, cell=cell)
    TALLY.add(label, output)
    if code:
        raise StageFailed(f"{label}: {TALLY.lines[-1].split(': ', 1)[1]}")


def tests() -> None:
    """The whole suite, on the newest core."""
    _pytest("tests", MAIN)


def matrix_cell(cell: Cell) -> None:
    """Logic, modules, and the playbook tests marked ``matrix`` on another core or Python."""
    folders = [name for name in ("tests/unit", "tests/modules") if (ROOT / name).is_dir()]
    where = f"core {cell.core}, {envs.version_of(cell)}"
    problems = []
    for label, arguments in {
        f"modules on {where}": folders,
        f"playbooks on {where}": ["tests/playbooks", "-m", "matrix"],
    }.items():
        try:
            _pytest(label, cell, *arguments)
        except StageFailed as failure:
            problems.append(str(failure))
    if problems:
        raise StageFailed("; ".join(problems))


def build_tarball(into: Path) -> Path:
    """Build the collection from a copy of the working tree and compare what it holds with what belongs there.

    :raises StageFailed: something is in the tarball that does not belong there, or is missing.
    """
    with copied_tree() as tree:
        check(
            "build",
            ["ansible-galaxy", "collection", "build", "--force", "--output-path", str(into)],
            cwd=tree,
        )
    tarball = next(into.glob(f"{NAMESPACE}-{NAME}-*.tar.gz"))
    with tarfile.open(tarball) as archive:
        held = {member.name for member in archive.getmembers() if member.isfile()}
    wanted = {name for name in tracked_files() if name.split("/")[0] in PUBLIC_FOLDERS}
    allowed = re.compile("|".join(TARBALL_EXTRAS))
    strange = sorted(name for name in held - wanted if not allowed.fullmatch(name))
    missing = sorted(wanted - held)
    if strange:
        raise StageFailed(f"in the tarball without belonging there: {', '.join(strange)}")
    if missing:
        raise StageFailed(f"not in the tarball: {', '.join(missing)}")
    print(f"{tarball.name}: {len(held)} files, {tarball.stat().st_size // 1024} kB")
    return tarball


def _holds_documentation(path: Path) -> bool:
    """Whether a plugin file is documented under its own name; one that holds several has a YAML file for each."""
    return path.suffix == ".yml" or (
        path.suffix == ".py" and "\nDOCUMENTATION = " in path.read_text(encoding="utf-8")
    )


def _documented(paths: dict[str, str]) -> None:
    """Show the documentation of every plugin and role as an installed collection has it.

    :raises StageFailed: something that lies in the tree has no documentation there.
    """
    roles = {path.parent.parent.name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")}
    expected = {"role": roles} | {
        kind: {path.stem for path in (ROOT / "plugins" / folder).glob("[!_]*") if _holds_documentation(path)}
        for kind, folder in {
            "module": "modules",
            "lookup": "lookup",
            "filter": "filter",
            "test": "test",
        }.items()
    }
    for kind, stems in expected.items():
        names = sorted(f"{FQCN}.{stem}" for stem in stems)
        if not names:
            continue
        command = ["ansible-doc", "--type", kind, "--json", *names]
        output = check(f"ansible-doc {kind}", command, extra=paths, shown=False)
        told, _end_of_it = json.JSONDecoder().raw_decode(output[output.index("{") :])
        untold = [name for name in names if not told.get(name)]
        if untold:
            raise StageFailed(f"ansible-doc has nothing on the {kind} {', '.join(untold)}")
        print(f"{kind}: {len(names)} documented")


def package() -> None:
    """The tarball: its contents, installation and documentation, and a run from its public folders."""
    with tempfile.TemporaryDirectory(prefix="maskinporten-package-") as name:
        folder = Path(name)
        tarball = build_tarball(folder)
        site = folder / "site"
        # Nothing but this folder is searched, so the checkout cannot stand in for what the tarball lacks.
        paths = {"ANSIBLE_COLLECTIONS_PATH": str(site), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
        galaxy = ["ansible-galaxy", "collection"]
        check("install", [*galaxy, "install", "--offline", "-p", str(site), str(tarball)], extra=paths)
        check("verify", [*galaxy, "verify", "--offline", FQCN], extra=paths)
        _documented(paths)
        installed = site / "ansible_collections" / NAMESPACE / NAME
        for entry in installed.iterdir():
            if entry.name not in PUBLIC_FOLDERS:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not (installed / "playbooks" / "demo.yml").is_file():
            raise StageFailed("the tarball holds no playbook demo")
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        output = check(
            "demo from the tarball", ["ansible-playbook", f"{FQCN}.demo"], cwd=elsewhere, extra=paths
        )
        if "PLAY RECAP" not in output:
            raise StageFailed("the demo from the tarball ran nothing")


def molecule() -> None:
    """All molecule scenarios."""
    if not list((ROOT / "extensions" / "molecule").glob("*/molecule.yml")):
        raise StageFailed("there are no scenarios under extensions/molecule")
    check("molecule", ["molecule", "test", "--all"])


def docs() -> None:
    """The documentation site in ``build/docs``, every warning an error.

    References to other projects are looked up in their inventories on the network; where these cannot be reached, a
    reference that leads out of the collection is let pass.
    """
    site = BUILD / "docs"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    paths = {"ANSIBLE_COLLECTIONS_PATH": str(CACHE / "collections")}
    make_site = ["antsibull-docs", "sphinx-init", "--use-current", "--squash-hierarchy", "--fail-on-error"]
    make_site += [
        "--sphinx-theme",
        "furo",
        "--project",
        FQCN,
        "--title",
        FQCN,
    ]
    check("docs site", [*make_site, "--dest-dir", str(site), FQCN], extra=paths)
    with (site / "conf.py").open("a", encoding="utf-8") as settings:
        settings.write("\nintersphinx_timeout = 10\n")
    rst = site / "rst"
    rst.mkdir(exist_ok=True)
    rst.chmod(0o755)
    pages = ["antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"]
    check("docs pages", [*pages, "--dest-dir", str(rst), FQCN], cwd=site, extra=paths)
    build = ["sphinx-build", "-q", "-b", "html", "-c", str(site), str(rst), str(site / "html")]
    output = check("sphinx", build, cwd=site, extra=paths)
    offline = "failed to reach any of the inventories" in output
    elsewhere = re.compile(
        rf"undefined label: '(?!ansible_collections\.{re.escape(FQCN)}\.)|failed to reach any of the"
    )
    warnings = [line for line in output.splitlines() if re.search(r"\b(WARNING|ERROR|CRITICAL)\b", line)]
    broken = [line for line in warnings if not (offline and elsewhere.search(line))]
    if broken:
        raise StageFailed("sphinx:\n  " + "\n  ".join(broken))
    print(f"\nOpen {(site / 'html' / 'index.html').relative_to(ROOT)}")


# The whole --------------------------------------------------------------------------------------------------


def _stage(outcomes: list[Outcome], name: str, action: Callable[[], None]) -> None:
    print(f"\n{'=' * 100}\n{name}\n{'=' * 100}", flush=True)
    started = time.monotonic()
    result, remark = "ok", ""
    try:
        action()
    except StageFailed as failure:
        result, remark = "FAILED", str(failure)
    except NotRun as reason:
        result, remark = "not run", str(reason)
    outcomes.append(Outcome(name, result, time.monotonic() - started, remark))
    if remark:
        print(f"\n{name}: {result}: {remark}", flush=True)


def _refuse(cell: Cell, reason: str) -> Callable[[], None]:
    """The stage that stands in for one whose environment this machine cannot offer."""

    def action() -> None:
        if IN_CI and cell.required:
            raise StageFailed(f"CI must run {cell}: {reason}")
        raise NotRun(f"{cell}: {reason}")

    return action


@contextlib.contextmanager
def _beside(target: list[str]) -> Iterator[Callable[[], Outcome]]:
    """Run a target of one core's work beside other stages; what is given waits for it, and shows what it printed."""
    name = " ".join(target)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, __file__, *target],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    ended: list[float] = []
    printed: list[str] = []

    def read() -> None:
        printed.extend(process.stdout or ())
        process.wait()
        ended.append(time.monotonic())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def outcome() -> Outcome:
        reader.join()
        print(f"\n{'=' * 100}\n{name}\n{'=' * 100}\n{''.join(printed)}", flush=True)
        remark = "" if process.returncode == 0 else (printed or [f"exit {process.returncode}"])[-1].strip()
        return Outcome(name, "FAILED" if process.returncode else "ok", ended[0] - started, remark)

    try:
        yield outcome
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def test() -> int:
    """All stages; the exit code is 1 when any failed."""
    started = time.monotonic()
    say("Environments:")
    missing = envs.ensure_all((MAIN, *MATRIX))
    outcomes: list[Outcome] = []

    def stage(name: str, cell: Cell, action: Callable[[], None]) -> None:
        _stage(outcomes, name, _refuse(cell, missing[cell]) if cell in missing else action)

    with _beside(["sanity"]) as beside:
        stage("lint", MAIN, lint)
        stage("package", MAIN, package)
        stage("molecule", MAIN, molecule)
        outcomes.append(beside())
    stage("tests", MAIN, tests)
    for cell in MATRIX:
        stage(f"matrix: {cell}", cell, functools.partial(matrix_cell, cell))
    return _close(outcomes, time.monotonic() - started)


def _close(outcomes: list[Outcome], seconds: float) -> int:
    print(f"\n{'=' * 100}\nSummary after {seconds // 60:.0f} min {seconds % 60:.0f} s\n{'=' * 100}")
    width = max(len(outcome.stage) for outcome in outcomes)
    for outcome in outcomes:
        took = f"{outcome.seconds:4.0f} s"
        print(f"{outcome.stage:<{width}}  {outcome.result:<7} {took}  {outcome.remark}".rstrip())
    failed = [outcome.stage for outcome in outcomes if outcome.result == "FAILED"]
    skipped = [outcome.stage for outcome in outcomes if outcome.result == "not run"]
    print()
    if skipped:
        print(f"NOT RUN on this machine: {'; '.join(skipped)}")
    print(f"FAILED: {'; '.join(failed)}" if failed else "Every stage that was run passed.")
    for line in TALLY.lines:
        print(line)
    print(f"{TALLY.passed} passed, {TALLY.failed} failed", flush=True)
    return 1 if failed or not TALLY.passed else 0


# Targets ----------------------------------------------------------------------------------------------------


def _replace_process(cell: Cell, command: list[str], extra: dict[str, str] | None = None) -> int:
    """Become the command, so that Ctrl-C and signals reach it and nothing is left behind."""
    variables = envs.variables(cell) | (extra or {})
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise StageFailed(f"{command[0]} is not in {cell.folder}")
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execve(program, [program, *command[1:]], variables)  # noqa: S606  (a list, no shell wanted)


def _single(action: Callable[[], None]) -> int:
    """Run one stage by itself."""
    envs.ensure(MAIN)
    action()
    for line in TALLY.lines:
        print(line)
    return 0


def _matrix() -> int:
    missing = envs.ensure_all(MATRIX)
    outcomes: list[Outcome] = []
    for cell in MATRIX:
        action = _refuse(cell, missing[cell]) if cell in missing else functools.partial(matrix_cell, cell)
        _stage(outcomes, f"matrix: {cell}", action)
    return _close(outcomes, sum(outcome.seconds for outcome in outcomes))


def _sanity() -> int:
    """Sanity on the newest and on the oldest core."""
    missing = envs.ensure_all((MAIN, MATRIX[0]))
    failures = []
    for cell in (MAIN, MATRIX[0]):
        try:
            if cell in missing:
                _refuse(cell, missing[cell])()
            sanity(cell)
        except NotRun as reason:
            print(f"NOT RUN on this machine: {reason}")
        except StageFailed as failure:
            failures.append(str(failure))
    if failures:
        raise StageFailed("; ".join(failures))
    return 0


def _release_check() -> None:
    """Galaxy's own check of the tarball, in an environment of its own since it pins other tools."""
    folder = ROOT / ".venv-importer"
    if not (folder / "bin" / "python").exists():
        subprocess.run([MAIN.python, "-m", "venv", folder], check=True)
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "-r",
        "requirements/importer.txt",
    ]
    subprocess.run(pip, cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="maskinporten-importer-") as name:
        tarball = build_tarball(Path(name))
        path = os.pathsep.join([str(folder / "bin"), envs.variables(MAIN)["PATH"]])
        output = check(
            "galaxy-importer",
            [str(folder / "bin" / "python"), "-m", "galaxy_importer.main", str(tarball)],
            cwd=Path(name),
            extra={"PATH": path, **_private_home()},
        )
    if re.search(r"^ERROR|Importer processing completed successfully", output, re.M) is None:
        raise StageFailed("galaxy-importer did not come to an end")
    if re.search(r"^ERROR", output, re.M):
        raise StageFailed("galaxy-importer found errors")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make", description=__doc__.splitlines()[0])
    targets = parser.add_subparsers(dest="target", required=True)
    for name in (
        "setup",
        "demo",
        "test",
        "lint",
        "sanity",
        "matrix",
        "package",
        "molecule",
        "docs",
        "release-check",
        "tables",
    ):
        targets.add_parser(name)
    sandbox = targets.add_parser("sandbox")
    sandbox.add_argument("--port")
    sandbox.add_argument("--latency-ms")
    sandbox.add_argument("--state")
    bench = targets.add_parser("bench")
    bench.add_argument("--job")
    options = parser.parse_args(arguments)

    if options.target == "setup":
        envs.ensure(MAIN)
        return 0
    if options.target == "demo":
        return _replace_process(envs.ensure_runner(), ["ansible-playbook", f"{FQCN}.demo"])
    if options.target == "sandbox":
        given = {"--port": options.port, "--latency-ms": options.latency_ms, "--state": options.state}
        rest = [part for name, value in given.items() if value is not None for part in (name, value)]
        files = {"PYTHONPATH": str(ROOT / "roles" / "sandbox" / "files")}
        return _replace_process(envs.ensure_runner(), ["python", "-m", "sandbox", "start", *rest], files)
    if options.target == "bench":
        job = ["--job", options.job] if options.job else []
        return _replace_process(envs.ensure_runner(), ["python", "tests/bench/bench.py", *job])
    if options.target == "tables":
        envs.ensure(MAIN)
        check("tables of the guides", ["python", "scripts/guides.py"])
        check("schema of declarations", ["python", "scripts/schema.py"])
        return _replace_process(MAIN, ["python", "scripts/tables.py"])
    if options.target == "test":
        return test()
    if options.target == "matrix":
        return _matrix()
    if options.target == "sanity":
        return _sanity()
    actions = {
        "lint": lint,
        "package": package,
        "molecule": molecule,
        "docs": docs,
        "release-check": _release_check,
    }
    return _single(actions[options.target])


if __name__ == "__main__":
    # A polite end (CI's time limit) must not leave the running command behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except (StageFailed, EnvironmentMissing) as error:
        sys.exit(f"FAILED: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
