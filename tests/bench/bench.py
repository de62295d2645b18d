# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run costs, against the sandbox with a fixed delay per answer: this collection, a playbook of ``ansible.builtin.uri``
loops that a competent person would write, and the bare HTTP calls with the same concurrency.

The three run in turn, several times, in the same run; the median counts. Seconds of one machine say little: read the ratios.
Prints a table and writes ``build/bench.json``.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.conftest import SandboxClient, start_sandbox, stop_sandbox  # noqa: E402
from tests.module_process import start_module  # noqa: E402

CONCURRENCY = 4
#: Rows that the uri playbook really runs where the whole job would take many minutes; the rest is extrapolated per row.
URI_ROWS = 50
GROUP = "group/tilbyder.maskinporten"


@dataclasses.dataclass
class Job:
    """One comparison.

    ``seed`` puts the sandbox into the state the job starts from (it is reset before every alternative).
    ``ours`` is a play of the collection; ``bare`` the same requests as (method, url, body) with the bearer's name.
    ``uri`` are tasks of a uri playbook over ``uri_items``; with more rows than URI_ROWS only those run.
    """

    name: str
    size: int
    seed: Callable[[], None]
    ours: list[dict[str, Any]]
    module: tuple[str, dict[str, Any]] | None
    bare: Callable[[], list[tuple[str, str, Any]]]
    uri: list[dict[str, Any]]
    uri_items: list[Any]
    identity: str = "administration"


