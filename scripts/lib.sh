# Sourced by the other scripts: paths, messages, and where tools are found.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/versions
source "$ROOT/scripts/versions"

# Shared by all clones of one user. An entry is complete once its name exists.
CACHE=${CLICKLEDGER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clickledger}
WORKER_BUILD_DIR=$CACHE/worker-build-$WORKER_BUILD
WASM_BINDGEN_DIR=$CACHE/wasm-bindgen-$WASM_BINDGEN
CARGO_FUZZ_DIR=$CACHE/cargo-fuzz-$CARGO_FUZZ
SCHEMATHESIS_DIR=$CACHE/schemathesis-$SCHEMATHESIS
TARGET=wasm32-unknown-unknown

say() { printf '==> %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# at_least 1.95 1.100.2: is the second the same or newer?
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

# once ENTRY BUILD [ARG...]: fills the cache's ENTRY by `BUILD FOLDER ARG...` unless it is there. The rename comes last,
# so a run that was interrupted, or two at a time, never leave half an entry.
once() (
    entry=$1 build=$2
    shift 2
    [[ ! -e $entry ]] || exit 0
    mkdir -p "$CACHE"
    find "$CACHE" -maxdepth 1 -name '.work.*' -mmin +120 -exec rm -rf {} + # of runs that were killed
    work=$(mktemp -d "$CACHE/.work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    "$build" "$work" "$@"
    [[ -e $entry ]] || mv "$work" "$entry"
)

# Debian packages: installed where that is allowed, else the one command is printed.
apt_install() {
    local why=$1
    shift
    has apt-get || die "$why: install what Debian calls $*"
    [[ $EUID == 0 ]] || die "$why: run sudo apt-get update && sudo apt-get install --no-install-recommends $*"
    say "installing $* with apt-get: $why"
    # On a fresh machine the package list is missing or names files that are gone.
    quietly apt-get update
    DEBIAN_FRONTEND=noninteractive quietly apt-get install --yes --no-install-recommends "$@"
}

# Runs a command and shows what it printed only if it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || {
        printf '%s\n' "$output" >&2
        die "failed: $*"
    }
}

# Where scripts/wasm-target puts the toolchain that it makes from Debian's packages.
debian_toolchain() { printf '%s/rust-%s-%s' "$CACHE" "$(/usr/bin/rustc --version | cut -d ' ' -f 2)" "$TARGET"; }

# Has the Rust in use a standard library for the browser and workerd?
has_target() {
    local libraries
    libraries=$(rustc --print target-libdir --target "$TARGET" 2>/dev/null) || return 1
    compgen -G "$libraries/libstd-*.rlib" >/dev/null
}
