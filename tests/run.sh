#!/usr/bin/env bash
# Builds and runs every test, after installing what is missing.
#
#   bash tests/run.sh [PART...]      all parts without an argument
#
#   asan        everything but kernels and the learning tests under AddressSanitizer and UndefinedBehaviorSanitizer,
#               on the CPU and on the emulated card
#   simt-asan   kernels, CUDA's on the emulator, under the same, and a rehearsal of bench/gpu.sh
#   simt-tsan   kernels and the runtime, CUDA's on the emulator, under ThreadSanitizer, which makes a race detector for
#               CUDA of it
#   mutation    faults in copies of kernels, each of which the two must find
#   cuda        nvcc compiles every kernel without a warning and without spilled registers, and all that stands on them;
#               skipped where there is none
#   cpu         everything, optimised
#   format      of cpu the tests of style and formatting alone; not among all parts
#
# All parts run even if one fails; then the exit status is 1. The output ends in ctest's summary of the last part.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all=(asan simt-asan simt-tsan mutation cuda cpu)
jobs=$(nproc)
failed=()
before=() # what became of the parts before this one

build() { # PRESET [TARGET...]
  local begin=$SECONDS
  cmake --preset "$1" >/dev/null
  cmake --build --preset "$1" --parallel "$jobs" ${2:+--target "${@:2}"}
  echo "== $1: built in $((SECONDS - begin)) s"
  ((!${#before[@]})) || printf '== before: %s\n' "${before[@]}"
}

# Each room's tests in as many processes as there are processors, where ctest would start one for each test: under a
# sanitizer that takes longer than most of them. Without those of learning.
in_shards() { # PRESET ROOM...
  local room shard shards status=0
  for room in "${@:2}"; do
    shards=()
    for ((shard = 0; shard < jobs; ++shard)); do
      GTEST_TOTAL_SHARDS=$jobs GTEST_SHARD_INDEX=$shard timeout 1200 \
        "build/$1/tests/polonaise_${room}_tests" --gtest_brief=1 --gtest_filter="-*KnownEntropy*:*TrainedAtItsDefaults*" &
      shards+=($!)
    done
    for shard in "${shards[@]}"; do wait "$shard" || status=1; done
  done
  return $status
}

run_asan() {
  build simt-asan polonaise_{io,runtime,models,tools}_tests
  in_shards simt-asan io runtime models
  ctest --preset simt-asan --parallel "$jobs" --label-regex '^tools$' --exclude-regex "Chorales|TrainedAtItsDefaults"
}

run_simt-asan() {
  build simt-asan polonaise_{kernels,runtime,models}_tests polonaise_gpu_bench
  in_shards simt-asan kernels
  ctest --preset simt-asan --parallel "$jobs" --label-regex '^bench$'
}

run_simt-tsan() {
  build simt-tsan polonaise_{kernels,runtime}_tests
  in_shards simt-tsan kernels runtime
}

run_mutation() {
  for preset in simt-asan simt-tsan; do
    build $preset polonaise_mutation_tests
    ctest --preset $preset --parallel "$jobs" --label-regex '^mutation$'
  done
}

run_cuda() {
  if ! command -v "${CUDACXX:-nvcc}" /usr/local/cuda/bin/nvcc >/dev/null; then
    echo "== cuda: skipped, there is no nvcc on PATH or in /usr/local/cuda/bin"
    return
  fi
  build cuda polonaise_{kernels,runtime,bench}_tests polonaise_gpu_bench polonaise-train
  for family in attention recurrent; do bash tests/registers.sh build/cuda "^[^ ]+ $family/"; done
  ctest --preset cuda --parallel "$jobs" --label-regex '^(kernels|runtime|bench)$'
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
((${#parts[@]})) || parts=("${all[@]}")
for part in "${parts[@]}"; do
  [[ " ${all[*]} format " == *" $part "* ]] || { echo "run.sh: no part $part; there are ${all[*]} format" >&2; exit 2; }
done

bash tools/install_packages.sh build tests
if [[ " ${parts[*]} " =~ \ (asan|cpu)\  ]]; then
  bash tools/install_packages.sh torch || echo "== no PyTorch: the test that runs docs/weights.md skips itself"
fi

for part in "${parts[@]}"; do
  echo "== $part"
  begin=$SECONDS
  set +e # a failing part must not end the script; within the subshell a failing command ends the part
  (set -e; "run_$part")
  status=$?
  set -e
  ((status == 0)) || failed+=("$part")
  before+=("$part $( ((status)) && echo FAILED || echo passed) in $((SECONDS - begin)) s")
  [[ $part == "${parts[-1]}" ]] || echo "== ${before[-1]}" # the last part's summary ends the output
done
((${#failed[@]} == 0))
