// The two halves of the OpenAI API that openai.cpp puts together; sections 1 and 2.
#pragma once

#include "tests/emulator/provider.h"

namespace mr::emulator::openai {

Found check_chat(const nlohmann::json& body);
Answer chat(const Call& call, const Behaviour& how);

Found check_responses(const nlohmann::json& body);
Answer responses(const Call& call, const Behaviour& how);

nlohmann::json error_body(int status, const nlohmann::json& error);
Headers reply_headers();
// A JSON schema's name: 1 to 64 of A-Z a-z 0-9 _ -.
Check schema_name();
bool reasons(const std::string& model); // o-series, gpt-5 and later

} // namespace mr::emulator::openai
