#!/usr/bin/env bash
# Tests of contracts/: forge (units, fuzz, invariants) beside slither and proofs, then Brownie on anvil.
# `tools/test-contracts.sh gas` (or another name behind test_) runs that file alone; FOUNDRY_PROFILE=long fuzzes for longer.
set -euo pipefail
cd "$(dirname "$0")/.."
label=contracts
source tools/lib.sh

[[ -x .venv-contracts/bin/brownie && -d node_modules/@foundry-rs ]] ||
  die "the contracts' tools are not installed: run npm ci and tools/setup-contracts.sh (make setup does both)"

targets=(tests/contracts)
if [[ -n "${1:-}" ]]; then
  targets=("tests/contracts/test_$1.py")
else
  export FOUNDRY_PROFILE="${FOUNDRY_PROFILE:-deployed}"
  # What the profile tests is what Brownie has compiled.
  tools/brownie compile >.setup/contracts-compile.log 2>&1 ||
    { tail -n 30 .setup/contracts-compile.log >&2; die "the contracts do not compile: see above"; }
  say "forge (units, fuzz, invariants), slither and proofs"
  set -m # in a process group of its own, which can be ended with its children
  { export FOUNDRY_PROFILE=default; tools/slither.sh && tools/prove.sh; } >.setup/beside-forge.out 2>&1 & beside=$!
  set +m
  trap 'kill -- "-$beside" 2>/dev/null || true' EXIT
  tools/forge test --show-progress 2>.setup/forge.log >.setup/forge.out ||
    { cat .setup/forge.out >&2; tail -n 40 .setup/forge.log >&2; exit 1; }
  grep -E '^\[PASS\]|^Suite result|^Ran' .setup/forge.out
  wait "$beside" || { cat .setup/beside-forge.out >&2; exit 1; }
  trap - EXIT
  cat .setup/beside-forge.out
fi
say "Brownie on anvil"
source tools/contracts-env.sh
exec .venv-contracts/bin/python -m pytest -c tests/contracts/pytest.ini --rootdir tests/contracts "${targets[@]}"
