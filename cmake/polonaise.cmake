# What every target of the project shares: compile options, and one way to make a library of a room.

add_library(polonaise_options INTERFACE)
target_include_directories(polonaise_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(polonaise_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  $<$<BOOL:${POLONAISE_WERROR}>:-Werror>
  # gcc 12 warns of std::string's own operator+ (its bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
if(POLONAISE_SANITIZE)
  target_compile_options(polonaise_options INTERFACE -fsanitize=${POLONAISE_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(polonaise_options INTERFACE -fsanitize=${POLONAISE_SANITIZE})
endif()

# polonaise_room(NAME [SOURCES...]): the static library `polonaise_NAME`. Without SOURCES it takes every .cpp under the
# current folder: a room is what stands in it, and a new kernel family needs no list to be edited.
function(polonaise_room name)
  set(sources ${ARGN})
  if(NOT sources)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  endif()
  add_library(polonaise_${name} STATIC ${sources})
  add_library(Polonaise::${name} ALIAS polonaise_${name})
  target_link_libraries(polonaise_${name} PUBLIC polonaise_options)
endfunction()
