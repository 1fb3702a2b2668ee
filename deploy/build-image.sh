#!/bin/sh
# Builds the operator's image in two steps:
#   deploy/build-image.sh wheels   fetches the libraries and builds the operator's wheel (needs the package index)
#   deploy/build-image.sh image    builds the image from them (needs no network if the base image has gpg)
#   deploy/build-image.sh          both
#
#   IMAGE           name of the result           (default localhost/violet-operator:<version>)
#   BASE_IMAGE      base of the image            (default: see the Dockerfile)
#   PYTHON_VERSION  Python of the base image     (default 3.11)
#   PYTHON          Python that fetches wheels   (default python3)
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' operator/violet_operator/__init__.py)

wheels() {
  rm -rf dist/wheels dist/pip
  "${PYTHON:-python3}" -m venv dist/pip
  # Wheels only: no library's build script runs, and the base image may have another Python than this machine.
  dist/pip/bin/pip download --quiet --require-hashes --only-binary=:all: \
    --python-version "${PYTHON_VERSION:-3.11}" --implementation cp \
    --requirement requirements.lock --dest dist/wheels
  dist/pip/bin/pip wheel --quiet --no-deps --wheel-dir dist/wheels .
  rm -rf dist/pip
}

image() {
  if ! command -v buildah >/dev/null; then
    echo "buildah is not installed: install it (Debian: apt-get install buildah) and run this again." >&2
    exit 1
  fi
  if ! [ -d dist/wheels ]; then
    echo "There is no dist/wheels: run '$0 wheels' where the package index can be reached." >&2
    exit 1
  fi
  revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
  image=${IMAGE:-localhost/violet-operator:$version}
  buildah bud --file Dockerfile --tag "$image" \
    ${BASE_IMAGE:+--build-arg "BASE_IMAGE=$BASE_IMAGE"} \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" .
  echo "Built $image. Next: buildah push $image docker://<your registry>/violet-operator:$version"
}

case ${1:-all} in
  wheels) wheels ;;
  image) image ;;
  all) wheels && image ;;
  *) echo "Usage: $0 [wheels | image]" >&2; exit 2 ;;
esac
