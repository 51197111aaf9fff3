# What every target of the project shares: compile options, and one way to make a library of a room.

add_library(polonaise_options INTERFACE)
target_include_directories(polonaise_options INTERFACE ${PROJECT_SOURCE_DIR})
set(warnings -Wall -Wextra -Wshadow -Wnon-virtual-dtor)
# gcc 12 warns of std::string's own operator+ (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND warnings -Wno-restrict)
endif()
target_compile_options(polonaise_options INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:${warnings};-Wpedantic;$<$<BOOL:${POLONAISE_WERROR}>:-Werror>>")
if(POLONAISE_HAS_CUDA AND NOT POLONAISE_CUDA STREQUAL "EMULATED")
  # constexpr functions of ours serve both sides. Not -Wpedantic, which what nvcc hands to the host compiler fails.
  target_compile_options(polonaise_options INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>")
  list(JOIN warnings "," warnings)
  target_compile_options(polonaise_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${warnings}$<$<BOOL:${POLONAISE_WERROR}>:$<COMMA>-Werror>>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${POLONAISE_WERROR}>>:-Werror=all-warnings>"
    # A kernel that spills registers is one that was not looked at: ptxas says so, and that is an error too. What else it
    # says is kept (ptxas_report.sh).
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${POLONAISE_WERROR}>>:-Xptxas=-warn-spills,-Werror,-v>")
endif()
if(POLONAISE_SANITIZE)
  target_compile_options(polonaise_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${POLONAISE_SANITIZE};-fno-sanitize-recover=all;-fno-omit-frame-pointer>")
  # What UndefinedBehaviorSanitizer asks of every pointer takes a third of the compiler's time. Kernels are asked, whose
  # loads a card wants aligned (the property POLONAISE_POINTER_CHECKS); elsewhere AddressSanitizer is enough.
  if(POLONAISE_SANITIZE MATCHES "undefined")
    string(CONCAT pointer_checks "-fno-sanitize=null$<COMMA>alignment$<COMMA>object-size$<COMMA>pointer-overflow"
      "$<COMMA>vptr$<COMMA>nonnull-attribute$<COMMA>returns-nonnull-attribute")
    target_compile_options(polonaise_options INTERFACE
      "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:POLONAISE_POINTER_CHECKS>>>:${pointer_checks}>")
  endif()
  target_link_options(polonaise_options INTERFACE -fsanitize=${POLONAISE_SANITIZE})
  find_program(POLONAISE_LLD ld.lld)  # takes half the time that GNU's does for programs of this size
  mark_as_advanced(POLONAISE_LLD)
  if(POLONAISE_LLD)
    target_link_options(polonaise_options INTERFACE -fuse-ld=lld)
  endif()
endif()

# polonaise_room(NAME [SOURCES...]): the static library `polonaise_NAME`. Without SOURCES it takes every .cpp under the
# current folder but those in a cuda/ or simt/: a room is what stands in it, and a new kernel family needs no list to be edited.
function(polonaise_room name)
  set(sources ${ARGN})
  if(NOT sources)
    file(GLOB_RECURSE sources RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS *.cpp)
    list(FILTER sources EXCLUDE REGEX "(^|/)(cuda|simt)/")
  endif()
  add_library(polonaise_${name} STATIC ${sources})
  add_library(Polonaise::${name} ALIAS polonaise_${name})
  target_link_libraries(polonaise_${name} PUBLIC polonaise_options)
endfunction()

# polonaise_emulate(SOURCES...): the current folder's .cu files are for the C++ compiler. The sanitizers' reports (through
# gcc 12's libbacktrace) lose lines where functions of one file abut and their shared templates are other files' too.
function(polonaise_emulate)
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
  if(POLONAISE_SANITIZE)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -falign-functions=64)
  endif()
endfunction()
