# The part of gpu.sh that makes a folder to carry to a machine with a card: sourced there, with its variables.
limit=60 # MB

compress=$("${CUDACXX:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}" --help | grep -q compress-mode &&
  echo --compress-mode=size || true)
# An old-style run path, since libraries' own libraries must be found through it too.
compile build/pack 90a-real -DCMAKE_CUDA_FLAGS="$compress" '-DCMAKE_BUILD_RPATH=$ORIGIN/lib' \
  -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags
rm -rf "${pack:?}"/{lib,bench,polonaise_*}
mkdir -p "$pack"/{lib,bench/peers}
for program in "${programs[@]}" polonaise_gpu_bench; do
  install -s build/pack/*/"$program" "$pack/"
done

# OpenBLAS is larger than all else: the functions that the programs call, from its static library, are two thirds of it.
blas=$(ldd build/pack/tests/polonaise_kernels_tests | awk '/libopenblas/ {print $3}')
if [[ -n $blas && -f ${archive:=$(dirname "$(readlink -f "$blas")")/libopenblas.a} ]]; then
  called=$(nm -D --undefined-only "$pack"/polonaise_* | awk '$NF ~ /^(cblas|openblas)_/ {print "-Wl,-u," $NF}' | sort -u)
  name=$(basename "$blas")
  g++ -shared -s -o "$pack/lib/$name" "-Wl,-soname,$name" $called "$archive" -lpthread -lm
fi
# The shared libraries that the programs need beyond the C library's own.
for program in "$pack"/polonaise_*; do
  ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// {print $3}' |
    grep -Ev "/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*)\.so|^$pack" | xargs -I{} cp -Lu {} "$pack/lib/" || true
done
cp bench/{gpu.sh,gpu_pack.sh,gpu_report.py,README.md} "$pack/bench/"
cp bench/peers/torch_gpu_peer.py "$pack/bench/peers/"
git rev-parse --short HEAD >"$pack/commit"

bytes=$(find "$pack" -type f -printf '%s\n' | awk '{sum += $1} END {print sum}')
echo "$pack: $((bytes / 1000000)) MB"
((bytes <= limit * 1000000)) ||
  { echo "gpu.sh: $pack is larger than the $limit MB that it may have; ls -lS $pack says what of it" >&2; exit 1; }