class Bench:
    """The sandbox, the identities, and the three ways to run a job."""

    def __init__(self, sandbox: SandboxClient, latency_ms: int, repeat: int, folder: Path) -> None:
        self.sandbox = sandbox
        self.latency_ms = latency_ms
        self.repeat = repeat
        self.folder = folder
        self.self_service = f"{sandbox.urls['self_service']}/api/v1"
        self.registry = f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource"

    # -- the three alternatives ---------------------------------------------------------------

    def fresh(self, job: Job) -> None:
        self.sandbox.reset()
        self.sandbox.latency(0)
        # The loops take longer than a token lives; give theirs a long one, which favours them.
        job.seed()
        self.sandbox.latency(self.latency_ms)
        self.sandbox.clear_requests()

    def token(self, job: Job) -> str:
        scopes = (
            "idporten:scopes.write"
            if job.identity == "administration"
            else "altinn:resourceregistry/resource.write"
        )
        self.sandbox.latency(0)
        token = self.sandbox.token(job.identity, scopes)
        self.sandbox.latency(self.latency_ms)
        return token

    def run_ours(self, job: Job) -> tuple[float, dict[str, int]]:
        self.fresh(job)
        seconds = self.playbook(job.ours)
        counts = self.sandbox.counts()
        return seconds, {kind: int(counts[kind]) for kind in ("token", "read", "write")}

    def run_uri(self, job: Job) -> float:
        self.fresh(job)
        rows = job.uri_items[:URI_ROWS]
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"items": rows, "token": self.token(job), "ansible_python_interpreter": sys.executable},
            "tasks": job.uri,
        }
        seconds = self.playbook([play])
        if len(job.uri_items) <= len(rows):
            return seconds
        empty = self.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": []}])
        return empty + (seconds - empty) / len(rows) * len(job.uri_items)

    def run_bare(self, job: Job) -> float:
        self.fresh(job)
        headers = {"Authorization": f"Bearer {self.token(job)}"}
        calls = job.bare()
        began = time.monotonic()
        with httpx.Client(headers=headers, trust_env=False, timeout=60) as client:

            def call(request: tuple[str, str, Any]) -> int:
                method, url, body = request
                return client.request(method, url, json=body).status_code

            with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
                statuses = list(pool.map(call, calls))
        seconds = time.monotonic() - began
        bad = [status for status in statuses if status >= 400]
        if bad:
            raise RuntimeError(f"{job.name}: bare calls answered {bad[0]}")
        return seconds

    def playbook(self, plays: list[dict[str, Any]]) -> float:
        file = self.folder / "bench.yml"
        file.write_text(yaml.safe_dump(plays), encoding="utf-8")
        began = time.monotonic()
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                "-i",
                "localhost,",
                "-c",
                "local",
                str(file),
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(run.stdout[-2000:] + run.stderr[-2000:])
        return time.monotonic() - began

    def peak(self, job: Job) -> float | None:
        """Peak memory, in MB, of a process that runs the job's module and nothing else."""
        if job.module is None:
            return None
        self.fresh(job)
        name, params = job.module
        module = start_module(name, params, self.folder)
        result = module.result()
        if result["failed"] or module.peak is None:
            raise RuntimeError(f"{job.name}: {result.get('msg')}")
        return module.peak / 1024 / 1024

    # -- plays ------------------------------------------------------------------------------------

    def play(self, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
        shared = {**self.sandbox.options(), "concurrency": CONCURRENCY}
        return [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "vars": {"ansible_python_interpreter": sys.executable},
                "module_defaults": {
                    f"{GROUP}.maskinporten": {**shared, **self.sandbox.auth("administration")},
                    f"{GROUP}.altinn": {**shared, **self.sandbox.auth("altinn")},
                },
                "tasks": list(tasks),
            }
        ]

    def uri_task(self, name: str, **options: Any) -> dict[str, Any]:
        return {
            "name": name,
            "ansible.builtin.uri": {"headers": {"Authorization": "Bearer {{ token }}"}, **options},
            "loop": "{{ items }}",
            "loop_control": {"label": "{{ item.label }}"},
        }

    # -- jobs ---------------------------------------------------------------------------------------

    def jobs(self) -> Iterator[Job]:
        yield from self._scopes()
        yield from self._grants()
        yield self._publish()
        yield self._onboard()

    def _scopes(self) -> Iterator[Job]:
        scopes = [
            {"prefix": "testetat", "subscope": f"bench/s{number}.read", "description": f"Bench {number}"}
            for number in range(100)
        ]
        full = [
            {**scope, "name": f"testetat:{scope['subscope']}", "visibility": "PRIVATE", "active": True,
             "allowed_integration_types": ["maskinporten"], "at_max_age": 0, "authorization_max_lifetime": 0}
            for scope in scopes
        ]  # fmt: skip
        items = [{"label": scope["name"], "body": scope} for scope in full]
        ours = self.play({"tilbyder.maskinporten.maskinporten_scope": {"scopes": scopes}})
        module = ("maskinporten_scope", {**self.sandbox.auth("administration"), "scopes": scopes})
        url = f"{self.self_service}/scopes"
        yield Job(
            "scopes-create-100",
            100,
            lambda: None,
            ours,
            module,
            lambda: [("POST", url, scope) for scope in full],
            [self.uri_task("Create", url=url, method="POST", body_format="json", body="{{ item.body }}")],
            items,
        )
        yield Job(
            "scopes-noop-100",
            100,
            lambda: self._seed(scopes=full),
            ours,
            module,
            lambda: [("GET", f"{url}?inactive=true", None)],
            [
                self.uri_task("Read and compare", url=url + "/scope?scope={{ item.label | urlencode }}"),
            ],
            items,
        )

    def _grants(self) -> Iterator[Job]:
        numbers: list[str] = []

        def seed() -> None:
            self._seed(scopes=[{"name": "testetat:bench.read", "description": "Bench"}])
            numbers[:] = self._organizations(357)

        seed()
        consumers = list(numbers)
        url = f"{self.self_service}/scopes/access"
        items = [{"label": number} for number in consumers]
        grant = {"scope": "testetat:bench.read", "consumers": consumers, "register_check": "off"}
        yield Job(
            "grants-357",
            357,
            seed,
            self.play({"tilbyder.maskinporten.consumer_access": grant}),
            ("consumer_access", {**self.sandbox.auth("administration"), **grant}),
            lambda: [("PUT", f"{url}/{number}?scope=testetat%3Abench.read", None) for number in consumers],
            [self.uri_task("Grant", url=url + "/{{ item.label }}?scope=testetat%3Abench.read", method="PUT")],
            items,
        )
        names = [f"testetat:bench/g{number}.read" for number in range(50)]

        def seed_many() -> None:
            self._seed(scopes=[{"name": name, "description": "Bench"} for name in names])
            many = self._organizations(400)
            self._seed(access=[{"scope": name, "consumers": many} for name in names])

        seed_many()
        many = self._organizations(0)[:400]
        grants = [{"scope": name, "consumers": many} for name in names]
        yield Job(
            "grants-noop-20000",
            20000,
            seed_many,
            self.play({"tilbyder.maskinporten.consumer_access": {"grants": grants, "register_check": "off"}}),
            (
                "consumer_access",
                {**self.sandbox.auth("administration"), "grants": grants, "register_check": "off"},
            ),
            lambda: [
                ("GET", f"{url}?scope={name.replace(':', '%3A').replace('/', '%2F')}&inactive=true", None)
                for name in names
            ],
            [
                self.uri_task(
                    "Grant again",
                    url=url + "/{{ item.number }}?scope={{ item.label | urlencode }}",
                    method="PUT",
                )
            ],
            [{"label": name, "number": number} for name in names for number in many],
        )

    def _publish(self) -> Job:
        resources = [
            {
                "identifier": f"testetat-bench-{number}",
                "resource_type": "MaskinportenSchema",
                "scopes": [f"testetat:bench/p{number}.read"],
                "title": _languages(f"Bench {number}"),
                "description": _languages("Bench"),
                "right_description": _languages("Bench"),
                "contact_points": [{"email": "api@testetat.example"}],
                "scope_check": "off",
            }
            for number in range(100)
        ]
        policies = [{"resource": entry["identifier"], "template": "scope_delegation"} for entry in resources]
        tasks = (
            {"tilbyder.maskinporten.altinn_resource": {"resources": resources}},
            {"tilbyder.maskinporten.altinn_policy": {"policies": policies}},
        )

        def seed() -> None:
            self.playbook(self.play(*tasks))

        urls = [f"{self.registry}/{entry['identifier']}" for entry in resources]
        return Job(
            "publish-noop-100",
            200,
            seed,
            self.play(*tasks),
            ("altinn_resource", {**self.sandbox.auth("altinn"), "resources": resources}),
            lambda: [("GET", url + part, None) for url in urls for part in ("", "/policy")],
            [
                self.uri_task("Read the resource and compare", url="{{ item.label }}"),
                self.uri_task(
                    "Read the policy and compare", url="{{ item.label }}/policy", return_content=True
                ),
            ],
            [{"label": url} for url in urls],
            "altinn",
        )

    def _onboard(self) -> Job:
        number_of_apis, number_of_consumers = 50, 400
        consumers = self._organizations(number_of_consumers)[:number_of_consumers]
        folder = self.folder / "apis"
        folder.mkdir(exist_ok=True)
        (folder / "consumers.csv").write_text(
            "organization_number\n" + "\n".join(consumers) + "\n", encoding="utf-8"
        )
        apis = [
            {
                "name": f"onboard-{number}",
                "scope": {
                    "prefix": "testetat",
                    "subscope": f"bench/o{number}.read",
                    "description": f"Onboard {number}",
                    "delegation": "altinn",
                },
                "resource": {
                    "title": _languages(f"Onboard {number}"),
                    "description": _languages("Onboard"),
                    "right_description": _languages("Onboard"),
                    "contact_points": [{"email": "api@testetat.example"}],
                },
                "policy": {"template": "scope_delegation"},
                "consumers": {"file": str(folder / "consumers.csv")},
            }
            for number in range(number_of_apis)
        ]
        play = self.play(
            {"ansible.builtin.import_role": {"name": "tilbyder.maskinporten.provider_onboarding"}}
        )
        play[0]["vars"].update(
            provider_apis=apis,
            maskinporten_environment="sandbox",
            provider_output=str(self.folder / "output"),
            connection_altinn={
                option: value
                for option, value in self.sandbox.auth("altinn").items()
                if option not in self.sandbox.options()
            },
        )

        def seed() -> None:
            self._organizations(number_of_consumers)
            told = {**play[0], "vars": {**play[0]["vars"], "provider_notification_sent_by_hand": True}}
            # What the first run has written, people have sent before the second.
            for one in (play[0], told):
                self.playbook([one])

        scopes = [f"testetat:bench/o{number}.read" for number in range(number_of_apis)]
        quoted = [name.replace(":", "%3A").replace("/", "%2F") for name in scopes]
        return Job(
            "onboard-noop-50x400",
            number_of_apis * number_of_consumers,
            seed,
            play,
            None,
            lambda: [("GET", f"{self.self_service}/scopes/access?scope={name}&inactive=true", None) for name in quoted]
            + [("GET", f"{self.registry}/testetat-onboard-{n}{part}", None) for n in range(50) for part in ("", "/policy")],
            [
                self.uri_task(
                    "Grant again",
                    url=self.self_service + "/scopes/access/{{ item.number }}?scope={{ item.label | urlencode }}",
                    method="PUT",
                ),
            ],
            [{"label": name, "number": number} for name in scopes for number in consumers],
        )  # fmt: skip

    def _seed(self, **sections: Any) -> None:
        self.sandbox.seed(sections)

    def _organizations(self, count: int) -> list[str]:
        """``count`` synthetic organisations, the same ones every time."""
        if count:
            self.sandbox.seed({"generate_organizations": {"count": count, "first": "21000000"}})
        return sorted(
            entry["orgnr"]
            for entry in self.sandbox.state()["organizations"]
            if entry["orgnr"].startswith("21000")
        )


