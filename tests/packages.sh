#!/usr/bin/env bash
# Debian packages that tests and demo call: installs what is missing as root, else says what to install.
set -euo pipefail
PYTHON=${PYTHON:-python3}

if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "error: $PYTHON must be Python 3.11 or newer. Name another one: make PYTHON=python3.12 ..." >&2
  exit 1
fi

missing=()
command -v gpg >/dev/null || missing+=(gnupg)
for program in buildah mmdebstrap git skopeo zstd; do
  command -v "$program" >/dev/null || missing+=("$program")
done
"$PYTHON" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -gt 0 ] || exit 0

install="apt-get install --yes --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "error: missing: ${missing[*]}. Install them as root and try again:" >&2
  echo "  apt-get update && $install" >&2
  exit 1
fi
echo "Debian packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
$install
