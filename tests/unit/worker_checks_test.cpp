// --check-providers without a network: what each kind of reply is said to mean, and the table.
#include "worker/checks/verdict_parts.h"

#include <gtest/gtest.h>

#include <sstream>

namespace mr::checkup {
namespace {

using nlohmann::json;

constexpr const char* kSecret = "sk-secret-1";

Target target() {
    Target target;
    target.label = "OpenAI";
    target.url_setting = "openai_base_url";
    target.ca_setting = "openai_ca_file";
    target.proxy_setting = "openai_proxy";
    target.connect_setting = "openai_connect_to";
    target.base_url = "https://api.example:8443/v1";
    target.secret = kSecret;
    target.missing = "model m";
    target.key_cure = "KEY CURE";
    target.permission_cure = "PERMISSION CURE";
    target.missing_cure = "MISSING CURE";
    target.quota_cure = "QUOTA CURE";
    target.region_cure = "REGION CURE";
    return target;
}

Reply reply(int status, const std::string& body) {
    Reply out;
    out.head.status = status;
    out.body = body;
    out.json = json::parse(body, nullptr, false);
    out.at = std::chrono::system_clock::from_time_t(1'796'000'000);
    return out;
}

Finding judged(const Reply& from, const Target& by = target()) {
    Run run;
    run.limit = std::chrono::milliseconds(10'000);
    Finding finding;
    judge(from, run, by, finding);
    return finding;
}

struct Case {
    int status;
    const char* body;
    Trouble trouble;
    const char* says; // in cause or cure
};

const Case kCases[] = {
    {200, R"({"id":"m"})", Trouble::none, ""},
    {401, "", Trouble::key, "KEY CURE"},
    {401, R"({"error":{"message":"Incorrect key sk-secret-1","code":"invalid_api_key"}})",
     Trouble::key, "401 invalid_api_key"},
    {401, R"({"type":"error","error":{"type":"authentication_error","message":"x"}})", Trouble::key,
     "KEY CURE"},
    {400,
     R"({"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}})",
     Trouble::key, "KEY CURE"},
    {401, R"({"status":"error","category":"INVALID_AUTHENTICATION"})", Trouble::key, "KEY CURE"},
    {401, R"({"error":"invalid_client","error_codes":[7000215]})", Trouble::key, "KEY CURE"},
    {403, R"({"error":{"message":"no","type":"permission_error"}})", Trouble::permission,
     "403: no"},
    {403, R"({"status":"error","category":"MISSING_SCOPES","message":"scopes"})",
     Trouble::permission, "PERMISSION CURE"},
    {403, R"({"error":{"code":403,"status":"PERMISSION_DENIED","message":"x"}})",
     Trouble::permission, "PERMISSION CURE"},
    {403, R"({"error":{"code":"unsupported_country_region_territory"}})", Trouble::region,
     "REGION CURE"},
    {400,
     R"({"error":{"code":400,"status":"FAILED_PRECONDITION","message":"User location is not supported for the API use."}})",
     Trouble::region, "REGION CURE"},
    {404, R"({"error":{"code":"model_not_found"}})", Trouble::missing, "has no model m"},
    {404, R"([{"error":{"code":404,"status":"NOT_FOUND"}}])", Trouble::missing, "MISSING CURE"},
    {429, R"({"error":{"code":"insufficient_quota","type":"insufficient_quota"}})", Trouble::quota,
     "429 insufficient_quota"},
    {429, R"({"error":{"code":"rate_limit_exceeded","type":"requests"}})", Trouble::busy, "wait"},
    {402, R"({"type":"error","error":{"type":"billing_error"}})", Trouble::quota, "QUOTA CURE"},
    {429,
     R"({"error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}})",
     Trouble::quota, "enforced_spend_limit_reached"},
    {429, R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}})", Trouble::busy, "wait"},
    {429,
     R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"RequestsPerDayPerProject"}]}]}})",
     Trouble::quota, "QUOTA CURE"},
    {429, R"({"errorType":"RATE_LIMIT","policyName":"DAILY"})", Trouble::quota, "429 DAILY"},
    {429, R"({"errorType":"RATE_LIMIT","policyName":"SECONDLY"})", Trouble::busy, "wait"},
    {401, R"({"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."})", Trouble::key,
     "401 INVALID_AUTH"},
    {403, R"({"err_code":"INSUFFICIENT_PERMISSIONS","err_msg":"no access"})", Trouble::permission,
     "403: no access"},
    {402, R"({"err_code":"ASR_PAYMENT_REQUIRED","err_msg":"x"})", Trouble::quota,
     "402 ASR_PAYMENT_REQUIRED"},
    {429, R"({"category":"TOO_MANY_REQUESTS","message":"x"})", Trouble::busy, "wait"},
    {400, R"({"err_code":"Bad Request","err_msg":"Bad Request: no"})", Trouble::request,
     "400: Bad Request: no"},
    {401, R"({"detail":{"status":"invalid_api_key","message":"sk-secret-1"}})", Trouble::key,
     "401 invalid_api_key"},
    {401, R"({"detail":{"status":"missing_permissions","message":"voices_read"}})",
     Trouble::permission, "401: voices_read"},
    {401, R"({"detail":{"status":"quota_exceeded","message":"x"}})", Trouble::quota,
     "401 quota_exceeded"},
    {404, R"({"detail":{"code":"voice_not_found"}})", Trouble::missing, "MISSING CURE"},
    {429, R"({"detail":{"status":"too_many_concurrent_requests"}})", Trouble::busy, "wait"},
    {422, R"({"detail":[{"loc":["body"],"msg":"bad field","type":"t"}]})", Trouble::request,
     "422: bad field"},
    {403, R"({"error":{"errors":[{"reason":"quotaExceeded"}],"status":"PERMISSION_DENIED"}})",
     Trouble::quota, "quotaExceeded"},
    {403, R"({"error":{"errors":[{"reason":"billingNotEnabled"}],"status":"PERMISSION_DENIED"}})",
     Trouble::quota, "billingNotEnabled"},
    {503, R"({"error":{"type":"service_unavailable_error"}})", Trouble::server, "later"},
    {529, R"({"error":{"type":"overloaded_error","message":"Overloaded"}})", Trouble::server,
     "529: Overloaded"},
    {502, "<html>Bad gateway</html>", Trouble::server, "502"},
    {200, "<!doctype html><title>Log in</title>", Trouble::not_api, "a web page"},
    {403, "<html>blocked by policy</html>", Trouble::not_api, "a web page"},
    {200, "pong", Trouble::not_api, "is not OpenAI's API"},
    {302, "", Trouble::not_api, "leads elsewhere"},
    {407, "", Trouble::proxy, "openai_proxy"},
    {400, R"({"error":{"message":"bad field"}})", Trouble::request, "400: bad field"},
    {418, "", Trouble::request, "418"},
};

