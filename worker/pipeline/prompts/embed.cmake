# Two uses. Included by worker/CMakeLists.txt it adds the generated source to mr_worker_core; run as
# a script (cmake -P) it writes that source: each prompt as a string literal.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  file(GLOB MR_PROMPTS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.txt)
  set(MR_PROMPTS_GENERATED ${CMAKE_CURRENT_BINARY_DIR}/prompt_texts.cpp)
  add_custom_command(
    OUTPUT ${MR_PROMPTS_GENERATED}
    COMMAND ${CMAKE_COMMAND} "-DTEXTS=${MR_PROMPTS}" -DOUTPUT=${MR_PROMPTS_GENERATED} -P
            ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    DEPENDS ${MR_PROMPTS} ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    COMMENT "Embedding the prompts"
    VERBATIM)
  target_sources(mr_worker_core PRIVATE ${MR_PROMPTS_GENERATED})
  return()
endif()

file(WRITE ${OUTPUT} "// Written by worker/pipeline/prompts/embed.cmake.\n"
     "#include \"worker/pipeline/prompts/prompts.h\"\n\nnamespace mr {\n\n"
     "const EmbeddedPrompt kEmbeddedPrompts[] = {\n")
set(COUNT 0)
foreach(FILE IN LISTS TEXTS)
  get_filename_component(NAME ${FILE} NAME)
  string(REGEX REPLACE "\\.txt$" "" NAME ${NAME})
  file(READ ${FILE} CONTENT)
  file(APPEND ${OUTPUT} "    {\"${NAME}\", R\"MRTEXT(${CONTENT})MRTEXT\"},\n")
  math(EXPR COUNT "${COUNT} + 1")
endforeach()
file(APPEND ${OUTPUT} "};\nconst std::size_t kEmbeddedPromptCount = ${COUNT};\n\n} // namespace mr\n")
