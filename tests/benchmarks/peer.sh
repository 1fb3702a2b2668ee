#!/usr/bin/env bash
# What people do by hand: fetch, check, unpack, and copy image by image.
#   peer.sh PRESIGNED-URL SHA256 DIRECTORY REGISTRY IMAGE...
set -euo pipefail
url=$1 sum=$2 directory=$3 registry=$4
shift 4
mkfifo "$directory/copy"
sha256sum <"$directory/copy" >"$directory/sum" &
curl --silent --show-error --fail "$url" | tee "$directory/copy" | tar --extract --gzip --directory "$directory"
wait
grep --quiet "^$sum " "$directory/sum"
for image in "$@"; do
  skopeo copy --quiet --all --preserve-digests --dest-tls-verify=false \
    "oci:$(echo "$directory"/*/images):$image" "docker://$registry/${image#*/}"
done
