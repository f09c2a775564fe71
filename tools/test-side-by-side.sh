#!/usr/bin/env bash
# The tests of contracts/ and those of Python at the same time. The contracts' output is shown as it comes, then
# Python's, so that pytest's closing line is the last; arguments go to pytest. Both run to their end, and the failure
# of either is ours.
set -euo pipefail
cd "$(dirname "$0")/.."
label=test
source tools/lib.sh

mkdir -p .setup/log
contracts_log=.setup/log/test-contracts.log python_log=.setup/log/test-python.log
color=()
[[ -t 1 ]] && color=(--color=yes)

set -m # each in a process group of its own, which hears of Ctrl-C through us
tools/test-contracts.sh >"$contracts_log" 2>&1 & contracts=$!
.venv/bin/python -m pytest tests -n 2 "${color[@]}" "$@" >"$python_log" 2>&1 & python=$!
set +m

# pytest takes an interrupt to put its servers away.
interrupt() {
  kill -INT -- "-$contracts" "-$python" 2>/dev/null || true
  wait "$contracts" "$python" 2>/dev/null || true
}
trap interrupt EXIT
trap 'exit 130' INT TERM HUP

follow() { tail --lines=+1 --follow --pid="$1" "$2"; }

follow "$contracts" "$contracts_log" & wait $!
wait "$contracts" && contracts_status=0 || contracts_status=$?
((contracts_status)) && say "the contracts' tests failed; those of Python:"
follow "$python" "$python_log" & wait $!
wait "$python" && python_status=0 || python_status=$?
trap - EXIT
((contracts_status)) && die "the contracts' tests failed: see above, or $contracts_log"
exit "$python_status"
