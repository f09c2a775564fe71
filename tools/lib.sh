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
