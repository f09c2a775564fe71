#!/usr/bin/env bash
# Federated rounds over Flower, with processes of its own for each platform: `tools/federation.sh` tests them,
# `tools/federation.sh install` only makes the environment.
#
# Flower has an environment of its own, .venv-federation, since its pins clash with the site's.
set -euo pipefail
cd "$(dirname "$0")/.."
label=federation
source tools/lib.sh

install_environment() {
  say "installing Flower into .venv-federation"
  rm -rf .venv-federation
  .venv/bin/uv venv --quiet --python "$(find_python)" .venv-federation
  VIRTUAL_ENV=.venv-federation .venv/bin/uv pip install --quiet --no-deps --require-hashes --requirement requirements/federation.lock
}

[[ -x .venv/bin/uv ]] || die "the tools are not installed: run make setup first"
mkdir -p .setup
stamp=.setup/federation-environment.stamp
wanted="$(digest requirements/federation.lock)"
if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" || ! -x .venv-federation/bin/flwr ]]; then
  install_environment
  echo "$wanted" >"$stamp"
fi
[[ "${1:-}" == install ]] || exec .venv/bin/python -m pytest tests/federation "$@"
