#!/usr/bin/env bash
# Everything that CI asks for at the same time: the static checks with the front end's tests, the tests of contracts/, and
# those of Python, to which the arguments go. Their outputs are shown one after the other, pytest's closing line last. All
# run to their end, and the failure of any is ours.
set -euo pipefail
cd "$(dirname "$0")/.."
label=test
source tools/lib.sh

# One of them is the browser's and ends with it.
workers=4
mkdir -p .setup/log
color=()
[[ -t 1 ]] && color=(--color=yes)

names=(checks contracts python)
declare -A jobs=()

# begin NAME COMMAND…: in a process group of its own, which hears of Ctrl-C through us.
begin() {
  local name=$1
  shift
  set -m
  "$@" >".setup/log/test-$name.log" 2>&1 & jobs[$name]=$!
  set +m
}

# pytest takes an interrupt to put its servers away.
interrupt() {
  kill -INT -- "${jobs[@]/#/-}" 2>/dev/null || true
  wait "${jobs[@]}" 2>/dev/null || true
}
trap interrupt EXIT
trap 'exit 130' INT TERM HUP

begin checks make --no-print-directory checks
begin contracts tools/test-contracts.sh
begin python .venv/bin/python -m pytest tests -n "$workers" "${color[@]}" "$@"

failed=()
for name in "${names[@]}"; do
  ((${#failed[@]})) && say "failed: ${failed[*]}; now $name"
  log=".setup/log/test-$name.log"
  tail --lines=+1 --follow --pid="${jobs[$name]}" "$log" & wait $!
  wait "${jobs[$name]}" || failed+=("$name")
done
trap - EXIT
((${#failed[@]} == 0)) || die "failed: ${failed[*]}; see above, or .setup/log/test-*.log"
