// What is sent to each API of a language model, field by field, and what its replies and events are
// taken for. The facts are those of the vendors' documents.
#include "worker/providers/anthropic/dialect.h"
#include "worker/providers/google/errors.h"
#include "worker/providers/google/gemini.h"
#include "worker/providers/openai/dialects.h"
#include "worker/providers/tasks/structured.h"

#include <gtest/gtest.h>

namespace mr::test {
namespace {

using model::Dialect;
using model::Features;
using model::Stop;
using nlohmann::json;

ReplySchema schema() {
    ReplySchema out;
    out.name = "reply";
    out.schema = tasks::object_schema(
        {{"b", tasks::text_schema("words")},
         {"a", tasks::list_schema(tasks::choice_schema({"x", "y"}, "one"), "some")}});
    return out;
}

ModelRequest talk() {
    ModelRequest request;
    request.system = "Be brief.";
    request.messages = {{Speaker::assistant, "Hello."},
                        {Speaker::user, "Who?"},
                        {Speaker::assistant, "Us."},
                        {Speaker::user, "Why?"}};
    request.stream = true;
    return request;
}

model::Options options() {
    model::Options out;
    out.model = "m-1";
    out.version = "2023-06-01";
    return out;
}

TEST(Dialect, ChatCompletionsRequest) {
    model::Options full = options();
    full.effort = "low";
    full.max_tokens = 500;
    const auto dialect = openai::make_chat_dialect(full);
    const ReplySchema form = schema();
    ModelRequest request = talk();
    request.schema = &form;
    Features features;
    const model::WireRequest wire = dialect->request(request, features);
    EXPECT_EQ(wire.path, "/chat/completions");
    json expected = json::parse(R"({"model":"m-1","messages":[
        {"role":"system","content":"Be brief."},{"role":"assistant","content":"Hello."},
        {"role":"user","content":"Who?"},{"role":"assistant","content":"Us."},
        {"role":"user","content":"Why?"}],"stream":true,"stream_options":{"include_usage":true},
        "response_format":{"type":"json_schema","json_schema":{"name":"reply","strict":true}},
        "reasoning_effort":"low","max_completion_tokens":500})");
    expected["response_format"]["json_schema"]["schema"] = form.schema;
    EXPECT_EQ(wire.body, expected);
    for (const auto& part : dialect->optional_parts()) {
        features.drop(part.name);
    }
    const json bare = dialect->request(request, features).body;
    EXPECT_EQ(bare.size(), 4U) << bare;
    EXPECT_EQ(bare["stream"], false);
    EXPECT_EQ(bare["max_tokens"], 500);
    const std::string system = bare["messages"][0]["content"];
    EXPECT_NE(system.find(form.schema.dump()), std::string::npos) << "the model is told instead";
}

TEST(Dialect, ResponsesRequest) {
    model::Options full = options();
    full.effort = "low";
    full.max_tokens = 500;
    const auto dialect = openai::make_responses_dialect(full);
    const ReplySchema form = schema();
    ModelRequest request = talk();
    request.schema = &form;
    const model::WireRequest wire = dialect->request(request, Features());
    EXPECT_EQ(wire.path, "/responses");
    json expected = json::parse(R"({"model":"m-1","instructions":"Be brief.","input":[
        {"role":"assistant","content":"Hello."},{"role":"user","content":"Who?"},
        {"role":"assistant","content":"Us."},{"role":"user","content":"Why?"}],
        "stream":true,"store":false,"reasoning":{"effort":"low"},"max_output_tokens":500,
        "text":{"format":{"type":"json_schema","name":"reply","strict":true}}})");
    expected["text"]["format"]["schema"] = form.schema;
    EXPECT_EQ(wire.body, expected);
}

TEST(Dialect, MessagesRequest) {
    model::Options full = options();
    full.effort = "low";
    const auto dialect = anthropic::make_dialect(full);
    const ReplySchema form = schema();
    ModelRequest request = talk();
    request.schema = &form;
    request.messages.insert(request.messages.end() - 1, ModelMessage{Speaker::assistant, " \n"});
    const model::WireRequest wire = dialect->request(request, Features());
    EXPECT_EQ(wire.path, "/v1/messages");
    EXPECT_EQ(wire.headers, std::vector<std::string>{"anthropic-version: 2023-06-01"});
    json expected = json::parse(R"({"model":"m-1","max_tokens":16000,"system":"Be brief.",
        "messages":[{"role":"user","content":"Who?"},{"role":"assistant","content":"Us."},
        {"role":"user","content":"Why?"}],"stream":true,
        "output_config":{"effort":"low","format":{"type":"json_schema"}}})");
    expected["output_config"]["format"]["schema"] = form.schema;
    EXPECT_EQ(wire.body, expected) << "the first is the user's, none is empty, nothing is sampled";
}