def _languages(text: str) -> dict[str, str]:
    return {"nb": text, "nn": text, "en": text}


def measure(bench: Bench, job: Job) -> dict[str, Any]:
    """The job's record, as it stands in ``build/bench.json``."""
    ours, uri, bare = [], [], []
    requests: dict[str, int] = {}
    for _unused in range(bench.repeat):
        seconds, requests = bench.run_ours(job)
        ours.append(seconds)
        bare.append(bench.run_bare(job))
        uri.append(bench.run_uri(job))
    record: dict[str, Any] = {
        "job": job.name,
        "size": job.size,
        "latency_ms": bench.latency_ms,
        "ours_s": round(statistics.median(ours), 3),
        "uri_s": round(statistics.median(uri), 3),
        "bare_s": round(statistics.median(bare), 3),
        "requests": requests,
        "peak_mb": bench.peak(job),
        "repeat": bench.repeat,
        "uri_rows_run": min(len(job.uri_items), URI_ROWS),
        "uri_rows_extrapolated": max(0, len(job.uri_items) - URI_ROWS),
    }
    record["ratio_uri"] = round(record["uri_s"] / record["ours_s"], 1)
    record["ratio_bare"] = round(record["ours_s"] / record["bare_s"], 1)
    return record


def table(records: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "".join(
            (
                f"{'job':<22}{'size':>7}{'ours':>9}{'uri':>11}{'bare':>9}{'uri/ours':>10}{'ours/bare':>11}",
                f"{'token':>7}{'read':>6}{'write':>7}{'MB':>6}",
            )
        )
    ]
    for row in records:
        extrapolated = "*" if row["uri_rows_extrapolated"] else " "
        requests = row["requests"]
        peak = f"{row['peak_mb']:.0f}" if row["peak_mb"] is not None else "-"
        lines.append(
            f"{row['job']:<22}{row['size']:>7}{row['ours_s']:>8.1f}s{row['uri_s']:>9.1f}s{extrapolated}{row['bare_s']:>8.1f}s"
            f"{row['ratio_uri']:>10.1f}{row['ratio_bare']:>11.1f}{requests['token']:>7}{requests['read']:>6}"
            f"{requests['write']:>7}{peak:>6}"
        )
    if any(row["uri_rows_extrapolated"] for row in records):
        lines.append(f"* measured on {URI_ROWS} rows and extrapolated per row")
    return "\n".join(lines)


