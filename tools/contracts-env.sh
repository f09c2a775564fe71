# Sourced, from the project's root, by what runs Brownie: where its networks, its compiler and the accounts are.
#
# Brownie keeps its networks in the home folder, so it gets one of its own; the operator's encrypted accounts stay
# where they are, in ~/.brownie/accounts, and are linked in.
[[ -x .venv-contracts/bin/brownie ]] || { echo "Brownie is not installed here: run tools/setup-contracts.sh" >&2; exit 1; }

brownie_home="$PWD/.setup/brownie-home"
mkdir -p "$brownie_home/.brownie"
cmp -s scripts/networks.yaml "$brownie_home/.brownie/network-config.yaml" ||
  cp scripts/networks.yaml "$brownie_home/.brownie/network-config.yaml"
[[ "${1:-}" == accounts ]] && mkdir -p -m 700 "$HOME/.brownie/accounts"
if [[ -d "$HOME/.brownie/accounts" && "$HOME" != "$brownie_home" && ! -L "$brownie_home/.brownie/accounts" ]]; then
  rmdir "$brownie_home/.brownie/accounts" 2>/dev/null || true
  ln -s "$HOME/.brownie/accounts" "$brownie_home/.brownie/accounts"
fi

export CHAINFUND_RPC_URL="${CHAINFUND_RPC_URL:-http://127.0.0.1:8545}"
export HOME="$brownie_home" SOLCX_BINARY_PATH="$PWD/.setup/solcx"
