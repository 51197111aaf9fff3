#include "bench/gpu/cudnn.h"

#include <dlfcn.h>

namespace polonaise::bench {
namespace {

template <class Function>
void find(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) throw std::runtime_error(std::string("this cuDNN has no ") + name);
}

Cudnn open() {
  void* const library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_GLOBAL);
  if (!library)
    throw std::runtime_error("no libcudnn.so.9 is on the loader's path (LD_LIBRARY_PATH): " + std::string(dlerror()));
  Cudnn functions{};
#define POLONAISE_CUDNN_FIND(name) find(library, functions.name, #name);
  POLONAISE_CUDNN_FUNCTIONS(POLONAISE_CUDNN_FIND)
#undef POLONAISE_CUDNN_FIND
  return functions;
}

}  // namespace

const Cudnn& cudnn() {
  static const Cudnn functions = open();
  return functions;
}

void check(cudnnStatus_t status, const std::string& what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char details[256] = "";
  cudnn().cudnnGetLastErrorString(details, sizeof details);
  throw CudnnError(status, "cuDNN could not " + what + ": " + cudnn().cudnnGetErrorString(status) +
                               (*details ? " (" + std::string(details) + ")" : ""));
}

}  // namespace polonaise::bench
