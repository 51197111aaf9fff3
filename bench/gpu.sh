#!/usr/bin/env bash
# Everything that wants a card, as one command: builds, tests, checks and measures, and writes bench/results/GPU.json.
#
#   bash bench/gpu.sh [--quick] [--build DIR] [--out DIR] [STEP...]
#   bash bench/gpu.sh --pack DIR
#   bash bench/gpu.sh --rehearse BUILD [--out DIR] [STEP...]
#
#   test       the tests of kernels, runtime and models on the card
#   sanitize   the kernels' under compute-sanitizer (memcheck, racecheck, initcheck, synccheck), where it is installed
#   bench      every row, and cuDNN's where libcudnn.so.9 is found
#   torch      the same shapes in PyTorch, where python3 has one that sees the card
#   report     the results file, and the tables of bench/README.md, from what the other steps left
#
# All steps without an argument. --quick takes fewer runs of each row and memcheck alone. --out keeps the steps' output
# (build/gpu without it); each row is written as soon as it is measured, so that a run cut short loses nothing. Each step
# has a limit, together under eight minutes (three with --quick) besides the build; what a limit cut is named at the end.
# Exit status: 0, or 1 where a step failed, or 3 where none did and a limit cut one short.
#
# A machine with a card often has no network and few libraries. --pack DIR builds here what it needs (compute capability
# 9.0 alone; stripped, with the shared libraries and this script beside the programs, under 60 MB together), and there
# `bash DIR/bench/gpu.sh --build DIR` runs it.
#
# --rehearse BUILD goes through the steps without a card, with the emulated programs of a build folder (build/simt) in
# their smallest shapes, and writes nothing outside --out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build= out=build/gpu pack= quick= rehearse= steps=()
while (($#)); do
  case $1 in
    --build) build=${2:?--build needs a folder}; shift ;;
    --out) out=${2:?--out needs a folder}; shift ;;
    --pack) pack=${2:?--pack needs a folder}; shift ;;
    --rehearse) rehearse=${2:?--rehearse needs a build folder}; shift ;;
    --quick) quick=1 ;;
    -h | --help) sed -n '2,/^set/{/^set/d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    test | sanitize | bench | torch | report) steps+=("$1") ;;
    *) echo "gpu.sh: no step $1; see bash bench/gpu.sh --help" >&2; exit 2 ;;
  esac
  shift
