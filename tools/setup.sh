#!/usr/bin/env bash
# Installs what a command needs and nothing twice: `tools/setup.sh demo` or `tools/setup.sh test`. With `tools/setup.sh
# demo ahead` the contracts are still being compiled when it ends: `tools/setup.sh contracts`, which the demo calls before
# it deploys them, waits for that.
#
# Each step leaves a stamp with the hash of its inputs in .setup/, so that a second run takes a second.
# Steps that do not need each other run side by side; what they print goes to .setup/log/.
set -euo pipefail
cd "$(dirname "$0")/.."

label=setup
source tools/lib.sh

purpose="${1:-demo}" ahead="${2:-}"
mkdir -p .setup/log

# step NAME HASH FUNCTION: runs FUNCTION unless its stamp already carries HASH.
step() {
  local name=$1 hash=$2 run=$3 began=$SECONDS
  [[ "$(cat ".setup/$name.stamp" 2>/dev/null)" == "$hash" ]] && return 0
  say "$name: installing…"
  if ! ( set -e; "$run" ) >".setup/log/$name.log" 2>&1; then
    tail -n 15 ".setup/log/$name.log" >&2
    die "$name failed: the lines above are the end of .setup/log/$name.log. Run the command again once that is mended."
  fi
  echo "$hash" >".setup/$name.stamp"
  say "$name: done ($((SECONDS - began)) s)"
}

check_node() {
  command -v npm >/dev/null || die "npm was not found: install Node 20 or newer"
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    die "Node $(node --version) is too old: install Node 20 or newer"
}

# The entry of a package in app.lock, and what is left of a lock without it; hashes go with their package.
locked() { awk -v name="$1" '/^[a-z0-9]/ { entry = index($0, name "==") == 1 } entry && !/^ *#/' requirements/app.lock; }
locked_without() { awk -v name="$1" '/^[a-z0-9]/ { entry = index($0, name "==") == 1 } !entry' "requirements/$2.lock"; }

# Everything goes in as locked, by its hashes, but torch: pip picks the build that suits this machine, and the wheels of
# CUDA that it asks for, from whichever index serves them.
install_uv() {
  [[ -x .venv/bin/python ]] || "$PYTHON" -m venv .venv
  locked uv >.setup/uv.txt
  .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r .setup/uv.txt
}

install_python() {
  locked_without torch "$1" >.setup/locked.txt
  VIRTUAL_ENV=.venv .venv/bin/uv pip install --no-deps --require-hashes --requirement .setup/locked.txt
  .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-compile "$(locked torch | grep -oE '^torch==[^ ;]+')"
}
install_app() { install_python app; }
install_dev() { install_python dev; }
install_node() { npm ci --no-audit --no-fund; }
install_contracts() { tools/setup-contracts.sh; }
build_frontend() { npm run build; }
build_catalogues() { .venv/bin/pybabel compile --directory django_project/locale --domain django; }

has_browser() { command -v "$1" >/dev/null && fc-list :lang=zh | grep -q .; }
install_packages() {
  [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

install_browser() {
  has_browser "${CHAINFUND_CHROMIUM:-chromium-headless-shell}" && return
  # A whole Chromium will do where nothing can be installed; it takes twice the processor's time.
  install_packages chromium-headless-shell fontconfig fonts-noto-cjk || has_browser chromium || {
    echo "The browser tests need Chromium and a Chinese font. Install Debian's packages chromium-headless-shell,"
    echo "fontconfig and fonts-noto-cjk, or name a Chromium with CHAINFUND_CHROMIUM=/path/to/chromium."
    return 1
  }
}

PYTHON="$(find_python)"
check_node

frontend_inputs() { git ls-files -co --exclude-standard -- package-lock.json vite.config.ts abis django_project/frontend django_project/templates; }

contracts_inputs() {
  git ls-files -co --exclude-standard -- requirements/contracts.lock package-lock.json brownie-config.yaml contracts \
    tools/{brownie,contracts-env.sh,lib.sh,setup-contracts.sh,solc}
}

python_step() {
  if [[ "$purpose" == test ]]; then
    step python-dev "$(digest requirements/dev.lock)" install_dev
  elif [[ "$(cat .setup/python-dev.stamp 2>/dev/null)" != "$(digest requirements/dev.lock)" ]]; then
    step python "$(digest requirements/app.lock)" install_app
  fi
}

# shellcheck disable=SC2046  # file names here have no spaces
frontend_step() { step frontend "$(digest $(frontend_inputs))" build_frontend; }
# shellcheck disable=SC2046
catalogues_step() { step catalogues "$(digest $(git ls-files -co --exclude-standard -- django_project/locale))" build_catalogues; }
# Brownie compiles with node's solc, and its environment is made with uv.
# shellcheck disable=SC2046
contracts_step() (
  exec 9>.setup/contracts.lock
  flock 9
  step contracts "$(digest $(contracts_inputs))" install_contracts
)
browser_step() { [[ "$purpose" != test ]] || step browser chromium-headless-shell install_browser; }

# side_by_side FUNCTION…: runs all of them, and fails when one of them has failed.
side_by_side() {
  local each jobs=() failed=0
  for each in "$@"; do "$each" & jobs+=($!); done
  for each in "${jobs[@]}"; do wait "$each" || failed=1; done
  return "$failed"
}

python_side() { python_step; catalogues_step; }
node_side() {
  step node "$(digest package-lock.json)" install_node
  if [[ -n "$ahead" ]]; then
    contracts_step >.setup/log/ahead.log 2>&1 &
    frontend_step
  else
    side_by_side contracts_step frontend_step
  fi
}

if [[ "$purpose" == contracts ]]; then
  contracts_step
  exit
fi
step uv "$(locked uv | digest)" install_uv
side_by_side python_side node_side browser_step
say "ready"