TEST(Dialect, GeminiRequest) {
    model::Options full = options();
    full.effort = "low";
    full.max_tokens = 500;
    const auto dialect = google::make_gemini_dialect(full);
    const ReplySchema form = schema();
    ModelRequest request = talk();
    request.schema = &form;
    EXPECT_EQ(dialect->request(request, Features()).path,
              "/models/m-1:streamGenerateContent?alt=sse");
    request.stream = false;
    const model::WireRequest wire = dialect->request(request, Features());
    EXPECT_EQ(wire.path, "/models/m-1:generateContent");
    EXPECT_EQ(wire.body, json::parse(R"({"systemInstruction":{"parts":[{"text":"Be brief."}]},
        "contents":[{"role":"user","parts":[{"text":"Who?"}]},
        {"role":"model","parts":[{"text":"Us."}]},{"role":"user","parts":[{"text":"Why?"}]}],
        "generationConfig":{"maxOutputTokens":500,"thinkingConfig":{"thinkingLevel":"LOW"},
        "responseMimeType":"application/json","responseSchema":{"type":"OBJECT",
        "properties":{"b":{"type":"STRING","description":"words"},
        "a":{"type":"ARRAY","description":"some","items":{"type":"STRING","enum":["x","y"],
        "description":"one"}}},"required":["b","a"],"propertyOrdering":["b","a"]}}})"));
}

struct Read {
    const char* name;
    std::string data;
    std::string text;
    Stop stop = Stop::none;
    bool last = false;
    int input = -1; // tokens; -1: none are told
    int output = -1;
    int cached = 0;
    ProviderFault fault = ProviderFault::filter; // of the error; filter: there is none
    bool passing = false;
};

void expect_read(const std::optional<model::Piece>& piece, const Read& wanted) {
    SCOPED_TRACE(wanted.name);
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->text, wanted.text);
    EXPECT_EQ(piece->stop, wanted.stop);
    EXPECT_EQ(piece->last, wanted.last);
    EXPECT_EQ(piece->usage ? piece->usage->input_tokens : -1, wanted.input);
    EXPECT_EQ(piece->usage ? piece->usage->output_tokens : -1, wanted.output);
    EXPECT_EQ(piece->usage ? piece->usage->cached_tokens : 0, wanted.cached);
    ASSERT_EQ(piece->error.has_value(), wanted.fault != ProviderFault::filter);
    if (piece->error) {
        const model::Failure failure = model::failure_of(piece->error->status, *piece->error);
        EXPECT_EQ(failure.fault, wanted.fault) << failure.detail;
        EXPECT_EQ(failure.passing, wanted.passing) << failure.detail;
    }
}

