#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh TARGET CORPUS OPTION..: fuzz from the corpus, without changing it.
set -eu
target=$1
corpus=$2
shift 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
"$target" "$@" -artifact_prefix="$scratch/finding-" "$scratch" "$corpus" || status=$?
# An input that makes it fail has to survive in the log.
for finding in "$scratch"/finding-*; do
  [ -f "$finding" ] || continue
  echo "${finding##*/} (base64):"
  base64 "$finding" | head -c 20000
done
exit "$status"
