#!/usr/bin/env bash
# Tests of contracts/: forge (units, fuzz, invariants), then Brownie on anvil (lifecycle, gas, deploying).
# `tools/test-contracts.sh gas` runs the gas test alone; FOUNDRY_PROFILE=long fuzzes for longer.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ -x .venv-contracts/bin/brownie && -d node_modules/@foundry-rs ]] ||
  { echo "The contracts' tools are not installed: run npm ci and tools/setup-contracts.sh (make setup does both)" >&2; exit 1; }

targets=(tests/contracts)
if [[ "${1:-}" == gas ]]; then
  targets=(tests/contracts/test_gas.py)
else
  echo "[contracts] forge: units, fuzz, invariants"
  FOUNDRY_DISABLE_NIGHTLY_WARNING=1 node_modules/.bin/forge test --show-progress 2>.setup/forge.log >.setup/forge.out ||
    { cat .setup/forge.out >&2; tail -n 40 .setup/forge.log >&2; exit 1; }
  grep -E '^\[PASS\]|^Suite result|^Ran' .setup/forge.out
  echo "[contracts] ABIs"
  tools/brownie run export_abi check | tail -n 1
fi
echo "[contracts] Brownie on anvil"
source tools/contracts-env.sh
exec .venv-contracts/bin/python -m pytest -c tests/contracts/pytest.ini --rootdir tests/contracts "${targets[@]}"
