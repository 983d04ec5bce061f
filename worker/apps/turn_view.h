// A turn as a client that saw all its events would show it: the source of snapshots and of the text
// that a new owner must not send again. Fed with events, live or read back from the log. Pure.
#pragma once

#include "worker/apps/told_list.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mr {

class JsonObject;

class TurnView {
  public:
    TurnView() = default;
    TurnView(TurnView&&) = default; // which leaves one behind that is of no use
    TurnView& operator=(TurnView&&) = default;

    // An event's own fields; `added` may be null.
    void apply(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added);
    // The start or completion of a phase or tool, or a chart, that has been told before.
    bool has_told(const nlohmann::ordered_json& v1) const;
    // tool_start events without their tool_complete.
    std::vector<nlohmann::ordered_json> open_tools() const { return tools_.open(); }
    void append_text(std::string_view piece);

    const std::string& text() const { return *text_; }
    // For whoever needs it longer. It grows on.
    std::shared_ptr<const std::string> shared_text() const { return text_; }
    size_t text_units() const { return text_units_; } // UTF-16

    // Fields of `text_snapshot` (without type and stamp), the same without `content`; and the view
    // they stand for, of a text that is longer than `max_units` only so much.
    nlohmann::ordered_json snapshot() const;
    nlohmann::ordered_json snapshot_without_text() const;
    void write_fields(JsonObject& json) const; // the latter, as text
    static TurnView restored(const nlohmann::ordered_json& snapshot, size_t max_units = SIZE_MAX);

  private:
    using Json = nlohmann::ordered_json;

    std::shared_ptr<std::string> text_ = std::make_shared<std::string>();
    size_t text_units_ = 0;
    ToldList phases_{"phase", "data"};
    ToldList tools_{"tool", "summary"};
    ToldList charts_{"chart_id", "chart_id"};
    std::string sources_ = "[]"; // JSON
    Json error_;
    Json end_ = Json::object(); // what only response_complete tells
};

} // namespace mr
