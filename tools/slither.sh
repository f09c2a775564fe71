#!/usr/bin/env bash
# Static analysis of contracts/ by slither, which compiles through forge: fails on findings of medium impact and above.
set -euo pipefail
cd "$(dirname "$0")/.."
label=contracts
source tools/lib.sh

[[ -x .venv-contracts/bin/slither && -d node_modules/@foundry-rs ]] ||
  die "slither is not installed: run npm ci and tools/setup-contracts.sh (make setup does both)"

# Folders of its own, since slither clears them; and without the IR, which takes thrice the time and which slither,
# reading the syntax tree, does not see.
export FOUNDRY_OUT=.setup/slither/out FOUNDRY_CACHE_PATH=.setup/slither/cache FOUNDRY_VIA_IR=false
export PATH="$PWD/tools:$PATH"
log=.setup/slither.log
.venv-contracts/bin/slither . --compile-force-framework foundry --foundry-out-directory "$FOUNDRY_OUT" \
  --filter-paths node_modules --exclude-low --exclude-informational --exclude-optimization \
  --fail-medium >"$log" 2>&1 || { cat "$log" >&2; die "slither has findings, or could not run: see above"; }
grep -oE 'INFO:Slither:.*' "$log"