TEST(Dialect, ResponsesEvents) {
    using Fault = ProviderFault;
    const Read cases[] = {
        {"created", R"({"type":"response.created","response":{"status":"in_progress"}})", ""},
        {"a reasoning item", R"({"type":"response.output_item.added","item":{"type":"reasoning"}})",
         ""},
        {"reasoning is no answer", R"({"type":"response.reasoning_text.delta","delta":"hm"})", ""},
        {"text", R"({"type":"response.output_text.delta","delta":"Hi"})", "Hi"},
        {"its repetition", R"({"type":"response.output_text.done","text":"Hi"})", ""},
        {"a refusal", R"({"type":"response.refusal.delta","delta":"No."})", "No."},
        {"an unknown event", R"({"type":"response.new_thing","delta":"x"})", ""},
        {"completed", R"({"type":"response.completed","response":{"status":"completed","usage":
            {"input_tokens":7,"output_tokens":3,"input_tokens_details":{"cached_tokens":2}}}})",
         "", Stop::finished, true, 7, 3, 2},
        {"too long", R"({"type":"response.incomplete","response":{"status":"incomplete",
            "incomplete_details":{"reason":"max_output_tokens"}}})",
         "", Stop::length, true},
        {"filtered", R"({"type":"response.incomplete","response":{"status":"incomplete",
            "incomplete_details":{"reason":"content_filter"}}})",
         "", Stop::withheld, true},
        {"failed", R"({"type":"response.failed","response":{"status":"failed",
            "error":{"code":"server_error","message":"m"}}})",
         "", Stop::none, true, -1, -1, 0, Fault::unavailable, true},
        {"failed without a word", R"({"type":"response.failed","response":{"status":"failed"}})",
         "", Stop::none, true, -1, -1, 0, Fault::unavailable, true},
        {"a bare error", R"({"type":"error","code":"rate_limit_exceeded","message":"m"})", "",
         Stop::none, false, -1, -1, 0, Fault::rate_limited, true},
        {"an error object", R"({"error":{"type":"insufficient_quota"}})", "", Stop::none, false, -1,
         -1, 0, Fault::rate_limited, false},
    };
    const auto dialect = openai::make_responses_dialect(options());
    for (const Read& one : cases) {
        expect_read(dialect->event(one.data), one);
    }
    EXPECT_FALSE(dialect->event("{"));
    EXPECT_FALSE(dialect->event("[1]"));
    expect_read(dialect->reply(R"({"status":"completed","model":"m","output":[
        {"type":"reasoning","content":[{"type":"reasoning_text","text":"hm"}]},
        {"type":"message","content":[{"type":"output_text","text":"Hi "},
        {"type":"output_text","text":"there"}]}],"error":null,
        "usage":{"input_tokens":1,"output_tokens":2}})"),
                {"whole", "", "Hi there", Stop::finished, false, 1, 2});
}

TEST(Dialect, MessagesEvents) {
    using Fault = ProviderFault;
    const Read cases[] = {
        {"start", R"({"type":"message_start","message":{"model":"c","usage":{"input_tokens":5,
            "cache_read_input_tokens":4,"cache_creation_input_tokens":1,"output_tokens":1}}})",
         "", Stop::none, false, 10, 1, 4},
        {"a block begins", R"({"type":"content_block_start","content_block":
            {"type":"text","text":""}})",
         ""},
        {"ping", R"({"type":"ping"})", ""},
        {"text", R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}})",
         "Hi"},
        {"thinking", R"({"type":"content_block_delta","delta":{"type":"thinking_delta",
            "thinking":"hm","text":"x"}})",
         ""},
        {"an empty piece of JSON", R"({"type":"content_block_delta","delta":
            {"type":"input_json_delta","partial_json":""}})",
         ""},
        {"an unknown event", R"({"type":"news","delta":{"type":"text_delta","text":"x"}})", ""},
        {"end of turn", R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},
            "usage":{"output_tokens":15}})",
         "", Stop::finished, false, 0, 15},
        {"limit", R"({"type":"message_delta","delta":{"stop_reason":"max_tokens"}})", "",
         Stop::length},
        {"refusal", R"({"type":"message_delta","delta":{"stop_reason":"refusal"}})", "",
         Stop::withheld},
        {"a pause", R"({"type":"message_delta","delta":{"stop_reason":"pause_turn"}})", "",
         Stop::unusable},
        {"stop", R"({"type":"message_stop"})", "", Stop::none, true},
        {"overloaded", R"({"type":"error","error":{"type":"overloaded_error","message":"m"}})", "",
         Stop::none, false, -1, -1, 0, Fault::unavailable, true},
        {"rate limit", R"({"type":"error","error":{"type":"rate_limit_error"}})", "", Stop::none,
         false, -1, -1, 0, Fault::rate_limited, true},
        {"spend limit", R"({"type":"error","error":{"type":"rate_limit_error",
            "details":{"error_code":"enforced_spend_limit_reached"}}})",
         "", Stop::none, false, -1, -1, 0, Fault::rate_limited, false},
        {"wrong", R"({"type":"error","error":{"type":"invalid_request_error"}})", "", Stop::none,
         false, -1, -1, 0, Fault::bad_request, false},
    };
    const auto dialect = anthropic::make_dialect(options());
    for (const Read& one : cases) {
        expect_read(dialect->event(one.data), one);
    }
    EXPECT_FALSE(dialect->event("nothing"));
    expect_read(dialect->reply(R"({"type":"message","content":[{"type":"thinking","thinking":"hm"},
        {"type":"text","text":"Hi "},{"type":"new","text":"x"},{"type":"text","text":"there"}],
        "stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}})"),
                {"whole", "", "Hi there", Stop::finished, false, 1, 2});
}

