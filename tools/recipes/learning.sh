#!/usr/bin/env bash
# How fast networks learn where nothing is given but --model and --seq: trains them on several sets of music, beside the
# same networks as they started before (--start torch --lr 0.001), and prints the tables of docs/learning.md.
#
#   bash tools/recipes/learning.sh --data DIR [OPTION...]
#
#   --data DIR      has asap-scores/ and asap-performances/ (MIDI) and polyphonic/ (jsb_chorales/ and nottingham/, as
#                   tools/recipes/run.sh takes them); what is not there is left out
#   --midi DIR      more music, as chord vectors in seven keys: that of tools/quickstart.sh, out/quickstart/midi
#   --set LIST      of asap-chordvec, asap-tsd, asap-remi, asap-perf, jsb, nottingham, midi (all)
#   --model LIST    of rnn, lstm, gru, bilstm, transformer (all)
#   --seq LIST      windows (48,200,24,64)
#   --seeds LIST    (1,2,3; the windows 24 and 64 are trained with the first alone)
#   --options TEXT  more options of polonaise-train, for a trial of something else; they name the rows of results.tsv
#   --charts DIR    also draw the curves of each set and window, as DIR/learning-SET-WINDOW.svg
#   --no-reference  do not train the networks as they started before, which is done on windows of 48, with one seed
#   --quick         one seed, windows of 48, no reference
#   --out DIR       datasets and results.tsv (out/learning); a row that is there is not made again, so an interrupted
#                   study goes on from where it was; two hours and a half on two processors, where all is to be made
#   --threads N     threads of the CPU, 0 for one on each processor (0)
#   --programs DIR  has polonaise-train and so on (build/cpu/bin, built where it is missing)
set -euo pipefail
repository=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")

usage_error() {
  echo "learning.sh: $1; see --help" >&2
  exit 2
}

data='' midi='' set=asap-chordvec,asap-tsd,asap-remi,asap-perf,jsb,nottingham,midi model=rnn,lstm,gru,bilstm,transformer
seq=48,200,24,64 seeds=1,2,3 options='' out=out/learning charts='' threads=0 programs='' reference=1
while (($#)); do
  case $1 in
    --help | -h) sed -n '2,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    --data | --midi | --set | --model | --seq | --seeds | --options | --out | --charts | --threads | --programs)
      (($# > 1)) || usage_error "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    --no-reference) reference=0 ;;
    --quick) seeds=1 seq=48 reference=0 ;;
    *) usage_error "there is no option $1" ;;
  esac
  shift
done
[[ -n $data || -n $midi ]] || usage_error "name music with --data DIR or --midi DIR"
[[ -z $data || -d $data ]] || usage_error "--data $data is no folder"
[[ -z $midi || -d $midi ]] || usage_error "--midi $midi is no folder"
[[ $seeds,$seq =~ ^[0-9]+(,[0-9]+)*$ ]] || usage_error "--seeds and --seq are lists of numbers"

mkdir -p "$out" ${charts:+"$charts"}
out=$(realpath "$out")
[[ -z $charts ]] || charts=$(realpath "$charts")
[[ -z $data ]] || data=$(realpath "$data")
[[ -z $midi ]] || midi=$(realpath "$midi")
if [[ -z $programs ]]; then
  programs=$repository/build/cpu/bin
  if [[ ! -x $programs/polonaise-train || (-n $charts && ! -x $programs/learning-chart) ]]; then
    bash "$repository/tools/install_packages.sh" build
    (cd "$repository" && cmake --preset cpu >/dev/null && cmake --build --preset cpu --parallel --target \
      polonaise-prepare polonaise-train polonaise-evaluate ${charts:+learning-chart})
  fi
fi
[[ -x $programs/polonaise-train ]] || usage_error "--programs $programs has no polonaise-train"
[[ -z $charts || -x $programs/learning-chart ]] || usage_error "--programs $programs has no learning-chart"
programs=$(realpath "$programs")
PATH=$programs:$PATH
now="now${options:+ $options}"
cd "$out"
touch results.tsv baselines.tsv

# Makes NAME.data; fails where its music is not there.
prepare() { # NAME
  [[ ! -f $1.data ]] || return 0
  case $1 in
    asap-perf) [[ -d $data/asap-performances ]] && polonaise-prepare "$data/asap-performances" --encoding perf -o "$1.data" -q ;;
    asap-*) [[ -d $data/asap-scores ]] && polonaise-prepare "$data/asap-scores" --encoding "${1#asap-}" -o "$1.data" -q ;;
    jsb) [[ -d $data/polyphonic/jsb_chorales ]] && polonaise-prepare --rolls "$data/polyphonic/jsb_chorales" -o "$1.data" -q ;;
    nottingham) [[ -d $data/polyphonic/nottingham ]] && polonaise-prepare --rolls "$data/polyphonic/nottingham" -o "$1.data" -q ;;
    midi) [[ -n $midi ]] && polonaise-prepare "$midi" --encoding chordvec --transpose -3..3 -o "$1.data" -q ;;
    *) usage_error "there is no set $1" ;;
  esac >/dev/null
}

