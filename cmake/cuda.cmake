# The CUDA toolkit, as POLONAISE_CUDA asks: AUTO takes one where it is found, ON insists, OFF does not look; EMULATED
# takes none and compiles the kernels for the CPU, against kernels/simt's emulator. Sets POLONAISE_HAS_CUDA and says in
# one line what became of it. A card is not needed to build.

# polonaise_find_nvcc(): the compiler as POLONAISE_NVCC with its POLONAISE_NVCC_VERSION, or in POLONAISE_NO_CUDA what is
# missing. It looks before enable_language(), which would end the configuration where AUTO is to go on without.
function(polonaise_find_nvcc)
  find_program(POLONAISE_NVCC NAMES ${CMAKE_CUDA_COMPILER} $ENV{CUDACXX} nvcc
    HINTS $ENV{CUDA_PATH}/bin PATHS /usr/local/cuda/bin DOC "CUDA's compiler")
  mark_as_advanced(POLONAISE_NVCC)
  if(NOT POLONAISE_NVCC)
    set(POLONAISE_NO_CUDA "there is no nvcc on PATH or in /usr/local/cuda/bin" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${POLONAISE_NVCC} --version OUTPUT_VARIABLE version ERROR_QUIET)
  string(REGEX MATCH "V([0-9]+[.][0-9]+[.][0-9]+)" version "${version}")
  set(version "${CMAKE_MATCH_1}")
  set(POLONAISE_NVCC_VERSION "${version}" PARENT_SCOPE)
  if(NOT version OR version VERSION_LESS 12)
    set(POLONAISE_NO_CUDA "${POLONAISE_NVCC} is version ${version}, and C++20 needs 12" PARENT_SCOPE)
    return()
  endif()
  # nvcc refuses host compilers that are newer than itself; preprocessing nothing tells.
  execute_process(COMMAND ${POLONAISE_NVCC} -ccbin ${CMAKE_CUDA_HOST_COMPILER} -std=c++20 -E -x cu /dev/null
    OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE refused)
  if(refused)
    set(POLONAISE_NO_CUDA
      "${POLONAISE_NVCC} ${version} does not work with ${CMAKE_CUDA_HOST_COMPILER} (see CMAKE_CUDA_HOST_COMPILER)"
      PARENT_SCOPE)
  endif()
endfunction()

set(POLONAISE_HAS_CUDA OFF)
if(NOT POLONAISE_CUDA MATCHES "^(AUTO|ON|OFF|EMULATED)$")
  message(FATAL_ERROR "POLONAISE_CUDA is ${POLONAISE_CUDA}: use AUTO, ON, OFF or EMULATED")
elseif(POLONAISE_CUDA STREQUAL "OFF")
  message(STATUS "CUDA: off")
elseif(POLONAISE_CUDA STREQUAL "EMULATED")
  find_library(BOOST_CONTEXT boost_context REQUIRED)
  set(POLONAISE_HAS_CUDA ON)
  message(STATUS "CUDA: emulated on the CPU")
else()
  if(NOT CMAKE_CUDA_HOST_COMPILER)
    set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
  endif()
  polonaise_find_nvcc()
  if(NOT POLONAISE_NO_CUDA)
    get_filename_component(CUDAToolkit_ROOT ${POLONAISE_NVCC} REALPATH)
    get_filename_component(CUDAToolkit_ROOT ${CUDAToolkit_ROOT}/../.. ABSOLUTE)
    find_package(CUDAToolkit 12.0 QUIET)
    if(NOT TARGET CUDA::cudart_static OR NOT TARGET CUDA::nvtx3)
      set(POLONAISE_NO_CUDA "${POLONAISE_NVCC} has no headers or no libcudart_static beside it")
    endif()
  endif()
  if(NOT POLONAISE_NO_CUDA)
    set(POLONAISE_HAS_CUDA ON)
  elseif(POLONAISE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "POLONAISE_CUDA=ON, but ${POLONAISE_NO_CUDA}: install CUDA 12 or later, set CUDACXX to its nvcc, "
      "or configure with POLONAISE_CUDA=OFF")
  else()
    message(STATUS "CUDA: none, ${POLONAISE_NO_CUDA}")
  endif()
endif()

if(POLONAISE_HAS_CUDA AND NOT POLONAISE_CUDA STREQUAL "EMULATED")
  set(CMAKE_CUDA_COMPILER ${POLONAISE_NVCC})
  # 80 is the oldest that multiplies bf16 matrices. Not `native`: machines that build have no card.
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80-real;90a-real;90-virtual" CACHE STRING "GPU architectures to compile for")
  endif()
  enable_language(CUDA)
  # CMake before 3.25.2 does not know that nvcc takes C++20, and drops CMAKE_CUDA_STANDARD without a word.
  foreach(flavour STANDARD EXTENSION)
    if(NOT CMAKE_CUDA20_${flavour}_COMPILE_OPTION)
      set(CMAKE_CUDA20_${flavour}_COMPILE_OPTION -std=c++20)
    endif()
  endforeach()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  if(CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
  endif()
  message(STATUS "CUDA: nvcc ${POLONAISE_NVCC_VERSION} (${POLONAISE_NVCC}) for ${CMAKE_CUDA_ARCHITECTURES}")
endif()