TEST(Dialect, GeminiChunks) {
    using Fault = ProviderFault;
    const Read cases[] = {
        {"text", R"({"candidates":[{"content":{"parts":[{"text":"Hi "},{"text":""},
            {"text":"hm","thought":true},{"text":"there","thoughtSignature":"s"}]}}]})",
         "Hi there"},
        {"counts that are text", R"({"usageMetadata":{"promptTokenCount":"10",
            "candidatesTokenCount":5,"thoughtsTokenCount":40,"cachedContentTokenCount":2}})",
         "", Stop::none, false, 10, 45, 2},
        {"the end", R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{}})", "",
         Stop::finished, true, 0, 0},
        {"the end, counts to come", R"({"candidates":[{"finishReason":"STOP"}]})", "",
         Stop::finished},
        {"limit", R"({"candidates":[{"finishReason":"MAX_TOKENS"}]})", "", Stop::length},
        {"unsafe", R"({"candidates":[{"finishReason":"SAFETY"}]})", "", Stop::withheld},
        {"a reason of tomorrow", R"({"candidates":[{"finishReason":"NEW"}]})", "", Stop::withheld},
        {"malformed", R"({"candidates":[{"finishReason":"MALFORMED_RESPONSE"}]})", "",
         Stop::unusable},
        {"blocked", R"({"promptFeedback":{"blockReason":"SAFETY"}})", "", Stop::withheld},
        {"no candidates", R"({"candidates":[]})", ""},
        {"busy", R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}})", "", Stop::none, false,
         -1, -1, 0, Fault::rate_limited, true},
        {"the day's quota", R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[
            {"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}})",
         "", Stop::none, false, -1, -1, 0, Fault::rate_limited, false},
        {"in an array", R"([{"error":{"code":503,"status":"UNAVAILABLE"}}])", "", Stop::none, false,
         -1, -1, 0, Fault::unavailable, true},
        {"a bad key", R"({"error":{"code":400,"status":"INVALID_ARGUMENT",
            "details":[{"reason":"API_KEY_INVALID"}]}})",
         "", Stop::none, false, -1, -1, 0, Fault::bad_request, false},
    };
    const auto dialect = google::make_gemini_dialect(options());
    for (const Read& one : cases) {
        expect_read(dialect->event(one.data), one);
    }
    const auto busy =
        google::error_of(json::parse(R"({"error":{"details":[{"retryDelay":"1.5s"}]}})"));
    EXPECT_EQ(busy->wait, std::chrono::milliseconds(1500));
    for (const char* odd : {"12", "s", "-1s", "1e99s", "1ss"}) {
        json error;
        error["error"]["details"][0]["retryDelay"] = odd;
        EXPECT_FALSE(google::error_of(error)->wait) << odd;
    }
}

// Whatever has another type than expected is as good as not there.
TEST(Dialect, StrangeTypesAreNothing) {
    const auto chat = openai::make_chat_dialect(options());
    const auto responses = openai::make_responses_dialect(options());
    const auto messages = anthropic::make_dialect(options());
    const auto gemini = google::make_gemini_dialect(options());
    for (const char* odd : {"7", "null", "[]", "{}", "[[[]]]", R"("text")", R"([{"a":[7]}])"}) {
        for (const char* frame : {R"({"choices":%})",
                                  R"({"choices":[%]})",
                                  R"({"choices":[{"delta":%}]})",
                                  R"({"error":%})",
                                  R"({"usage":%})",
                                  R"({"model":%})",
                                  R"({"type":%})",
                                  R"({"type":"error","error":%})",
                                  R"({"type":"response.completed","response":%})",
                                  R"({"type":"response.output_text.delta","delta":%})",
                                  R"({"type":"message_start","message":%})",
                                  R"({"type":"message_delta","delta":%})",
                                  R"({"type":"content_block_delta","delta":%})",
                                  R"({"content":%})",
                                  R"({"output":%})",
                                  R"({"candidates":%})",
                                  R"({"candidates":[%]})",
                                  R"({"candidates":[{"content":%}]})",
                                  R"({"usageMetadata":%})",
                                  R"({"promptFeedback":%})"}) {
            std::string text = frame;
            text.replace(text.find('%'), 1, odd);
            for (const Dialect* dialect :
                 {chat.get(), responses.get(), messages.get(), gemini.get()}) {
                EXPECT_NO_THROW(dialect->event(text)) << text;
                EXPECT_NO_THROW(dialect->reply(text)) << text;
            }
        }
    }
}

} // namespace
} // namespace mr::test
