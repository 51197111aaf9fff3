#!/usr/bin/env bash
# Makes the files beside it with the programs of commit f571fef, whose datasets, runs and checkpoints later programs must
# load, resume and sample (tests/tools/f571fef_test.cpp).
#
#   bash make.sh PROGRAMS      PROGRAMS has polonaise-prepare, polonaise-train, polonaise-sample of that commit
#
#   NAME.data                  a dataset for each encoding
#   ENCODING-MODEL[-HEAD]/     a run of 8 steps that was stopped after 4
#   ENCODING-MODEL[-HEAD].mid  what that commit samples from it
#   resumed.tsv                the losses of validation when it goes on to its end
#   start-ENCODING-MODEL.safetensors   a checkpoint of initial values: of one step with a learning rate of 0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH=$(realpath "$1"):$PATH
polonaise-train --version | grep -q f571fef || { echo "make.sh: $1 is not of f571fef" >&2; exit 1; }

rm -rf -- *.data */ *.mid *.safetensors resumed.tsv
prepare() { # NAME OPTION...
  polonaise-prepare --synthetic 4 --split 0.5,0.25,0.25 -o "$1.data" -q "${@:2}" >/dev/null
}
for encoding in chordvec chordvec-literal roll88 perf tsd remi; do prepare "$encoding" --encoding "$encoding"; done
prepare tsd-all --encoding tsd --tokens pedal,tempo,articulation

train() { # DATASET MODEL [OPTION...]
  local run=$1-$2
  [[ $* != *autoregressive* ]] || run+=-autoregressive
  local options=(--hidden 4 --layers 2 --seq 12 --batch 8 --steps 8 --warmup 2 --log-every 1 --validate-every 4 -q)
  [[ $2 != transformer ]] || options+=(--heads 2 --feedforward 6)
  polonaise-train "$1.data" --model "$2" "${options[@]}" "${@:3}" --stop-at 4 -o "$run" >/dev/null
  sed -i "s|^dataset = .*|dataset = \"$1.data\"|" "$run/config.toml"
  polonaise-sample "$run" --steps 40 --seed 7 -q -o "$run.mid"
  cp -r "$run" resumed
  polonaise-train --resume -o resumed -q >/dev/null
  printf '%s\t%s\n' "$run" "$(sed -n 's/.*"type":"validation","step":8,.*"loss":\([0-9.]*\).*/\1/p' resumed/metrics.jsonl)" \
    >>resumed.tsv
  rm -r resumed
}
for model in rnn lstm gru bilstm transformer; do train chordvec $model --dropout 0.2; done
train chordvec lstm --head autoregressive --head-hidden 5
train chordvec-literal rnn
train roll88 gru
train roll88 transformer --head autoregressive --head-hidden 5 --position relative
train perf lstm
train perf transformer --position learned --accumulate 2
train tsd gru --weight-decay 0.1
train tsd transformer --position sinusoidal
train tsd-all rnn
train remi bilstm
train remi lstm --head-dropout 0.1

start() { # DATASET MODEL OPTION...
  polonaise-train "$1.data" --model "$2" --hidden 4 --seq 12 --seed 5 --steps 1 --lr 0 -q "${@:3}" -o start >/dev/null
  cp start/checkpoints/last/model.safetensors "start-$1-$2.safetensors"
  rm -r start
}
for model in rnn gru bilstm; do start chordvec $model; done
start chordvec lstm --head autoregressive --head-hidden 5
start chordvec transformer --heads 2 --position relative
start perf lstm
start perf transformer --heads 2 --position learned
