#!/usr/bin/env bash
# Resolves requirements/{app,dev,contracts,halmos,federation}.in and package.json into their lock files.
#
# CUDA's wheels stay out: torch brings its own, which pip resolves on the machine at hand, so that the
# same lock serves a laptop's CPU and a GPU host. Every package goes with its hashes, so that an index that is
# tampered with installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=.venv/bin/uv
resolve() { "$uv" pip compile --quiet --no-header --generate-hashes --python-version 3.11 "$@"; }

mapfile -t cuda < <(resolve requirements/dev.in | grep -oE '^(nvidia|cuda|triton)[a-z0-9-]*' | sed 's/^/--no-emit-package=/')
resolve requirements/app.in --output-file requirements/app.lock "${cuda[@]}" "$@"
resolve requirements/dev.in --output-file requirements/dev.lock "${cuda[@]}" "$@"
resolve requirements/contracts.in --output-file requirements/contracts.lock "$@"
resolve requirements/halmos.in --output-file requirements/halmos.lock "$@"
resolve requirements/federation.in --output-file requirements/federation.lock "$@"

npm install --package-lock-only --no-audit --no-fund
node tools/complete-package-lock.mjs
