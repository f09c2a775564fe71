"""Lighthouse on home, explore and a campaign, served as in production: `make lighthouse`.

Fills a small database, collects the static files, serves the site by gunicorn in production mode on loopback,
and has Lighthouse measure each page as a mid-range phone on a slow network would see it. Prints the scores,
writes them to benchmarks/results/lighthouse.json with what was found, and ends with status 1 when a score is
below its target.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.web import fill, serving
from devtools.browsers import chromium
from devtools.servers import PROJECT_ROOT, Postgres, Redis

LIGHTHOUSE = PROJECT_ROOT / "tools" / "lighthouse" / "node_modules" / ".bin" / "lighthouse"
RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "lighthouse.json"
PAGES = {"home": "/", "explore": "/explore/", "campaign": "/campaigns/campaign-1/"}
TARGETS = {"performance": 95, "accessibility": 100, "best-practices": 95}
CAMPAIGNS, CONTRIBUTIONS = 500, 20_000
ATTEMPTS = 4

Report = dict[str, Any]


def measure(url: str, directory: Path) -> Report:
    """One report. The header stands for the proxy that ends TLS in production.

    With some builds of Chromium the recording of a page load fails now and then, without any scores:
    Lighthouse then says "please run Lighthouse again", which is done a few times.

    Raises:
        RuntimeError: no attempt gave a report.
    """
    out = directory / "report.json"
    command = [
        *(str(LIGHTHOUSE), url, "--quiet", "--output=json", f"--output-path={out}"),
        f"--only-categories={','.join(TARGETS)}",
        '--extra-headers={"X-Forwarded-Proto": "https"}',
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-background-networking",
    ]
    environment = {**os.environ, "CHROME_PATH": chromium()}
    for _ in range(ATTEMPTS):
        out.unlink(missing_ok=True)
        done = subprocess.run(command, cwd=directory, env=environment, check=False)
        if done.returncode == 0:
            report: Report = json.loads(out.read_text())
            return report
    raise RuntimeError(f"Lighthouse could not measure {url} in {ATTEMPTS} attempts: see its words above")


def scores(reports: list[Report]) -> dict[str, int]:
    """The median of each category, in per cent."""
    return {
        category: round(100 * statistics.median(each["categories"][category]["score"] for each in reports))
        for category in TARGETS
    }


def findings(report: Report) -> list[str]:
    """What a score was lowered by, most first."""
    found: list[tuple[float, str]] = []
    for category in TARGETS:
        for reference in report["categories"][category]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                lost = reference["weight"] * (1 - audit["score"])
                found.append((lost, f"{category}: {audit['title']} {audit.get('displayValue', '')}".strip()))
    return [text for _, text in sorted(found, reverse=True)]


def _production(directory: Path, database: str, redis: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "django_project.settings",
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "CELERY_BROKER_URL": f"{redis[:-1]}1",
        "CHAINFUND_MODE": "production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "CHAINFUND_SITE_URL": "https://127.0.0.1",
        "CHAINFUND_ALLOWED_HOSTS": "127.0.0.1",
        "CHAINFUND_STATIC_ROOT": str(directory / "static"),
        "CHAINFUND_LOG_LEVEL": "WARNING",
        "CHAINFUND_PROXY_DEPTH": "0",
        "CHAINFUND_RATE_LIMIT_SCALE": "100",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="Of each page; scores are their medians.")
    options = parser.parse_args()
    measured: dict[str, dict[str, int]] = {}
    noted: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="chainfund-lighthouse-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres, redis = Postgres(directory / "postgres"), Redis(directory)
        env = _production(directory, postgres.ensure_database("web"), redis.url)
        try:
            fill(env, CAMPAIGNS, CONTRIBUTIONS)
            collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]
            subprocess.run(collect, env=env, cwd=PROJECT_ROOT, check=True)
            with serving(directory, env, 2) as port:
                for page, path in PAGES.items():
                    url = f"http://127.0.0.1:{port}{path}"
                    reports = [measure(url, directory) for _ in range(options.runs)]
                    measured[page], noted[page] = scores(reports), findings(reports[-1])
        finally:
            redis.stop()
            postgres.stop()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"scores": measured, "findings": noted}, indent=2) + "\n")
    for page, by_category in measured.items():
        told = "  ".join(f"{category} {score}" for category, score in by_category.items())
        print(f"{page:>9}  {told}")
        for line in noted[page]:
            print(f"           {line}")
    below = [p for p, found in measured.items() for name, least in TARGETS.items() if found[name] < least]
    sys.exit(f"below target: {', '.join(dict.fromkeys(below))}" if below else 0)


if __name__ == "__main__":
    main()
