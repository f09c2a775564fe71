#!/usr/bin/env bash
# Makes Brownie's environment (.venv-contracts) from requirements/contracts.lock, puts the compiler where Brownie
# looks for it and compiles contracts/ once. Needs node_modules. A second run does only what changed.
set -euo pipefail
cd "$(dirname "$0")/.."

label=contracts
source tools/lib.sh

install_environment() {
  local python uv
  python="$(find_python)"
  rm -rf .venv-contracts
  if [[ -x .venv/bin/uv ]]; then uv=.venv/bin/uv; else uv="$(command -v uv || true)"; fi
  if [[ -n "$uv" ]]; then
    "$uv" venv --quiet --python "$python" .venv-contracts
    VIRTUAL_ENV=.venv-contracts "$uv" pip install --quiet --no-deps --require-hashes --requirement requirements/contracts.lock
  else
    "$python" -m venv .venv-contracts
    .venv-contracts/bin/python -m pip install --disable-pip-version-check --quiet --no-deps \
      --require-hashes --requirement requirements/contracts.lock
  fi
}

[[ -d node_modules/solc && -d node_modules/@openzeppelin/contracts ]] ||
  die "node_modules lacks the compiler or OpenZeppelin's contracts: run npm ci first"

mkdir -p .setup/solcx
stamp=.setup/contracts-environment.stamp
wanted="$(digest requirements/contracts.lock)"
if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" || ! -x .venv-contracts/bin/brownie ]]; then
  say "installing Brownie and what it pins into .venv-contracts"
  install_environment
  echo "$wanted" >"$stamp"
fi

version="$(tools/solc --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)"
ln -sfn ../../tools/solc ".setup/solcx/solc-v$version"
say "compiling with solc $version"
tools/brownie compile >.setup/contracts-compile.log 2>&1 ||
  { tail -n 30 .setup/contracts-compile.log >&2; die "the contracts do not compile: see above"; }
say "ready"