def main() -> int:
    """Run the jobs that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--job", help="only this job")
    parser.add_argument("--latency-ms", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    records = []
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        process, info = start_sandbox(folder / "sandbox")
        try:
            sandbox = SandboxClient(info)
            sandbox.seed({"clients": _long_lived(sandbox)})
            sandbox.control("POST", "/keep")
            bench = Bench(sandbox, options.latency_ms, options.repeat, folder)
            known = []
            for job in bench.jobs():
                known.append(job.name)
                if options.job in (None, job.name):
                    records.append(measure(bench, job))
                    print(table(records[-1:]), flush=True)
            if not records:
                print(f"No job is called {options.job}; there are {', '.join(known)}.", file=sys.stderr)
                return 2
        finally:
            stop_sandbox(process)
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
    print(f"\nEvery answer delayed by {options.latency_ms} ms; median of {options.repeat}.\n{table(records)}")
    return 0


def _long_lived(sandbox: SandboxClient) -> list[dict[str, Any]]:
    """The seeded clients with tokens that outlive a loop; the loops fetch one only once."""
    wanted = {sandbox.credentials(identity)["client_id"] for identity in ("administration", "altinn")}
    return [
        {**client, "access_token_lifetime": 3600}
        for client in sandbox.state()["clients"]
        if client["client_id"] in wanted
    ]


if __name__ == "__main__":
    raise SystemExit(main())
