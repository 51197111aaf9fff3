# Files as string_views in a .cpp: cmake -DOUTPUT=page.cpp -DHEADER=tools/x/page.h -DFILES=a.css;b.js -P embed.cmake
# defines in namespace polonaise::tools a function for each, page_css() for a.css and page_js() for b.js.
set(text "#include \"${HEADER}\"\n\nnamespace polonaise::tools {\n")
foreach(file ${FILES})
  file(READ ${file} content)
  get_filename_component(ending ${file} LAST_EXT)
  string(SUBSTRING ${ending} 1 -1 ending)
  string(APPEND text "\nstd::string_view page_${ending}() {\n  return R\"polonaise(${content})polonaise\";\n}\n")
endforeach()
file(WRITE ${OUTPUT} "${text}\n}  // namespace polonaise::tools\n")
