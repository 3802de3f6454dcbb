# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What ./run and ./test share: which Debian packages are needed, how to get those that are missing, how to build.
# Sourced, after `set -eu`. Everything it says goes to
# standard error, so that standard output belongs to the program that is run.

# To build.
build_packages='
  gcc
  libc6-dev
  libglib2.0-dev
  libjansson-dev
  libmicrohttpd-dev
  libsmartcols-dev
  libxxhash-dev
  meson
  ninja-build
  pkg-config
  zlib1g-dev
  zstd
'

# To test: the second compiler with its sanitizers and fuzzer, the reference reader, the recorder, a browser, what checks its types, the linters.
test_packages='
  babeltrace2
  chromium
  clang-14
  libclang-rt-14-dev
  liblttng-ust-dev
  lttng-tools
  mandoc
  node-typescript
  python3
  python3-lttngust
  shellcheck
'

say() {
  printf '%s\n' "$*" >&2
}

# missing PACKAGE..: print those that are not installed, one a line.
missing() {
  { dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true; } |
    awk -v all="$*" '
      $2 == "installed" { have[$1] = 1 }
      END { n = split(all, name, " "); for (i = 1; i <= n; i++) if (!(name[i] in have)) print name[i] }'
}

# install PACKAGE..: get through apt what is not there. Neither root nor network is needed when nothing is missing.
install() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    return 0 # not Debian: the build says what it lacks
  fi
  todo=$(missing "$@")
  [ -n "$todo" ] || return 0
  # Words, not one word, here and below: the lists are split on purpose.
  # shellcheck disable=SC2086
  set -- $todo
  if [ "$(id -u)" -eq 0 ]; then
    sudo=
  elif command -v sudo >/dev/null; then
    sudo=sudo
  else
    say "These packages are missing, and there is neither root nor sudo to install them: $*"
    return 1
  fi
  say "Installing with apt: $*"
  $sudo apt-get -q update >&2 &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2
}

install_to_build() {
  # shellcheck disable=SC2086
  install $build_packages
}

install_to_test() {
  # shellcheck disable=SC2086
  install $build_packages $test_packages
}

# build SOURCE DIRECTORY [MESON-OPTION..]: configure the directory unless that was done before, and build.
build() {
  source=$1
  dir=$2
  shift 2
  if [ ! -f "$dir/build.ninja" ]; then
    rm -rf "$dir"
    if ! log=$(meson setup "$dir" "$source" "$@" 2>&1); then
      say "$log"
      return 1
    fi
  fi
  ninja --quiet -C "$dir" >&2
}
