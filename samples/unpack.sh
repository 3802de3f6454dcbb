#!/bin/sh
# SPDX-License-Identifier: MIT
# unpack.sh ARCHIVE STAMP: unpack a sample beside STAMP, in place of an older one, then write STAMP.
set -eu
archive=$1
stamp=$2
directory=${stamp%.unpacked}
rm -rf "$directory" "$stamp"
tar -C "$(dirname "$stamp")" --zstd -xmf "$archive"
[ -d "$directory" ]
: >"$stamp"
