# Sourced by the scripts beside it, which name themselves in $label first: how they speak, hash and find Python.

say() { printf '[%s] %s\n' "$label" "$*"; }
die() { printf '[%s] %s\n' "$label" "$*" >&2; exit 1; }

digest() { cat "$@" | sha256sum | cut -c1-16; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3; do
    if [[ -n "$candidate" ]] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
  done
  die "CPython 3.11 was not found: install it, or say where it is with PYTHON=/path/to/python3.11"
}

# An environment of its own for a tool whose pins clash with the site's: its folder, its lock, a program in it.
own_environment() {
  local folder="$1" lock="$2" program="$3" stamp wanted
  stamp=".setup/${1#.venv-}-environment.stamp"
  mkdir -p .setup
  wanted="$(digest "$lock")"
  [[ "$(cat "$stamp" 2>/dev/null)" == "$wanted" && -x "$folder/bin/$program" ]] && return
  say "installing $program into $folder"
  rm -rf "$folder"
  .venv/bin/uv venv --quiet --python "$(find_python)" "$folder"
  VIRTUAL_ENV="$folder" .venv/bin/uv pip install --quiet --no-deps --require-hashes --requirement "$lock"
  echo "$wanted" >"$stamp"
}
