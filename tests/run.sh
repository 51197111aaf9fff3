#!/usr/bin/env bash
# Builds and runs every test, after installing what is missing.
#
#   bash tests/run.sh [PART...]      all parts without an argument
#
#   asan     everything but the learning tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   cpu      everything, optimised
#   format   of cpu the tests of style and formatting alone; not among all parts
#
# All parts run even if one fails; then the exit status is 1. The output ends in ctest's summary of the last part.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=$(nproc)
failed=()

build() { # PRESET [TARGET...]
  local begin=$SECONDS
  cmake --preset "$1" >/dev/null
  cmake --build --preset "$1" --parallel "$jobs" ${2:+--target "${@:2}"}
  echo "== $1: built in $((SECONDS - begin)) s${failed:+; failed before: ${failed[*]}}"
}

run_asan() {
  build asan polonaise_{kernels,io,runtime,models,tools}_tests
  ctest --preset asan --parallel "$jobs" --label-regex '^(kernels|io|runtime|models|tools)$' --exclude-regex Chorales
}

run_cpu() {
  build cpu
  ctest --preset cpu --parallel "$jobs"
}

run_format() {
  build cpu polonaise_style_tests
  ctest --preset cpu --label-regex '^style$'
}

parts=("$@")
((${#parts[@]})) || parts=(asan cpu)
for part in "${parts[@]}"; do
  [[ $part == @(asan|cpu|format) ]] || { echo "run.sh: no part $part; there are asan, cpu and format" >&2; exit 2; }
done

bash tools/install_packages.sh build tests

for part in "${parts[@]}"; do
  echo "== $part"
  begin=$SECONDS
  set +e # a failing part must not end the script; within the subshell a failing command ends the part
  (set -e; "run_$part")
  status=$?
  set -e
  ((status == 0)) || failed+=("$part")
  [[ $part == "${parts[-1]}" ]] || # the last part's summary ends the output
    echo "== $part: $( ((status)) && echo FAILED || echo passed) in $((SECONDS - begin)) s"
done
((${#failed[@]} == 0))
