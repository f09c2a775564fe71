#!/usr/bin/env bash
# Lines and branches of contracts/ that the forge tests reach: a table, what they miss, and failure below 99 %.
# Measured without optimizer and IR, so apart from tools/test-contracts.sh. Half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
label=coverage
source tools/lib.sh

least=99
folder=.setup/coverage
mkdir -p "$folder"
export FOUNDRY_OUT="$folder/out" FOUNDRY_CACHE_PATH="$folder/cache"
export FOUNDRY_FUZZ_RUNS=64 FOUNDRY_INVARIANT_RUNS=16
tools/forge coverage --no-match-coverage '(mocks|tests)/' --report summary --report lcov \
  --report-file "$folder/lcov.info" >"$folder/forge.log" 2>&1 ||
  { tail -n 40 "$folder/forge.log" >&2; die "forge could not measure: see above"; }
grep -E '^\| (File |contracts/|Total )' "$folder/forge.log"
awk -F '[:,]' -v least="$least" '
  /^SF:/ { file = $2 }
  /^DA:/ { lines++; if ($3 == 0) { missed++; print "not reached: " file ":" $2 } }
  /^BRDA:/ { branches++; if ($5 == "0" || $5 == "-") { untaken++; print "branch not taken: " file ":" $2 } }
  END {
    printf "lines %.1f %%, branches %.1f %%\n", 100 * (1 - missed / lines), 100 * (1 - untaken / branches)
    exit 100 * missed > (100 - least) * lines || 100 * untaken > (100 - least) * branches
  }' "$folder/lcov.info" || die "below $least %"
