#!/usr/bin/env bash
# Platforms that learn together, over Flower and by files, each with processes of its own: `tools/federation.sh` tests
# them, `tools/federation.sh install` only makes the environment.
#
# Flower has an environment of its own, .venv-federation, since its pins clash with the site's.
set -euo pipefail
cd "$(dirname "$0")/.."
label=federation
source tools/lib.sh

[[ -x .venv/bin/uv ]] || die "the tools are not installed: run make setup first"
own_environment .venv-federation requirements/federation.lock flwr
[[ "${1:-}" == install ]] || exec .venv/bin/python -m pytest tests/federation "$@"
