#!/usr/bin/env bash
# From nothing to new music: installs what is missing, builds, finds MIDI files, trains a model, lets it go on from the
# opening of Chopin's Polonaise Op. 53.
#
#   bash tools/quickstart.sh [FOLDER] [--minutes M]
#
#   FOLDER       your own MIDI files; by default those that a few Debian packages carry, which are downloaded and
#                unpacked into out/quickstart, not installed. Without a network: pieces made by rule
#   --minutes M  how long to train (default 1)
#
# Everything it makes is in out/quickstart; a second run makes it anew, but keeps the downloaded music.
set -euo pipefail

repository=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
out=$PWD/out/quickstart
build=$repository/build/quickstart
music=$out/midi
packages=(freedink-data openttd-openmsx playmidi simutrans-data)

usage_error() {
  echo "quickstart.sh: $1; see --help" >&2
  exit 2
}

parse_arguments() {
  minutes=1
  folder=
  while (($#)); do
    case $1 in
      --help | -h)
        sed -n '2,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        exit 0
        ;;
      --minutes)
        (($# > 1)) || usage_error "--minutes needs a number"
        minutes=$2
        shift
        ;;
      --minutes=*) minutes=${1#*=} ;;
      -*) usage_error "there is no option $1" ;;
      *)
        [[ -z $folder ]] || usage_error "one folder is enough"
        folder=$1
        ;;
    esac
    shift
  done
  [[ $minutes =~ ^[0-9]*\.?[0-9]+$ && $minutes =~ [1-9] ]] || usage_error "--minutes $minutes is no number above 0"
  [[ -z $folder || -d $folder ]] || usage_error "$folder is no folder"
}

step() {
  printf '\n== %s\n' "$*"
}

# CUDA's kernels are worth their minutes of compiling where a card answers, and for that card alone.
build_programs() {
  local cuda=(-DPOLONAISE_CUDA=OFF) card
  if card=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null) && [[ $card =~ ^[0-9]+\.[0-9]+ ]]; then
    cuda=(-DPOLONAISE_CUDA=AUTO -DCMAKE_CUDA_ARCHITECTURES="${BASH_REMATCH[0]/./}-real")
  fi
  cmake -S "$repository" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPOLONAISE_TESTS=OFF -DPOLONAISE_BENCH=OFF \
    "${cuda[@]}" >/dev/null
  cmake --build "$build" --parallel
}

# Fills the folder $music from Debian packages, each with its copyright file. Fails where no network answers.
fetch_music() (
  set -e
  [[ ! -d $music ]] || exit 0
  command -v apt-get dpkg-deb >/dev/null
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/{debs,lists/partial,cache/archives/partial,music}
  cd "$work/debs"
  apt=(timeout 300 apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=15)
  if ! "${apt[@]}" download "${packages[@]}" >/dev/null 2>&1; then # no package lists, perhaps: fetch them, for us alone
    apt+=(-o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache")
    "${apt[@]}" update >/dev/null 2>&1
    "${apt[@]}" download "${packages[@]}" >/dev/null 2>&1
  fi
  for deb in *.deb; do
    package=${deb%%_*}
    dpkg-deb -x "$deb" "$work/$package"
    mkdir "$work/music/$package"
    cp "$work/$package/usr/share/doc/$package/copyright" "$work/music/$package/"
    find "$work/$package" -type f \( -iname '*.mid' -o -iname '*.mid.gz' \) -exec cp -t "$work/music/$package" {} +
  done
  mkdir -p "$out"
  mv "$work/music" "$music"
)

# Sets `source`, the arguments that tell polonaise-prepare where music comes from.
choose_music() {
  if [[ -n $folder ]]; then
    echo "from $folder"
    source=("$folder")
    return
  fi
  set +e # within an if, a failing command would not end the function
  fetch_music
  local status=$?
  set -e
  if ((status == 0)); then
    echo "from the Debian packages ${packages[*]}, in $music"
    source=("$music")
  else
    echo "No network answers, so the music is made by rule: expect a model that knows its rules, not Chopin's."
    source=(--synthetic 200)
  fi
}

parse_arguments "$@"

step "Installing what is missing"
bash "$repository/tools/install_packages.sh" build
bash "$repository/tools/install_packages.sh" sound || echo "Then there will be no sound, only MIDI and a picture."

step "Building the programs in $build"
build_programs
PATH=$build/bin:$PATH
mkdir -p "$out"
rm -f "$out"/polonaise.{mid,svg,wav}

step "Choosing music"
choose_music

step "Preparing it"
polonaise-prepare "${source[@]}" --encoding chordvec --transpose -3..3 -o "$out/music.data" --overwrite

step "Training an LSTM for $minutes min"
polonaise-train "$out/music.data" --model lstm --hidden 64 --layers 2 --seq 48 --ema 0.99 --minutes "$minutes" \
  -o "$out/run" --overwrite

step "Evaluating it on pieces it has not seen"
polonaise-evaluate "$out/run" --split test || # of a handful of pieces none is held back
  echo "So there is no figure for it; the music comes all the same."

step "Sampling a continuation of the Polonaise"
polonaise-sample "$out/run" --steps 200 --seed 53 -o "$out/polonaise.mid"
polonaise-midi roll "$out/polonaise.mid" -o "$out/polonaise.svg"
polonaise-midi render "$out/polonaise.mid" -o "$out/polonaise.wav" || echo "No sound was made; the MIDI file has it all."

step "Done"
for file in polonaise.mid polonaise.svg polonaise.wav; do
  [[ ! -f $out/$file ]] || echo "$out/$file"
done
echo "Again, another one:  $build/bin/polonaise-sample $out/run --steps 200 --seed 54 -o another.mid"
