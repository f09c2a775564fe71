#!/usr/bin/env bash
# Symbolic proofs about contracts/ (tests/contracts/forge/proofs): for every value at once, where the fuzzer tries ten
# thousand. `tools/prove.sh` takes those that are done within a minute, `tools/prove.sh all` takes all.
#
# The prover has an environment of its own, .venv-halmos, since its pins clash with everybody else's.
set -euo pipefail
cd "$(dirname "$0")/.."
label=prove
source tools/lib.sh

[[ -x .venv/bin/uv && -d node_modules/@foundry-rs ]] || die "the tools are not installed: run make setup first"
own_environment .venv-halmos requirements/halmos.lock halmos

# Without the IR, which takes thrice the time: what is proved is what the sources say.
export FOUNDRY_VIA_IR=false FOUNDRY_OPTIMIZER_RUNS=200 FOUNDRY_TEST=tests/contracts/forge/proofs
export FOUNDRY_OUT=.setup/proofs/out FOUNDRY_CACHE_PATH=.setup/proofs/cache
export PATH="$PWD/tools:$PATH"
# forge leaves what it made of files that are gone.
rm -rf "$FOUNDRY_OUT"/*.t.sol
# Every act at every second of three years is three quarters of the work.
which='^check_(?!no_act_)'
[[ "${1:-}" == all ]] && which='^check_'
log=.setup/proofs.log
.venv-halmos/bin/halmos --root . --forge-build-out "$FOUNDRY_OUT" --no-status --loop 12 \
  --solver-timeout-assertion 60000 --match-contract 'Proof$' --match-test "$which" >"$log" 2>&1 ||
  { grep -vE '^ *[│├╭╰]|^warning' "$log" | tail -n 60 >&2; die "something is not proved: see above"; }
grep -aE 'check_\w+\(|Symbolic test result' "$log"
