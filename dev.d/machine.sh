# shellcheck shell=bash
# What a machine needs for a job, how to see whether it is there, and how to bring it. Read by ./dev, which has say and
# die. `setup NEED…` is the door; the rest serves it.

have() { command -v "$1" >/dev/null 2>&1; }

# has NEED: is it on this machine?
has() {
  case $1 in
    compiler) have cc && printf '#include <stdlib.h>\n' | cc -E - >/dev/null 2>&1 ;;
    postgres) postgres_program initdb >/dev/null && postgres_program postgres >/dev/null ;;
    browser) have chromedriver && { have chromium || have chromium-browser || [ -d "/Applications/Google Chrome.app" ]; } ;;
    fonts) [ "$(uname)" = Darwin ] || { have fc-list && has_font "Noto Sans" && has_font "Noto Color Emoji"; } ;;
    heif) have heif-dec || have heif-convert ;;
    tools) have exiftool && have heif-enc && convert -version 2>/dev/null | grep -q ImageMagick ;;
    python) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    node) have node && have npm ;;
    # Debian keeps nginx where only root's PATH leads.
    proxy) have nginx || [ -x /usr/sbin/nginx ] ;;
    curl) have curl ;;
    alerts) have promtool ;;
    clock) find /usr/lib /usr/lib64 -path '*/faketime/libfaketimeMT.so.1' 2>/dev/null | grep -q . ;;
    load) have wrk && has proxy && have vipsthumbnail && postgres_program pgbench >/dev/null ;;
  esac
}

has_font() { [ -n "$(fc-list ":family=$1")" ]; }

# packages MANAGER NEED: the packages that bring it.
packages() {
  case $1-$2 in
    apt-compiler) echo gcc libc6-dev ;;
    apt-postgres) echo postgresql ;;
    apt-browser) if apt_offers chromium; then echo chromium chromium-driver; else echo chromium-browser chromium-chromedriver; fi ;;
    apt-fonts) echo fontconfig fonts-noto-core fonts-noto-color-emoji ;;
    # Newer releases put each codec into a package of its own.
    apt-heif) if apt_offers libheif-plugin-libde265; then echo libheif-examples libheif-plugin-libde265 libheif-plugin-dav1d; else echo libheif-examples; fi ;;
    apt-tools) if apt_offers libheif-plugin-x265; then echo libimage-exiftool-perl imagemagick libheif-examples libheif-plugin-x265 libheif-plugin-aomenc; else echo libimage-exiftool-perl imagemagick libheif-examples; fi ;;
    apt-python) echo python3-venv ;;
    apt-node) echo nodejs npm ;;
    apt-proxy) echo nginx-light ;;
    apt-curl) echo curl ;;
    apt-alerts) echo prometheus ;;
    apt-clock) echo faketime ;;
    apt-load) echo wrk nginx-light postgresql libvips-tools ;;
    dnf-compiler) echo gcc glibc-devel ;;
    dnf-postgres) echo postgresql-server ;;
    dnf-browser) echo chromium chromedriver ;;
    dnf-fonts) echo fontconfig google-noto-sans-vf-fonts google-noto-color-emoji-fonts ;;
    dnf-heif) echo libheif-tools ;;
    dnf-tools) echo perl-Image-ExifTool ImageMagick libheif-tools ;;
    dnf-python) echo python3-pip ;;
    dnf-node) echo nodejs npm ;;
    dnf-proxy | brew-proxy) echo nginx ;;
    dnf-curl | brew-curl) echo curl ;;
    dnf-alerts) echo golang-github-prometheus ;;
    brew-alerts) echo prometheus ;;
    dnf-clock | brew-clock) echo libfaketime ;;
    dnf-load) echo wrk nginx postgresql-contrib vips-tools ;;
    brew-compiler) die "No C compiler: run xcode-select --install, then try again." ;;
    brew-postgres) echo postgresql@17 ;;
    brew-browser) echo google-chrome chromedriver ;;
    brew-heif) echo libheif ;;
    brew-tools) echo exiftool imagemagick libheif ;;
    brew-python) echo python ;;
    brew-node) echo node ;;
    brew-load) echo wrk nginx postgresql@17 vips ;;
  esac
}

