// Replies that are one JSON object. What a model says is data of a stranger: it is read field by
// field, bounded, and a reply that is not of the form asked for is ProviderError{bad_reply}, never
// half used.
#pragma once

#include "worker/providers/model/chat_model.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mr::tasks {

inline constexpr std::size_t kMaxObjectBytes = 256 * 1024;

// Parts of schemas, all their properties required.
nlohmann::json text_schema(std::string_view description);
nlohmann::json choice_schema(std::initializer_list<std::string_view> choices,
                             std::string_view description);
nlohmann::json list_schema(nlohmann::json items, std::string_view description);
nlohmann::json
object_schema(std::initializer_list<std::pair<std::string_view, nlohmann::json>> properties);

// Asks once and reads the object; `said` gets the text it was read from, when not null.
Task<nlohmann::json> ask_for_object(ChatModel& model, const ModelRequest& request,
                                    CallContext& call, std::string* said = nullptr);

// Fields of such an object; each throws bad_reply when it is missing or something else.
std::string text_field(const nlohmann::json& object, const char* name, std::size_t max_bytes);
bool flag_field(const nlohmann::json& object, const char* name);
std::vector<std::string> texts_field(const nlohmann::json& object, const char* name,
                                     std::size_t max_items, std::size_t max_bytes);
const nlohmann::json& list_field(const nlohmann::json& object, const char* name);

[[noreturn]] void bad_reply();

} // namespace mr::tasks
