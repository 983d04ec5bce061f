// Entra's client credentials: the form that is sent, tokens that are kept and renewed, refusals
// whose cure stands in the log, and the secret in none of it.
#include "tests/unit/worker_token_support.h"
#include "worker/providers/entra/token.h"

namespace mr::test {
namespace {

const std::string kSecret = "s3~c+r/e t&4711";
const std::string kRefused = "Entra ID refused us access";
const std::string kPassing = "Entra ID gives no access at the moment";

std::string token_reply(const std::string& token, const std::string& life) {
    return http_answer(R"({"token_type":"Bearer","ext_expires_in":3599,"access_token":")" + token +
                       R"(","expires_in":)" + life + "}");
}

std::string failure(std::int64_t code, const std::string& error = "invalid_client") {
    json body;
    body["error"] = error;
    body["error_description"] = "AADSTS" + std::to_string(code) + ": you sent " + kSecret;
    body["error_codes"] = {code};
    body["correlation_id"] = "c-1";
    return http_answer(body.dump(), "401 Unauthorized");
}

entra::ClientOptions client_at(const Scripted& scripted) {
    entra::ClientOptions options;
    options.authority = scripted.server.url("/");
    options.tenant = "contoso.example";
    options.client_id = "app-1";
    options.client_secret = kSecret;
    options.timing.retry_base = milliseconds(1);
    return options;
}

TEST(Entra, TheFormIsThatOfClientCredentials) {
    Loop loop;
    Scripted scripted(loop, {token_reply("t-1", "\"3599\""), token_reply("t-2", "3599")});
    const auto credential =
        entra::make_client_credential(std::make_shared<net::HttpClient>(), client_at(scripted));
    expect_kept(loop, *credential, scripted, "Authorization: Bearer t-1");
    std::string said;
    const std::string& request = scripted.requests[0];
    EXPECT_TRUE(request.starts_with("POST /contoso.example/oauth2/v2.0/token HTTP/1.1\r\n"));
    EXPECT_EQ(request.substr(request.find("\r\n\r\n") + 4),
              "grant_type=client_credentials&client_id=app-1"
              "&client_secret=s3~c%2Br%2Fe%20t%264711"
              "&scope=https%3A%2F%2Fanalysis.windows.net%2Fpowerbi%2Fapi%2F.default");
    EXPECT_TRUE(credential->refused());
    loop.run(ask(*credential, said));
    EXPECT_EQ(said, "Authorization: Bearer t-2") << "another one after a refusal";
    EXPECT_EQ(credential->redacted("a t-2 b " + kSecret), "a [key] b [key]");
}

struct Refusal {
    const char* name;
    std::string reply;
    std::string says;
    std::string cure; // in the log
    std::size_t tries;
};

TEST(Entra, RefusalsSayTheCureAndNeverTheSecret) {
    const std::string down = R"({"error":"temporarily_unavailable","error_codes":[90033]})";
    const std::string described =
        R"({"error":"invalid_client","error_description":"AADSTS7000222: expired keys"})";
    const Refusal cases[] = {
        {"wrong secret", failure(7'000'215), kRefused, "the secret's value, not its id", 1},
        {"expired secret", failure(7'000'222), kRefused, "has expired", 1},
        {"no tenant", failure(90'002, "invalid_request"), kRefused, "check entra_tenant", 1},
        {"no application", failure(700'016), kRefused, "check entra_client_id", 1},
        {"disabled", failure(7'000'112), kRefused, "enable its service principal", 1},
        {"scope", failure(1'002'012, "invalid_scope"), kRefused, "entra_scope", 1},
        {"policy", failure(53'003), kRefused, "Conditional Access", 1},
        {"a code nobody knows", failure(12'345), kRefused, "AADSTS12345", 1},
        {"a code in words alone", http_answer(described, "401 No"), kRefused, "has expired", 1},
        {"their trouble", http_answer(down, "400 Bad"), kPassing, "AADSTS90033", 3},
        {"busy", http_answer("", "429 Too Many"), kPassing, "status 429", 3},
        {"down", http_answer("<html>", "503 Down"), kPassing, "status 503", 3},
        {"no token", http_answer(R"({"expires_in":5})"), kRefused, "no access_token", 1},
        {"not JSON", http_answer("<html>"), kRefused, "no access_token", 1},
        {"two lines", token_reply("a\\r\\nX: y", "3599"), kRefused, "no access_token", 1},
        {"odd types", http_answer(R"({"error":7,"error_codes":"x"})", "400 Bad"), kRefused,
         "status 400", 1},
    };
    for (const Refusal& one : cases) {
        SCOPED_TRACE(one.name);
        Loop loop;
        Scripted scripted(loop, {one.reply});
        const auto credential =
            entra::make_client_credential(std::make_shared<net::HttpClient>(), client_at(scripted));
        std::string said;
        testing::internal::CaptureStderr();
        loop.run(ask(*credential, said));
        const std::string log = testing::internal::GetCapturedStderr();
        EXPECT_EQ(said, one.says);
        EXPECT_EQ(scripted.requests.size(), one.tries);
        EXPECT_NE(log.find(one.cure), std::string::npos) << log;
        EXPECT_EQ(log.find(kSecret), std::string::npos);
        EXPECT_EQ(log.find("s3~c%2B"), std::string::npos);
    }
}

} // namespace
} // namespace mr::test
