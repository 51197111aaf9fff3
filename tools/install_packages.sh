#!/usr/bin/env bash
# Installs the Debian packages that are missing, and does nothing when none is.
#
#   bash tools/install_packages.sh GROUP...
#
#   build   what the programs are compiled with
#   tests   what tests and benches need besides
#   torch   PyTorch, which the test of docs/weights.md runs (about 0.8 GB)
#   sound   fluidsynth and a small soundfont, to hear the results
#
# Exit status 1, with a line that says what to do, where something is missing and cannot be installed.
set -euo pipefail

declare -A groups=(
  [build]="g++ cmake ninja-build ccache libhwy-dev libcli11-dev libopenblas-dev nlohmann-json3-dev libfmt-dev zlib1g-dev"
  [tests]="libboost-context-dev libgtest-dev libgmock-dev libbenchmark-dev midicsv"
  [torch]="python3-torch"
  [sound]="fluidsynth timgm6mb-soundfont"
)

fail() {
  echo "install_packages.sh: $1" >&2
  exit 1
}

wanted=()
for group in "$@"; do
  [[ -v groups[$group] ]] || fail "there is no group $group; there are ${!groups[*]}"
  read -ra names <<<"${groups[$group]}"
  wanted+=("${names[@]}")
done

if ! command -v dpkg-query apt-get >/dev/null; then
  echo "install_packages.sh: this is no Debian; what is needed by its Debian names: ${wanted[*]}" >&2
  exit 0 # CMake will say what it does not find
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=absent
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

by_hand="run as root: apt-get install ${missing[*]}"
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || fail "missing packages, and neither root nor sudo; $by_hand"
  as_root=(sudo)
  [[ -t 0 ]] || as_root+=(-n) # nobody is there to type a password
fi

echo "Installing ${missing[*]}"
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30)
"${as_root[@]}" "${apt[@]}" update || echo "install_packages.sh: package lists could not be refreshed" >&2
"${as_root[@]}" "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null ||
  fail "apt-get could not install them; $by_hand"
