#include "worker/apps/turn_view.h"

#include "worker/json_text.h"

#include <algorithm>

namespace mr {

namespace {

constexpr size_t kLeastGrowthBytes = 512;

// By an eighth where it is full. std::string would double it, however much is reserved, and answers
// are what a worker's memory is full of.
void append(std::string& text, std::string_view piece) {
    if (text.capacity() - text.size() < piece.size()) {
        std::string grown;
        grown.reserve(text.size() + piece.size() + std::max(kLeastGrowthBytes, text.size() / 8));
        grown += text;
        text.swap(grown);
    }
    text += piece;
}

using Json = nlohmann::ordered_json;

// Empty: not there, or no text.
std::string_view text_of(const Json& fields, const char* name) {
    const Json* value = member(fields, name);
    return value != nullptr && value->is_string() ? value->get_ref<const std::string&>()
                                                  : std::string_view();
}

} // namespace

void TurnView::append_text(std::string_view piece) {
    append(*text_, piece);
    text_units_ += utf16_length(piece);
}

void TurnView::apply(const Json& v1, const Json& added) {
    const std::string_view type = text_of(v1, "type");
    if (type == "phase_start" || type == "phase_complete") {
        phases_.take(v1, added);
    } else if (type == "tool_start" || type == "tool_complete") {
        tools_.take(v1, added);
    } else if (type == "chart") {
        charts_.take(v1, added);
    } else if (type == "sources" || type == "response_complete") {
        for (const Json* fields : {&v1, &added}) {
            const Json* sources = member(*fields, "sources");
            if (sources != nullptr && sources->is_array()) {
                sources_ = to_text(*sources);
            }
            for (const char* told_at_end : {"timings", "usage", "trace_id"}) {
                if (const Json* told = member(*fields, told_at_end)) {
                    end_[told_at_end] = *told;
                }
            }
        }
    } else if (type == "error") {
        error_ = Json::object();
        take_fields(error_, v1);
        take_fields(error_, added);
    } else if (type == "text_chunk") {
        append_text(text_of(v1, "content"));
    }
}

bool TurnView::has_told(const Json& v1) const {
    const std::string_view type = text_of(v1, "type");
    return type == "phase_start"      ? phases_.has(v1)
           : type == "phase_complete" ? phases_.has_ended(v1)
           : type == "tool_start"     ? tools_.has(v1)
           : type == "tool_complete"  ? tools_.has_ended(v1)
           : type == "chart"          ? charts_.has(v1)
                                      : false;
}

TurnView TurnView::restored(const Json& snapshot, size_t max_units) {
    TurnView view;
    if (!snapshot.is_object()) {
        return view;
    }
    const Json content = snapshot.value("content", Json());
    if (content.is_string()) {
        view.append_text(utf16_prefix(content.get_ref<const std::string&>(), max_units));
    }
    view.phases_.restore(snapshot.value("phases", Json()));
    view.tools_.restore(snapshot.value("tools", Json()));
    view.charts_.restore(snapshot.value("charts", Json()));
    const Json sources = snapshot.value("sources", Json());
    if (sources.is_array()) {
        view.sources_ = to_text(sources);
    }
    view.error_ = snapshot.value("error", Json());
    return view;
}

nlohmann::ordered_json TurnView::snapshot() const {
    Json snapshot;
    snapshot["content"] = *text_;
    snapshot.update(snapshot_without_text());
    return snapshot;
}

void TurnView::write_fields(JsonObject& json) const {
    json.number("text_length", static_cast<int64_t>(text_units_));
    json.json("phases", phases_.text());
    json.json("tools", tools_.text());
    json.json("sources", sources_);
    json.json("charts", charts_.text());
    if (!error_.is_null()) {
        json.json("error", to_text(error_));
    }
    for (const auto& [name, value] : end_.get_ref<const Json::object_t&>()) {
        json.json(name, to_text(value));
    }
}

nlohmann::ordered_json TurnView::snapshot_without_text() const {
    Json snapshot;
    snapshot["text_length"] = text_units_;
    snapshot["phases"] = Json::parse(phases_.text());
    snapshot["tools"] = Json::parse(tools_.text());
    snapshot["sources"] = Json::parse(sources_);
    snapshot["charts"] = Json::parse(charts_.text());
    if (!error_.is_null()) {
        snapshot["error"] = error_;
    }
    snapshot.update(end_);
    return snapshot;
}

} // namespace mr
