#include "worker/providers/tasks/structured.h"

#include "worker/providers/evidence.h"

namespace mr::tasks {
namespace {

using nlohmann::json;

class WholeText final : public ModelSink {
  public:
    void begin() override { text_.clear(); }
    void text(std::string_view piece) override {
        if (text_.size() + piece.size() > kMaxObjectBytes) {
            bad_reply();
        }
        text_ += piece;
    }
    void end() override {}
    bool committed() const override { return false; }

    const std::string& all() const { return text_; }

  private:
    std::string text_;
};

// From the first brace to the last one: some models put the object into a fence or a sentence.
std::string_view braced(std::string_view text) {
    const std::size_t begin = text.find('{');
    const std::size_t end = text.rfind('}');
    return begin == std::string_view::npos || end == std::string_view::npos || end < begin
               ? std::string_view()
               : text.substr(begin, end - begin + 1);
}

const json& field(const json& object, const char* name) {
    const auto found = object.find(name);
    if (!object.is_object() || found == object.end()) {
        bad_reply();
    }
    return *found;
}

} // namespace

void bad_reply() {
    throw ProviderError(ProviderFault::bad_reply, "the language model gave an unusable answer");
}

json text_schema(std::string_view description) {
    json schema;
    schema["type"] = "string";
    schema["description"] = description;
    return schema;
}

json choice_schema(std::initializer_list<std::string_view> choices, std::string_view description) {
    json schema = text_schema(description);
    for (const std::string_view choice : choices) {
        schema["enum"].push_back(choice);
    }
    return schema;
}

json list_schema(json items, std::string_view description) {
    json schema;
    schema["type"] = "array";
    schema["items"] = std::move(items);
    schema["description"] = description;
    return schema;
}

json object_schema(std::initializer_list<std::pair<std::string_view, json>> properties) {
    json schema;
    schema["type"] = "object";
    schema["additionalProperties"] = false;
    for (const auto& [name, property] : properties) {
        schema["properties"][std::string(name)] = property;
        schema["required"].push_back(name);
    }
    return schema;
}

Task<json> ask_for_object(ChatModel& model, const ModelRequest& request, CallContext& call,
                          std::string* said) {
    WholeText whole;
    co_await model.generate(request, whole, call);
    json object = json::parse(braced(whole.all()), nullptr, false);
    if (!object.is_object()) {
        bad_reply();
    }
    if (said != nullptr) {
        *said = whole.all();
    }
    co_return object;
}

std::string text_field(const json& object, const char* name, std::size_t max_bytes) {
    const json& value = field(object, name);
    if (!value.is_string()) {
        bad_reply();
    }
    return std::string(cut_text(value.get_ref<const std::string&>(), max_bytes));
}

bool flag_field(const json& object, const char* name) {
    const json& value = field(object, name);
    if (!value.is_boolean()) {
        bad_reply();
    }
    return value.get<bool>();
}

const json& list_field(const json& object, const char* name) {
    const json& value = field(object, name);
    if (!value.is_array()) {
        bad_reply();
    }
    return value;
}

std::vector<std::string> texts_field(const json& object, const char* name, std::size_t max_items,
                                     std::size_t max_bytes) {
    std::vector<std::string> texts;
    for (const json& item : list_field(object, name)) {
        if (!item.is_string()) {
            bad_reply();
        }
        if (texts.size() < max_items) {
            texts.emplace_back(cut_text(item.get_ref<const std::string&>(), max_bytes));
        }
    }
    return texts;
}

} // namespace mr::tasks
