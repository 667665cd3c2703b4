#!/usr/bin/env bash
# Runs the tests of crates/wire and crates/zmtp on a big-endian machine: s390x, emulated by qemu-user. `npm run test:big-endian`.
#
# The compiler's s390x library comes from rustup where it can add the target, else from Debian's packages of Rust 1.85
# (the MSRV of both), unpacked - not installed - into target/big-endian. RPYC_BIG_ENDIAN=rustup or =debian forces one.
# Linker, C library and emulator are Debian packages that are installed if missing (root only).
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=s390x-unknown-linux-gnu
VERSION=1.85.0+dfsg3-1~deb12u3 # pinned: Debian's later rustc-web has no s390x library
HOST_PACKAGES=(rustc-web libstd-rust-web-1.85 libstd-rust-web-dev)
CACHE=${CARGO_TARGET_DIR:-$PWD/target}/big-endian
TOOLS=(gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user)
choice=${RPYC_BIG_ENDIAN:-auto}

say() { printf 'big-endian: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# --- linker, C library, emulator
missing=()
for tool in "${TOOLS[@]}"; do
  dpkg-query -W -f='${Status}' "$tool" 2>/dev/null | grep -q 'install ok installed' || missing+=("$tool")
done
if ((${#missing[@]})); then
  command -v apt-get >/dev/null || die "needs ${missing[*]}: this system has no apt-get"
  [[ $(id -u) == 0 ]] || die "needs root once, for: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# --- the compiler's s390x library
rustup_target() {
  command -v rustup >/dev/null || return 1
  rustup target list --installed 2>/dev/null | grep -qx "$TARGET" && return 0
  say "rustup target add $TARGET"
  rustup target add "$TARGET" >/dev/null 2>&1
}

# apt-get with lists of both architectures in a folder of its own: the system's configuration stays as it is.
private_apt() {
  local command=$1
  shift
  "$command" -qq -o APT::Architectures::="$(dpkg --print-architecture)" -o APT::Architectures::=s390x \
    -o Dir::State="$CACHE/apt/state" -o Dir::State::status="$CACHE/apt/status" -o Dir::Cache="$CACHE/apt/cache" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}

debian_rust() {
  local root=$CACHE/root packages=() depends
  if [[ ! -e $CACHE/complete-$VERSION ]]; then
    command -v apt-get >/dev/null || die "neither rustup nor apt-get can provide Rust for $TARGET"
    say "downloading Debian's Rust $VERSION for this machine and s390x"
    rm -rf "$root" "$CACHE/debs" "$CACHE/apt"
    mkdir -p "$root" "$CACHE/debs" "$CACHE"/apt/{state/lists/partial,cache/archives/partial}
    touch "$CACHE/apt/status"
    private_apt apt-get update >/dev/null 2>"$CACHE/apt/log" || die "apt-get update failed: $(tail -n 1 "$CACHE/apt/log")"
    for package in "${HOST_PACKAGES[@]}"; do packages+=("$package=$VERSION"); done
    packages+=("libstd-rust-web-dev:s390x=$VERSION")
    # The LLVM it is linked to has a version in its name.
    depends=$(private_apt apt-cache show "libstd-rust-web-1.85=$VERSION" | grep -om1 'libllvm[0-9]*' || true)
    [[ -z $depends ]] || packages+=("$depends")
    (cd "$CACHE/debs" && private_apt apt-get download "${packages[@]}" >/dev/null)
    for deb in "$CACHE"/debs/*.deb; do dpkg -x "$deb" "$root"; done
    rm -rf "$CACHE/debs" "$CACHE/apt"
    touch "$CACHE/complete-$VERSION"
  fi
  local libraries=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
  # cargo itself runs without these libraries; only the unpacked compiler needs them.
  cat >"$CACHE/rustc" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH="$root/usr/lib:$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" exec "$root/usr/bin/rustc" --sysroot "$root/usr" "\$@"
WRAPPER
  chmod +x "$CACHE/rustc"
  export RUSTC=$CACHE/rustc
}

case $choice in
  rustup) rustup_target || die "rustup cannot add $TARGET" ;;
  debian) debian_rust ;;
  auto) rustup_target || debian_rust ;;
  *) die "RPYC_BIG_ENDIAN is rustup or debian, not $choice" ;;
esac
say "$("${RUSTC:-rustc}" --version), $(qemu-s390x --version | head -n 1)"

# --- the tests, optimised because emulated; of the mutated frames a sample
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER=s390x-linux-gnu-gcc
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER="qemu-s390x -L /usr/s390x-linux-gnu"
export RPYC_WIRE_SAMPLE=${RPYC_WIRE_SAMPLE:-64}
# The workspace's release profile would link everything as one unit for every test program.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
exec cargo test --locked --release --target "$TARGET" --target-dir "$CACHE/build" -p rpyc-wire -p rpyc-zmtp --lib --tests "$@"
