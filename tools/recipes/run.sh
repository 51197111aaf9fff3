#!/usr/bin/env bash
# The piano-roll benchmark: trains a recipe of this folder over several seeds and prints its row of docs/results.md.
#
#   bash tools/recipes/run.sh --data DIR [--seeds 1,2,3] [--out DIR] [--threads N] [--programs DIR] RECIPE...
#   bash tools/recipes/run.sh --list
#
#   RECIPE       jsb-lstm and so on, or all
#   --data DIR   has jsb_chorales/ and nottingham/, each with train.jsonl, valid.jsonl, test.jsonl: a sequence a line, an
#                array of frames, each the array of sounding MIDI pitches
#   --threads N  threads of the CPU, 0 for one on each processor (0)
#   --out DIR    datasets, runs and results.tsv (out/recipes without it); what is there is not trained again, what was
#                interrupted goes on
#   --programs DIR  has polonaise-train and so on (build/cpu/bin, built where it is missing)
#
# A recipe is a --config of polonaise-train. The dataset that it names is prepared from the set it begins with; one in
# N keys has the training sequences transposed.
set -euo pipefail
repository=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")

usage_error() {
  echo "run.sh: $1; see --help" >&2
  exit 2
}

names() {
  for file in "$repository"/tools/recipes/*.toml; do basename "$file" .toml; done
}

data='' seeds=1,2,3 out=out/recipes threads=0 programs='' recipes=()
while (($#)); do
  case $1 in
    --help | -h) sed -n '2,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    --list) names; exit 0 ;;
    --data | --seeds | --out | --threads | --programs)
      (($# > 1)) || usage_error "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    -*) usage_error "there is no option $1" ;;
    all) mapfile -t recipes < <(names) ;;
    *) recipes+=("$1") ;;
  esac
  shift
done
((${#recipes[@]})) || usage_error "name a recipe: $(names | paste -sd' ')"
[[ -d $data ]] || usage_error "--data DIR must name the folder with jsb_chorales/ and nottingham/"
[[ $seeds =~ ^[0-9]+(,[0-9]+)*$ ]] || usage_error "--seeds $seeds is no list of numbers"
for recipe in "${recipes[@]}"; do
  [[ -f $repository/tools/recipes/$recipe.toml ]] || usage_error "there is no recipe $recipe: $(names | paste -sd' ')"
done

data=$(realpath "$data")
mkdir -p "$out"
out=$(realpath "$out")
if [[ -z $programs ]]; then
  programs=$repository/build/cpu/bin
  if [[ ! -x $programs/polonaise-train ]]; then
    bash "$repository/tools/install_packages.sh" build
    (cd "$repository" && cmake --preset cpu >/dev/null &&
      cmake --build --preset cpu --parallel --target polonaise-prepare polonaise-train polonaise-evaluate)
  fi
fi
[[ -x $programs/polonaise-train ]] || usage_error "--programs $programs has no polonaise-train"
programs=$(realpath "$programs")
PATH=$programs:$PATH
cd "$out" # where recipes find their datasets

prepare() { # DATASET
  [[ ! -f $1 ]] || return 0
  local set transpose=0..0
  case $1 in
    jsb*) set=jsb_chorales ;;
    nottingham*) set=nottingham ;;
    *) usage_error "no set of the benchmark is called $1" ;;
  esac
  [[ $1 != *-7-keys.data ]] || transpose=-3..3
  [[ $1 != *-12-keys.data ]] || transpose=-5..6
  polonaise-prepare --rolls "$data/$set" --transpose="$transpose" -o "$1"
}

nats() { # RUN SPLIT PROTOCOL
  polonaise-evaluate "$1" --split "$2" --protocol "$3" --threads "$threads" --json |
    sed -n 's/^ *"nats_per_frame": *\([0-9.]*\).*/\1/p'
}

train() { # RECIPE SEED RUN
  if [[ -d $3 ]]; then
    polonaise-train --resume -o "$3" --threads "$threads"
  else
    polonaise-train --config "$repository/tools/recipes/$1.toml" --seed "$2" --threads "$threads" -o "$3"
  fi
  # A run that was interrupted has been saved, but is no result.
  if ! tail -n 1 "$3/metrics.jsonl" | grep -Eq '"reason":"(finished|no better)'; then
    echo "run.sh: $out/$3 is not at its end; the same command goes on with it" >&2
    exit 130
  fi
}

for recipe in "${recipes[@]}"; do
  prepare "$(sed -n 's/^dataset *= *"\(.*\)"/\1/p' "$repository/tools/recipes/$recipe.toml")"
  for seed in ${seeds//,/ }; do
    run=$recipe-$seed
    if ! cut -f1 results.tsv 2>/dev/null | grep -qx "$run"; then
      begin=$SECONDS
      train "$recipe" "$seed" "$run"
      seconds=$((SECONDS - begin))
      valid=$(nats "$run" valid bai2018)
      test=$(nats "$run" test bai2018)
      test_2012=$(nats "$run" test bl2012)
      printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$run" "$recipe" "$valid" "$test" "$test_2012" "$seconds" >>results.tsv
    fi
  done
done

echo
echo '| recipe | seeds | valid, bai2018 | test, bai2018 | test, bl2012 | seconds a run |'
echo '|---|---|---|---|---|---|'
for recipe in "${recipes[@]}"; do
  awk -F'\t' -v recipe="$recipe" '
    $2 == recipe {
      ++n
      for (c = 3; c <= 6; ++c) {
        sum[c] += $c
        if (n == 1 || $c < low[c]) low[c] = $c
        if (n == 1 || $c > high[c]) high[c] = $c
      }
    }
    END {
      printf "| %s | %d ", recipe, n
      for (c = 3; c <= 5; ++c) printf "| %.3f (%.3f to %.3f) ", sum[c] / n, low[c], high[c]
      printf "| %.0f |\n", sum[6] / n
    }' results.tsv
done
