#!/bin/sh
# SPDX-License-Identifier: MIT
# corpus.sh TARGET CORPUS: run a fuzz target once over every file of its corpus.
set -eu
find "$2" -type f -print0 | sort -z | xargs -0 -r "$1"