# postgres_program NAME: its path. Distributions keep the server's programs off PATH; Lumina itself looks in the same places.
postgres_program() {
  local candidate
  for candidate in "$(command -v "$1" || true)" \
    "$(have pg_config && pg_config --bindir)/$1" \
    /usr/lib/postgresql/*/bin/"$1" /opt/homebrew/opt/postgresql*/bin/"$1" /usr/local/opt/postgresql*/bin/"$1"; do
    [ -x "$candidate" ] && echo "$candidate" && return
  done
  return 1
}

apt_offers() { [ -n "$(apt-cache show "$1" 2>/dev/null)" ]; }

# setup NEED…: looks at each and installs what is missing.
setup() {
  need_rust
  local need missing=
  for need in "$@"; do has "$need" || missing="$missing $need"; done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || have sudo || have brew ||
    die "Missing on this machine:$missing. Run this as root once, or as a user who may use sudo."
  if have apt-get; then
    install_with_apt "$missing"
  elif have dnf; then
    install_with dnf "$missing" as_root dnf install -y
  elif have brew; then
    install_with brew "$missing" brew install
  else
    die "Missing on this machine:$missing. I know apt, dnf and Homebrew only: install it yourself, then try again."
  fi
  for need in $missing; do
    has "$need" || die "Still missing after the installation: $need."
  done
}

# setup_if_possible NEED…: what Lumina does without when it is not to be had; it says at its start what it then refuses.
setup_if_possible() { (setup "$@") || say "Going on without: $*."; }

need_rust() {
  local wanted found
  have cargo || PATH="$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin"
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  have cargo || die "Rust is missing. Install version $wanted or newer (https://rustup.rs), then try again."
  found=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
  printf '%s\n' "$wanted" "$found" | sort -t. -k1,1n -k2,2n -C ||
    die "Rust $found is too old: Lumina needs $wanted or newer (with rustup: rustup update stable)."
}

# install_with MANAGER NEEDS COMMAND…
install_with() {
  local manager=$1 needs=$2 need list=
  shift 2
  for need in $needs; do list="$list $(packages "$manager" "$need")"; done
  say "Installing:$list"
  # shellcheck disable=SC2086 # a list of words
  "$@" $list
}

install_with_apt() {
  say "Renewing the package lists (missing:$1)"
  as_root apt-get update -qq || say "Some lists could not be renewed; going on with what is there."
  case $1 in *postgres* | *load*) keep_out_default_cluster ;; esac
  case $1 in *load* | *proxy* | *alerts*) keep_services_down ;; esac
  install_with apt "$1" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300
  let_in_default_cluster
  let_services_up
}

# Debian's package makes a database cluster that listens on port 5432 as soon as it is installed. Lumina needs only the
# programs, so a setting forbids it for the length of our installation. Clusters that exist are not touched.
no_cluster=/etc/postgresql-common/createcluster.d/lumina-dev.conf
keep_out_default_cluster() {
  trap let_in_default_cluster EXIT
  as_root mkdir -p "$(dirname $no_cluster)"
  echo 'create_main_cluster = false' | as_root tee $no_cluster >/dev/null
}
let_in_default_cluster() {
  [ ! -e $no_cluster ] || as_root rm $no_cluster
}

# Debian's nginx serves on port 80 as soon as it is installed, Prometheus on 9090. Tests and benchmarks need the programs, on
# ports of their own.
# A policy that somebody set is not touched.
no_services=/usr/sbin/policy-rc.d
our_policy=
keep_services_down() {
  [ ! -e $no_services ] || return 0
  our_policy=yes
  trap 'let_in_default_cluster; let_services_up' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee $no_services >/dev/null
  as_root chmod +x $no_services
}
let_services_up() {
  [ -z "$our_policy" ] || as_root rm -f $no_services
  our_policy=
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