TEST(WorkerChecks, EveryReplyHasACauseAndACureOnOneLine) {
    for (const Case& one : kCases) {
        const Finding finding = judged(reply(one.status, one.body));
        EXPECT_EQ(trouble_name(finding.trouble), trouble_name(one.trouble)) << one.body;
        const std::string text = finding.cause + ". " + finding.cure;
        EXPECT_NE(text.find(one.says), std::string::npos) << text;
        EXPECT_EQ(finding.cause.empty(), finding.good());
        EXPECT_EQ(finding.cure.empty(), finding.good());
        EXPECT_EQ(text.find(kSecret), std::string::npos) << text;
        EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
}

struct Broken {
    net::HttpFault fault;
    net::HttpCause cause;
    bool proxied;
    Trouble trouble;
    const char* says;
};

const Broken kBroken[] = {
    {net::HttpFault::connect, net::HttpCause::name, false, Trouble::name, "openai_base_url"},
    {net::HttpFault::connect, net::HttpCause::connection, false, Trouble::connection,
     "nobody takes connections at api.example:8443"},
    {net::HttpFault::connect, net::HttpCause::connection, true, Trouble::proxy,
     "proxy.example:3128"},
    {net::HttpFault::connect, net::HttpCause::proxy_name, true, Trouble::proxy, "not known"},
    {net::HttpFault::lost, net::HttpCause::proxy_access, true, Trouble::proxy,
     "user:password@host"},
    {net::HttpFault::lost, net::HttpCause::proxy, true, Trouble::proxy, "allow this host"},
    {net::HttpFault::timeout, net::HttpCause::no_answer, false, Trouble::late, "firewall"},
    {net::HttpFault::timeout, net::HttpCause::other, false, Trouble::late,
     "provider_check_timeout"},
    {net::HttpFault::tls, net::HttpCause::authority, false, Trouble::certificate,
     "provider_ca_file (or openai_ca_file)"},
    {net::HttpFault::tls, net::HttpCause::certificate_date, false, Trouble::clock, "clock"},
    {net::HttpFault::tls, net::HttpCause::certificate_name, false, Trouble::certificate,
     "of another host"},
    {net::HttpFault::tls, net::HttpCause::other, false, Trouble::tls, "https"},
    {net::HttpFault::protocol, net::HttpCause::other, false, Trouble::not_api, "http or https"},
};

TEST(WorkerChecks, EveryWayToHaveNoReplyHasACauseAndACure) {
    for (const Broken& one : kBroken) {
        Target by = target();
        by.proxy = one.proxied ? "http://name:password@proxy.example:3128" : "";
        Reply none;
        none.error = net::HttpCausedError(one.fault, "https://api.example:8443: as curl says",
                                          false, one.cause);
        const Finding finding = judged(none, by);
        const std::string text = finding.cause + ". " + finding.cure;
        EXPECT_EQ(trouble_name(finding.trouble), trouble_name(one.trouble)) << text;
        EXPECT_NE(text.find(one.says), std::string::npos) << text;
        EXPECT_EQ(text.find("name:password@"), std::string::npos) << text;
    }
}

TEST(WorkerChecks, TheClockIsComparedWithTheReplysDate) {
    Reply dated = reply(200, "{}");
    EXPECT_FALSE(clock_ahead(dated));
    dated.head.headers.push_back({"date", "Mon, 30 Nov 2026 00:00:00 GMT"});
    dated.at = std::chrono::system_clock::from_time_t(1'795'996'800) + std::chrono::minutes(17);
    ASSERT_TRUE(clock_ahead(dated));
    EXPECT_EQ(clock_ahead(dated)->count(), 17 * 60);
    EXPECT_EQ(clock_words(std::chrono::seconds(45)), "45 s ahead");
    EXPECT_EQ(clock_words(std::chrono::minutes(17)), "17 min ahead");
    EXPECT_EQ(clock_words(-std::chrono::hours(5)), "5 h behind");
    EXPECT_EQ(clock_words(std::chrono::hours(24 * 9)), "9 days ahead");
}

TEST(WorkerChecks, NearNamesComeMostAlikeFirst) {
    const std::vector<std::string> all = {"whisper-1",  "gpt-6-luna",   "gpt-5",
                                          "gpt-5-nano", "gpt-5-mini-2", "text-embedding-3"};
    EXPECT_EQ(near_names("gpt-5-mini", all),
              (std::vector<std::string>{"gpt-5-mini-2", "gpt-5-nano", "gpt-6-luna"}));
    EXPECT_TRUE(near_names("x", std::vector<std::string>{"entirely-different"}).empty());
    EXPECT_TRUE(near_names("", std::vector<std::string>{}).empty());
}

TEST(WorkerChecks, WhatIsShownIsOneBoundedLineWithoutTheKey) {
    EXPECT_EQ(shown("a\x1b[31m\r\n\tb " + std::string(kSecret), kSecret), "a [31m b [key]");
    EXPECT_LE(shown(std::string(5000, 'x'), "").size(), kMaxWordsBytes);
}

TEST(WorkerChecks, ErrorsOfAnyFormAreReadAndNothingThrows) {
    for (const char* body : {"null", "[]", "7", R"({"error":7})", R"({"error":[{"error":{}}]})",
                             R"({"error":{"details":7,"message":{}}})", R"({"error":null})"}) {
        EXPECT_TRUE(error_words(json::parse(body), "").message.empty()) << body;
    }
    const ErrorWords entra = error_words(
        json::parse(R"({"error":"invalid_client","error_description":"AADSTS7000215: no",
                        "error_codes":[7000215]})"),
        "");
    EXPECT_TRUE(entra.has("invalid_client") && entra.has("7000215"));
    EXPECT_EQ(entra.message, "AADSTS7000215: no");
    const ErrorWords power_bi =
        error_words(json::parse(R"({"error":{"code":"X","pbi.error":{"code":"Y"}}})"), "");
    EXPECT_TRUE(power_bi.has("X") && power_bi.has("Y"));
}

TEST(WorkerChecks, TheTableHasOneLineForEachRow) {
    Finding good;
    good.provider = "openai";
    good.purposes = {"router", "responder"};
    good.resource = "model m";
    good.reachable = good.authorised = good.there = true;
    good.latency = std::chrono::milliseconds(12);
    good.notes = {"the model retires on 2026-12-11"};
    Finding bad;
    bad.provider = "hubspot";
    bad.reachable = true;
    bad.authorised = false;
    fail(bad, Trouble::key, "it refuses the key", "put a valid one");
    Finding inside;
    inside.provider = "embedded";
    inside.embedded = true;
    const std::vector<Finding> rows = {good, bad, inside};
    std::ostringstream table;
    print_table(table, rows);
    EXPECT_EQ(table.str(),
              "PROVIDER  FOR                REACHABLE  AUTHORISED  WHAT: THERE   LATENCY  RESULT\n"
              "openai    router, responder  yes        yes         model m: yes  12 ms    "
              "good; the model retires on 2026-12-11\n"
              "hubspot   nothing            yes        no          -             -        "
              "it refuses the key. To fix: put a valid one\n"
              "embedded  nothing            -          -           -             -        "
              "embedded, nothing to check\n");
    std::ostringstream text;
    print_json(text, rows);
    const json report = json::parse(text.str());
    EXPECT_EQ(report["good"], false);
    EXPECT_EQ(report["checks"][0]["latency_ms"], 12);
    EXPECT_EQ(report["checks"][1]["fault"], "key");
    EXPECT_EQ(report["checks"][1]["there"], nullptr);
    EXPECT_EQ(report["checks"][2]["state"], "embedded");
}

} // namespace
} // namespace mr::checkup
