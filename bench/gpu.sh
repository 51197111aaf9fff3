#!/usr/bin/env bash
# Everything that wants a card, as one command: builds, tests, checks and measures, and writes bench/results/GPU.json.
#
#   bash bench/gpu.sh [--quick] [--build DIR] [--out DIR] [STEP...]
#   bash bench/gpu.sh --pack DIR
#
#   test       the kernels' test suite on the card
#   sanitize   the same under compute-sanitizer (memcheck, racecheck, initcheck, synccheck), where it is installed
#   bench      every row, and cuDNN's where libcudnn.so.9 is found
#   torch      the same shapes in PyTorch, where python3 has one that sees the card
#   report     the results file, and the tables of bench/README.md, from what the other steps left
#
# All steps without an argument. --quick takes fewer runs of each row and memcheck alone. --out keeps the steps' output
# (build/gpu without it); each row is written as soon as it is measured, so that a run cut short loses nothing.
#
# A machine with a card often has no network and few libraries. --pack DIR builds here what it needs (compute capability
# 9.0 alone; stripped, with the shared libraries beside the programs), and --build DIR runs that there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build= out=build/gpu pack= quick= steps=()
while (($#)); do
  case $1 in
    --build) build=${2:?--build needs a folder}; shift ;;
    --out) out=${2:?--out needs a folder}; shift ;;
    --pack) pack=${2:?--pack needs a folder}; shift ;;
    --quick) quick=1 ;;
    -h | --help) sed -n '2,/^set/{/^set/d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    test | sanitize | bench | torch | report) steps+=("$1") ;;
    *) echo "gpu.sh: no step $1; see bash bench/gpu.sh --help" >&2; exit 2 ;;
  esac
  shift
done
((${#steps[@]})) || steps=(test sanitize bench torch report)

# The programs of a build for the card at hand, or for 9.0 alone.
compile() { # ARCHITECTURES
  cmake --preset cuda -DCMAKE_CUDA_ARCHITECTURES="$1" >/dev/null
  cmake --build --preset cuda --parallel "$(nproc)" --target polonaise_kernels_tests polonaise_gpu_bench
}

# The shared libraries that a program needs beyond the C library's own.
libraries_of() { # PROGRAM
  ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | grep -Ev '/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*)\.so'
}

if [[ -n $pack ]]; then
  compile 90a-real
  mkdir -p "$pack/lib"
  for program in build/cuda/tests/polonaise_kernels_tests build/cuda/bench/polonaise_gpu_bench; do
    install -s "$program" "$pack/"
    libraries_of "$program" | xargs -I{} cp -Lu {} "$pack/lib/"
  done
  git rev-parse --short HEAD >"$pack/commit"
  # Found beside the program wherever the folder is carried; patching run paths needs a tool that not all machines have.
  printf '%s\n' '#!/bin/sh' 'here=$(dirname "$(readlink -f "$0")")' \
    'LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/$1" "${@:2}"' | sed '1s/sh/bash/' >"$pack/run"
  chmod +x "$pack/run"
  du -sh "$pack"
  exit 0
fi

if [[ -n $build ]]; then
  tests=("$build/run" polonaise_kernels_tests) bench=("$build/run" polonaise_gpu_bench)
  commit=$(cat "$build/commit")
else
  compile "$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d . | sed 's/^90$/90a/')-real"
  tests=(build/cuda/tests/polonaise_kernels_tests) bench=(build/cuda/bench/polonaise_gpu_bench)
  commit=$(git rev-parse --short HEAD)
fi
mkdir -p "$out"
runs=$([[ $quick ]] && echo 20 || echo 100)
failed=()

# cuDNN is the toolkit's, or the one that PyTorch brings.
cudnn=$(python3 -c 'import nvidia.cudnn as c; print(c.__path__[0] + "/lib")' 2>/dev/null || true)
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}${cudnn:+:$cudnn}:/usr/local/cuda/lib64

step_test() { "${tests[@]}" --gtest_brief=1 2>&1 | tee "$out/test.log" | tail -40; }
step_sanitize() {
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer on PATH: left out"; return 0; }
  local tool status=0
  for tool in memcheck $([[ $quick ]] || echo racecheck initcheck synccheck); do
    echo "-- $tool"
    timeout 150 compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 \
      "${tests[@]}" --gtest_brief=1 --gtest_filter='*cuda*:*Cuda*' >"$out/$tool.log" 2>&1 || { status=1; tail -25 "$out/$tool.log"; }
  done
  return $status
}
step_bench() {
  rm -f "$out/rows.jsonl"
  "${bench[@]}" --runs "$runs" | tee "$out/rows.jsonl" | python3 bench/gpu_report.py --lines
}
step_torch() {
  python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null || { echo "no PyTorch that sees a card: left out"; return 0; }
  python3 bench/peers/torch_gpu_peer.py --runs "$runs" | tee "$out/torch.jsonl" | python3 bench/gpu_report.py --lines
}
step_report() {
  local gpu driver
  gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)
  cat "$out"/{rows,torch}.jsonl 2>/dev/null | python3 bench/gpu_report.py --gpu "$gpu" --driver "$driver" \
    --commit "$commit" --results bench/results --readme bench/README.md
}

for step in "${steps[@]}"; do
  echo "== $step"
  begin=$SECONDS
  set +e # a failing step must not end the others
  (set -eo pipefail; "step_$step")
  status=$?
  set -e
  ((status == 0)) || failed+=("$step")
  echo "== $step: $( ((status)) && echo FAILED || echo done) in $((SECONDS - begin)) s"
done
((${#failed[@]} == 0)) || { echo "gpu.sh: failed: ${failed[*]}; the logs are in $out" >&2; exit 1; }
