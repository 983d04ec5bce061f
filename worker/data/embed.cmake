# Two uses. Included by worker/CMakeLists.txt it adds the generated source to mr_worker_core; run as
# a script (cmake -P) it writes that source: the texts as string literals, and a stamp over the texts
# and the generator's code, by which a worker knows a database file of another version.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  file(GLOB MR_DATA_TEXTS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/sources/*
       ${CMAKE_CURRENT_LIST_DIR}/schema.sql)
  file(GLOB MR_DATA_CODE CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.h
       ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
  set(MR_DATA_GENERATED ${CMAKE_CURRENT_BINARY_DIR}/demo_texts.cpp)
  add_custom_command(
    OUTPUT ${MR_DATA_GENERATED}
    COMMAND ${CMAKE_COMMAND} "-DTEXTS=${MR_DATA_TEXTS}" "-DCODE=${MR_DATA_CODE}"
            -DOUTPUT=${MR_DATA_GENERATED} -P ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    DEPENDS ${MR_DATA_TEXTS} ${MR_DATA_CODE} ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    COMMENT "Embedding the demo company's sources"
    VERBATIM)
  target_sources(mr_worker_core PRIVATE ${MR_DATA_GENERATED})
  return()
endif()

set(SUM "")
foreach(FILE IN LISTS TEXTS CODE)
  file(SHA256 ${FILE} HASH)
  get_filename_component(NAME ${FILE} NAME)
  string(APPEND SUM "${NAME} ${HASH}\n")
endforeach()
string(SHA256 STAMP "${SUM}")
string(SUBSTRING ${STAMP} 0 16 STAMP)

file(WRITE ${OUTPUT} "// Written by worker/data/embed.cmake.\n#include \"worker/data/sources.h\"\n\n"
     "namespace mr::demo {\n\nconst EmbeddedText kEmbeddedTexts[] = {\n")
set(COUNT 0)
foreach(FILE IN LISTS TEXTS)
  get_filename_component(NAME ${FILE} NAME)
  file(READ ${FILE} CONTENT)
  file(APPEND ${OUTPUT} "    {\"${NAME}\", R\"MRTEXT(${CONTENT})MRTEXT\"},\n")
  math(EXPR COUNT "${COUNT} + 1")
endforeach()
file(APPEND ${OUTPUT} "};\nconst std::size_t kEmbeddedTextCount = ${COUNT};\n"
     "const char* const kEmbeddedStamp = \"${STAMP}\";\n\n} // namespace mr::demo\n")