done
((${#steps[@]})) || steps=(test sanitize bench torch report)

programs=(polonaise_{kernels,runtime,models}_tests)
declare -A limits=([test]=90 [memcheck]=60 [racecheck]=60 [initcheck]=35 [synccheck]=35 [bench]=100 [torch]=90)
[[ $quick ]] && limits=([test]=60 [memcheck]=45 [bench]=35 [torch]=30)

# The programs for some compute capability, in a folder of their own: build/cuda stays as it is.
compile() { # FOLDER ARCHITECTURES [OPTION...]
  cmake --preset cuda -B "$1" -DPOLONAISE_WERROR=OFF -DCMAKE_CUDA_ARCHITECTURES="$2" "${@:3}" >/dev/null
  cmake --build "$1" --parallel "$(nproc)" --target "${programs[@]}" polonaise_gpu_bench
}

if [[ -n $pack ]]; then
  source bench/gpu_pack.sh
  exit 0
fi

if [[ -n $build ]]; then
  tests=("${programs[@]/#/$build/}") bench=$build/polonaise_gpu_bench
  commit=$(cat "$build/commit")
else
  folder=${rehearse:-build/card}
  [[ -n $rehearse ]] ||
    compile $folder "$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d . | sed 's/^90$/90a/')-real"
  tests=("${programs[@]/#/$folder/tests/}") bench=$folder/bench/polonaise_gpu_bench
  commit=$(git rev-parse --short HEAD)
fi
mkdir -p "$out"
measure=(--runs "$([[ $quick ]] && echo 20 || echo 100)") results=bench/results readme=bench/README.md
if [[ -n $rehearse ]]; then
  measure=(--runs 3 --tiny) results=$out/results readme=$out/README.md
  cp bench/README.md "$readme"
  export GTEST_FILTER='Vocabulary.*:LayerNorm/cuda.*:Device.*:*OnACard.StepsRepeat*/rnn_*'
fi

# cuDNN is the toolkit's, or the one that PyTorch brings.
cudnn=$(python3 -c 'import nvidia.cudnn as c; print(c.__path__[0] + "/lib")' 2>/dev/null || true)
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}${cudnn:+:$cudnn}:/usr/local/cuda/lib64

# Runs a command, up to its limit. One that is cut short is noted, and neither a failure nor a success.
within() { # NAME COMMAND...
  local status=0
  timeout --kill-after=5 "${limits[$1]}" "${@:2}" || status=$?
  ((status == 124 || status == 137)) || return $status
  echo "$1 (after ${limits[$1]} s)" >>"$out/cut"
}

# JSON lines as they come, readable where there is a python3.
show_lines() {
  if command -v python3 >/dev/null; then python3 bench/gpu_report.py --lines; else cat; fi
}

step_test() {
  local status=0
  # Each program runs even if one before it failed; one limit holds for all.
  within test bash -c 'failed=0; for program; do "$program" || failed=1; done; exit $failed' - "${tests[@]}" \
    >"$out/test.log" 2>&1 || status=$?
  grep -E '^\[ +(PASSED|SKIPPED|FAILED) +\]' "$out/test.log" | sort -u || true
  echo "$(grep -c '^\[       OK \]' "$out/test.log") tests passed; all of it is in $out/test.log"
  return $status
}
step_sanitize() {
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer on PATH: left out"; return 0; }
  local tool status=0 options
  for tool in memcheck $([[ $quick ]] || echo racecheck initcheck synccheck); do
    echo "-- $tool"
    options=()
    # Tests ask for what CUDA refuses, to see how it is told.
    [[ $tool != memcheck ]] || options=(--report-api-errors no)
    # All that runs on the card but the large shapes: what is left out, so that a new suite is not forgotten.
    within "$tool" compute-sanitizer --tool "$tool" "${options[@]}" --error-exitcode 9 --print-limit 20 "${tests[0]}" \
      --gtest_filter='-*cpu*:*Cpu*:*Oracle*:Coverage.*:*SizesOfModels*' >"$out/$tool.log" 2>&1 ||
      { status=1; tail -25 "$out/$tool.log"; }
    echo "$(grep -c '^\[       OK \]' "$out/$tool.log") tests passed"
  done
  return $status
}
step_bench() {
  rm -f "$out"/{rows,torch}.jsonl # peers of another run are not to be compared with
  within bench "$bench" "${measure[@]}" | tee "$out/rows.jsonl" | show_lines
  [[ ! $rehearse ]] || ! grep '"error"' "$out/rows.jsonl" # on a card a refusal is a result
}
step_torch() {
  rm -f "$out/torch.jsonl"
  local device=$([[ $rehearse ]] && echo cpu || echo cuda)
  python3 -c "import torch; assert '$device' == 'cpu' or torch.cuda.is_available()" 2>/dev/null ||
    { echo "no PyTorch that sees a card: left out"; return 0; }
  within torch python3 bench/peers/torch_gpu_peer.py --device "$device" "${measure[@]}" | tee "$out/torch.jsonl" | show_lines
}
step_report() {
  [[ -s $out/rows.jsonl ]] || { echo "there are no rows in $out: run the step bench first"; return 1; }
  local lines=("$out/rows.jsonl")
  [[ ! -s $out/torch.jsonl ]] || lines+=("$out/torch.jsonl")
  cat "${lines[@]}" | python3 bench/gpu_report.py --commit "$commit" --results "$results" --readme "$readme"
}

: >"$out/cut"
"$bench" --machine >"$out/machine.json" || { echo "gpu.sh: without a card there is nothing to run" >&2; exit 1; }
failed=()
for step in "${steps[@]}"; do
  echo "== $step"
  begin=$SECONDS cuts=$(wc -l <"$out/cut")
  set +e # a failing step must not end the others
  (set -eo pipefail; "step_$step")
  status=$?
  set -e
  became=done
  (($(wc -l <"$out/cut") == cuts)) || became="cut short"
  ((status == 0)) || became=FAILED failed+=("$step")
  echo "== $step: $became in $((SECONDS - begin)) s"
done
[[ ! -s $out/cut ]] || { echo "gpu.sh: a limit cut short, and what came later is unknown:" && cat "$out/cut"; } >&2
((${#failed[@]} == 0)) || { echo "gpu.sh: failed: ${failed[*]}; the logs are in $out" >&2; exit 1; }
[[ ! -s $out/cut ]] || exit 3
