#!/usr/bin/env bash
# Installs what a command needs and nothing twice: `tools/setup.sh demo` or `tools/setup.sh test`.
#
# Each step leaves a stamp with the hash of its inputs in .setup/, so that a second run takes a second.
# Steps that do not need each other run side by side; what they print goes to .setup/log/.
set -euo pipefail
cd "$(dirname "$0")/.."

label=setup
source tools/lib.sh

purpose="${1:-demo}"
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
install_python() {
  [[ -x .venv/bin/python ]] || "$PYTHON" -m venv .venv
  mkdir -p .setup
  locked uv >.setup/uv.txt
  locked_without torch "$1" >.setup/locked.txt
  .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r .setup/uv.txt
  VIRTUAL_ENV=.venv .venv/bin/uv pip install --no-deps --require-hashes --requirement .setup/locked.txt
  .venv/bin/python -m pip install --disable-pip-version-check --quiet "$(locked torch | grep -oE '^torch==[^ ;]+')"
}
install_app() { install_python app; }
install_dev() { install_python dev; }
install_node() { npm ci --no-audit --no-fund; }
install_contracts() { tools/setup-contracts.sh; }
build_frontend() { npm run build; }
build_catalogues() { .venv/bin/pybabel compile --directory django_project/locale --domain django; }

install_browser() {
  [[ -x "${CHAINFUND_CHROMIUM:-/usr/bin/chromium}" ]] && fc-list :lang=zh | grep -q . && return 0
  [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null || {
    echo "The browser tests need Chromium and a Chinese font. Install Debian's packages chromium,"
    echo "fontconfig and fonts-noto-cjk, or name a Chromium with CHAINFUND_CHROMIUM=/path/to/chromium."
    return 1
  }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fontconfig fonts-noto-cjk
}

PYTHON="$(find_python)"
check_node

frontend_inputs() { git ls-files -co --exclude-standard -- package-lock.json vite.config.ts abis django_project/frontend django_project/templates; }

contracts_inputs() {
  git ls-files -co --exclude-standard -- requirements/contracts.lock package-lock.json brownie-config.yaml contracts tools
}

python_step() {
  if [[ "$purpose" == test ]]; then
    step python-dev "$(digest requirements/dev.lock)" install_dev
  elif [[ "$(cat .setup/python-dev.stamp 2>/dev/null)" != "$(digest requirements/dev.lock)" ]]; then
    step python "$(digest requirements/app.lock)" install_app
  fi
}

node_steps() {
  step node "$(digest package-lock.json)" install_node
  # shellcheck disable=SC2046  # file names here have no spaces
  step frontend "$(digest $(frontend_inputs))" build_frontend
}

wait_for() { wait "$1" || failed=1; }

failed=0
python_step & python_job=$!
node_steps & node_job=$!
wait_for "$python_job"; wait_for "$node_job"
((failed)) && exit 1

# Brownie's environment is made with the uv that the first one brought, and compiles with node's solc.
# shellcheck disable=SC2046
step contracts "$(digest $(contracts_inputs))" install_contracts & contracts_job=$!
# shellcheck disable=SC2046
step catalogues "$(digest $(git ls-files -co --exclude-standard -- django_project/locale))" build_catalogues & catalogues_job=$!
[[ "$purpose" == test ]] && { step browser chromium install_browser & browser_job=$!; }
wait_for "$contracts_job"; wait_for "$catalogues_job"
[[ "$purpose" == test ]] && wait_for "$browser_job"
((failed)) && exit 1
say "ready"
