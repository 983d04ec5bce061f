// JSON by hand against the library: strings, measures, events, records, snapshots of a turn.
#include "worker/apps/event_text.h"
#include "worker/apps/turn_record.h"
#include "worker/apps/turn_view.h"
#include "worker/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace mr {
namespace {

using Json = nlohmann::ordered_json;

std::string random_text(std::mt19937_64& random, size_t points) {
    std::string text;
    for (size_t i = 0; i < points; ++i) {
        const uint32_t kind = static_cast<uint32_t>(random() % 6);
        const uint32_t r = static_cast<uint32_t>(random());
        if (kind == 0) {
            text += static_cast<char>(r % 0x20);
        } else if (kind == 1) {
            text += "\"\\/\x7f"[r % 4];
        } else if (kind == 2) {
            text += {static_cast<char>(0xC3), static_cast<char>(0x80 + r % 0x40)};
        } else if (kind == 3) {
            text += {static_cast<char>(0xE2), static_cast<char>(0x80 + r % 0x40),
                     static_cast<char>(0x80 + r % 0x3F)};
        } else if (kind == 4) {
            text += {static_cast<char>(0xF0), static_cast<char>(0x9F), static_cast<char>(0x98),
                     static_cast<char>(0x80 + r % 0x40)};
        } else {
            text += static_cast<char>('a' + r % 26);
        }
    }
    return text;
}

TEST(WorkerJsonText, StringsAreWrittenAsTheLibraryWritesThem) {
    std::mt19937_64 random(3);
    for (int i = 0; i < 2000; ++i) {
        const std::string text = random_text(random, random() % 40);
        std::string written;
        append_json_string(written, text);
        ASSERT_EQ(written, Json(text).dump());
    }
}

TEST(WorkerJsonText, EveryByteIsEscapedAtEveryPlace) {
    for (char c = 0; c != '\x7f'; ++c) {
        for (size_t at = 0; at < 20; ++at) {
            std::string text(20, 'a');
            text[at] = c;
            std::string written;
            append_json_string(written, text);
            ASSERT_EQ(written, Json(text).dump());
        }
    }
}

TEST(WorkerJsonText, BrokenUtf8BecomesReplacementCharacters) {
    const std::pair<std::string, std::string> cases[] = {
        {"a\xFF", "\"a\xEF\xBF\xBD\""},
        {"\xC3", "\"\xEF\xBF\xBD\""},
        {"\xED\xA0\x80x", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\""},
        {"ok\x80\"", "\"ok\xEF\xBF\xBD\\\"\""},
    };
    for (const auto& entry : cases) {
        std::string written;
        append_json_string(written, entry.first);
        EXPECT_EQ(written, entry.second);
    }
}

TEST(WorkerJsonText, LengthIsThatOfABrowser) {
    EXPECT_EQ(utf16_length(""), 0u);
    EXPECT_EQ(utf16_length("abc"), 3u);
    EXPECT_EQ(utf16_length("äö"), 2u);
    EXPECT_EQ(utf16_length("€"), 1u);
    EXPECT_EQ(utf16_length("😀x"), 3u);
}

TEST(WorkerJsonText, APrefixCutsNoCharacter) {
    EXPECT_EQ(utf16_prefix("abc", 0), "");
    EXPECT_EQ(utf16_prefix("abc", 2), "ab");
    EXPECT_EQ(utf16_prefix("abc", SIZE_MAX), "abc");
    EXPECT_EQ(utf16_prefix("aäö", 2), "aä");
    EXPECT_EQ(utf16_prefix("a😀b", 1), "a");
    EXPECT_EQ(utf16_prefix("a😀b", 2), "a") << "half a pair is none";
    EXPECT_EQ(utf16_prefix("a😀b", 3), "a😀");
    std::mt19937_64 random(9);
    for (int i = 0; i < 300; ++i) {
        const std::string text = random_text(random, random() % 12);
        for (size_t units = 0; units <= utf16_length(text) + 1; ++units) {
            const std::string_view prefix = utf16_prefix(text, units);
            EXPECT_TRUE(text.starts_with(prefix));
            EXPECT_LE(utf16_length(prefix), units);
            EXPECT_GE(utf16_length(prefix) + 1, std::min(units, utf16_length(text)));
        }
    }
}

TEST(WorkerEventText, ATextChunkEqualsTheLibrarysEvent) {
    std::mt19937_64 random(4);
    EventText hand;
    for (int i = 0; i < 500; ++i) {
        const std::string text = random_text(random, 1 + random() % 30);
        const EventStamp stamp{"turn-1", {random(), random()}, 1234567890123};
        Json v1;
        v1["type"] = "text_chunk";
        v1["content"] = text;
        Json added;
        added["offset"] = 77;
        const EventText library = make_event(v1, added, stamp);
        make_text_chunk(hand, text, 77, stamp);
        ASSERT_EQ(hand.json, library.json);
        ASSERT_EQ(hand.v1_length, library.v1_length);
    }
}

TEST(WorkerEventText, ATextSnapshotEqualsTheLibrarysEvent) {
    std::mt19937_64 random(5);
    EventText hand;
    for (int i = 0; i < 200; ++i) {
        const EventStamp stamp{"turn-1", {random(), random()}, 1234567890123};
        Json v1;
        v1["type"] = "text_snapshot";
        Json fields;
        fields["text_length"] = i;
        fields["question"] = random_text(random, random() % 30);
        Json added;
        added["content"] = random_text(random, random() % 300);
        make_text_snapshot(hand, added["content"].get<std::string>(), to_text(fields), stamp);
        added.update(fields);
        ASSERT_EQ(hand.json, make_event(v1, added, stamp).json);
    }
}

TEST(WorkerEventText, FieldsStandInTheOrderOfTheWire) {
    Json v1;
    v1["type"] = "tool_start";
    v1["tool"] = "bigquery";
    v1["message"] = "Querying analytics...";
    Json added;
    added["call_id"] = "c1";
    const EventText event = make_event(v1, added, {"t1", {5, 7}, 99});
    EXPECT_EQ(event.json,
              R"({"type":"tool_start","tool":"bigquery","message":"Querying analytics...",)"
              R"("turn_id":"t1","id":"5-7","ts":99,"call_id":"c1"})");
    EXPECT_EQ(event.json.substr(0, event.v1_length) + "}", v1.dump());
    const EventText bare = make_event(v1, Json(), {"", {5, 8}, 99});
    EXPECT_EQ(bare.json.substr(bare.v1_length), R"(,"id":"5-8","ts":99})");
}

TEST(WorkerJsonText, IsCutBetweenCodePoints) {
    const std::string text = "aé€😀b"; // 1, 2, 3, 4 and 1 bytes
    const size_t ends[] = {0, 1, 3, 6, 10, 11};
    for (size_t limit = 4; limit <= text.size() + 1; ++limit) {
        size_t expected = 0;
        for (const size_t end : ends) {
            expected = end <= limit ? end : expected;
        }
        EXPECT_EQ(text_within(text, limit), text.substr(0, expected)) << limit;
    }
    const std::string broken(20, '\x80'); // no code point at all: cut somewhere, never endless
    EXPECT_GE(text_within(broken, 8).size(), 5u);
}

TEST(WorkerTurnRecord, SurvivesItsTextForm) {
    TurnRecord record;
    record.turn_id = "t";
    record.message = "wörld \"quoted\"";
    record.context = {{"previous_visualization", {{"type", "bar"}}}};
    record.message_id = "m";
    record.replaces = "r";
    record.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    record.trace_id = "0af7651916cd43dd8448eb211c80319c";
    record.before = {17, 4};
    record.attempt = 3;
    record.started_ms = 1790000000000;
    record.queue_ms = 12;
    record.state = R"({"done":["a"]})";
    record.askers = {7, UINT64_MAX};
    const auto read = parse_record(format_record(record));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(format_record(*read), format_record(record));
    EXPECT_EQ(read->before, record.before);
    EXPECT_EQ(read->message, record.message);
    EXPECT_EQ(read->context, record.context);
    EXPECT_EQ(read->askers, record.askers);
    EXPECT_EQ(read->attempt, record.attempt);
    EXPECT_EQ(read->started_ms, record.started_ms);
    EXPECT_EQ(read->state, record.state);
    EXPECT_TRUE(read->view.is_null());
    record.state.clear();
    EXPECT_EQ(parse_record(format_record(record))->state, "");
    record.view = {{"content", "told"}};
    EXPECT_EQ(parse_record(format_record(record))->view, record.view);
    for (const char* bad :
         {"", "{}", "[]", "{\"v\":2}", "{\"v\":1}", "nonsense", "{\"v\":1,\"turn_id\":5}"}) {
        EXPECT_FALSE(parse_record(bad).has_value()) << bad;
    }
}

TEST(WorkerTurnView, StartAndCompletionBecomeOneEntry) {
    TurnView view;
    const auto apply = [&view](const char* v1, const char* added) {
        view.apply(Json::parse(v1), Json::parse(added));
    };
    apply(R"({"type":"phase_start","phase":"routing","message":"m"})", R"({"index":2})");
    apply(R"({"type":"phase_complete","phase":"routing","data":{"tools":[]}})",
          R"({"status":"ok"})");
    apply(R"({"type":"tool_start","tool":"bigquery","message":"q"})", R"({"call_id":"c1"})");
    apply(R"({"type":"tool_start","tool":"bigquery#2","message":"q"})", R"({"call_id":"c2"})");
    apply(R"({"type":"tool_complete","tool":"bigquery","summary":"s"})", R"({"call_id":"c1"})");
    apply(R"({"type":"chart"})", R"({"chart_id":"x","title":"t"})");
    apply(R"({"type":"sources"})", R"({"sources":[{"id":"1"}]})");
    apply(R"({"type":"error","message":"e"})", R"({"code":"c"})");
    view.append_text("Grüße ");
    apply(R"({"type":"text_chunk","content":"😀"})", "null");
    const Json snapshot = view.snapshot();
    EXPECT_EQ(snapshot["content"], "Grüße 😀");
    EXPECT_EQ(snapshot["text_length"], 8u);
    EXPECT_FALSE(view.snapshot_without_text().contains("content"));
    EXPECT_EQ(view.text_units(), 8u);
    EXPECT_EQ(snapshot["phases"].dump(),
              R"([{"phase":"routing","message":"m","index":2,"data":{"tools":[]},"status":"ok"}])");
    ASSERT_EQ(snapshot["tools"].size(), 2u);
    EXPECT_EQ(snapshot["tools"][0]["summary"], "s");
    EXPECT_FALSE(snapshot["tools"][1].contains("summary"));
    EXPECT_EQ(snapshot["charts"][0]["title"], "t");
    EXPECT_EQ(snapshot["sources"][0]["id"], "1");

    std::string written;
    JsonObject fields(written);
    view.write_fields(fields);
    fields.close();
    EXPECT_EQ(written, view.snapshot_without_text().dump());

    const TurnView restored = TurnView::restored(snapshot);
    EXPECT_EQ(restored.snapshot(), snapshot);
    EXPECT_EQ(restored.text_units(), view.text_units());
    EXPECT_TRUE(restored.has_told(Json::parse(R"({"type":"phase_complete","phase":"routing"})")));
    EXPECT_FALSE(restored.has_told(Json::parse(R"({"type":"tool_complete","tool":"bigquery#2"})")));
    EXPECT_EQ(TurnView::restored(snapshot, 6).text(), "Grüße ");
    for (const char* bad : {"null", "[]", "5", R"({"content":5,"phases":{}})"}) {
        EXPECT_EQ(TurnView::restored(Json::parse(bad)).snapshot(), TurnView().snapshot()) << bad;
    }
}

} // namespace
} // namespace mr