# A row of results.tsv for each validation: way, set, model, window, seed, step, targets, seconds, nats, nats of lengths.
learn() { # WAY SET MODEL SEQ SEED OPTION...
  local key
  printf -v key '%s\t' "$1" "$2" "$3" "$4" "$5"
  ! grep -qF "$key" results.tsv || return 0
  echo "$1 $2 $3, windows of $4, seed $5" >&2
  rm -rf run
  polonaise-train "$2.data" --model "$3" --seq "$4" --seed "$5" "${@:6}" --threads "$threads" -q -o run >/dev/null
  if ! grep -q "^$2"$'\t' baselines.tsv; then
    polonaise-evaluate run --split valid --json |
      sed -n 's/^ *"\(unigram\|bigram\)": *\([0-9.]*\).*/\2/p' | paste -sd'\t' | sed "s/^/$2\t/" >>baselines.tsv
  fi
  # Whole or not at all: a row is what an interrupted study knows a run by.
  sed -n 's/.*"type":"validation","step":\([0-9]*\),"targets":\([0-9]*\),"seconds":\([0-9.]*\),"loss":\([0-9.]*\),\(.*\)/\1\t\2\t\3\t\4\t\5/p' \
    run/metrics.jsonl | sed 's/"unit.*"durations":\([0-9.]*\).*/\1/; s/"unit.*/-/' | sed "s/^/$key/" >rows
  cat rows >>results.tsv
  rm -rf run rows
}

for s in ${set//,/ }; do
  prepare "$s" || { echo "learning.sh: the music of $s is not there: left out" >&2; continue; }
  for t in ${seq//,/ }; do
    for m in ${model//,/ }; do
      for seed in ${seeds//,/ }; do
        [[ $t == 48 || $t == 200 || $seed == "${seeds%%,*}" ]] || continue
        steps=500 every=50
        [[ $m != bilstm ]] || steps=1000 every=100
        # shellcheck disable=SC2086
        learn "$now" "$s" "$m" "$t" "$seed" --stop-at $steps --validate-every $every $options
      done
      ((reference)) && [[ $t == 48 ]] || continue
      learn before "$s" "$m" "$t" "${seeds%%,*}" --start torch --lr 0.001 --warmup 0 --stop-at 1500 --validate-every 150
    done
  done
done

# The rows are read twice: what is to be reached stands behind what reaches it.
awk -v way="$now" -f "$repository/tools/recipes/learning.awk" baselines.tsv results.tsv pass=2 results.tsv

[[ -n $charts ]] || exit 0
awk -F'\t' -v way="$now" '$1 == way { print $2 "\t" $4 }' results.tsv | sort -u |
  while IFS=$'\t' read -r s t; do
    learning-chart results.tsv baselines.tsv "$s" "$t" --way "$now" -o "$charts/learning-$s-$t.svg"
  done
