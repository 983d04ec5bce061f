// Google's credentials: key files, assertions that verify, tokens that are kept, renewed in time,
// and asked for once however many need one.
#include "tests/unit/worker_token_support.h"
#include "worker/providers/google/token.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <fstream>

namespace mr::test {
namespace {

using google::ServiceAccount;
using google::TokenOptions;

struct TestKey {
    TestKey() : key(EVP_RSA_gen(2048)) {
        BIO* bio = BIO_new(BIO_s_mem());
        PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        pem.assign(data, static_cast<std::size_t>(size));
        BIO_free(bio);
    }
    ~TestKey() { EVP_PKEY_free(key); }
    TestKey(const TestKey&) = delete;
    TestKey& operator=(const TestKey&) = delete;

    EVP_PKEY* key;
    std::string pem;
};

const TestKey& test_key() {
    static const TestKey key;
    return key;
}

json key_file() {
    return {{"type", "service_account"},
            {"client_email", "worker@p.iam.gserviceaccount.com"},
            {"private_key", test_key().pem},
            {"private_key_id", "k-1"},
            {"token_uri", "https://oauth2.googleapis.com/token"}};
}

std::string decoded(std::string text) {
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    const std::size_t padding = (4 - text.size() % 4) % 4;
    text.append(padding, '=');
    std::string out(text.size(), '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size) - padding);
    return out;
}

TEST(Google, AssertionsVerify) {
    const ServiceAccount account = google::parse_service_account(key_file().dump());
    const auto now = std::chrono::system_clock::from_time_t(1'790'000'000);
    const std::string jwt = google::signed_assertion(account, google::kCloudScope, now);
    const std::size_t first = jwt.find('.');
    const std::size_t second = jwt.find('.', first + 1);
    ASSERT_NE(second, std::string::npos);
    EXPECT_EQ(jwt.find_first_of("+/="), std::string::npos);
    EXPECT_EQ(json::parse(decoded(jwt.substr(0, first))),
              json::parse(R"({"alg":"RS256","typ":"JWT","kid":"k-1"})"));
    EXPECT_EQ(json::parse(decoded(jwt.substr(first + 1, second - first - 1))), json::parse(R"({
        "iss":"worker@p.iam.gserviceaccount.com",
        "scope":"https://www.googleapis.com/auth/cloud-platform",
        "aud":"https://oauth2.googleapis.com/token","iat":1790000000,"exp":1790003600})"));
    const std::string signature = decoded(jwt.substr(second + 1));
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, test_key().key);
    EXPECT_EQ(EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                               signature.size(), reinterpret_cast<const unsigned char*>(jwt.data()),
                               second),
              1);
    EVP_MD_CTX_free(context);
}

TEST(Google, KeyFilesThatAreNone) {
    const auto without = [](const char* name) {
        json file = key_file();
        file.erase(name);
        return file.dump();
    };
    json no_key = key_file();
    no_key["private_key"] = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    json user = key_file();
    user["type"] = "authorized_user";
    for (const std::string& text :
         {std::string("secret"), std::string("[]"), without("client_email"), without("private_key"),
          without("type"), no_key.dump(), user.dump()}) {
        try {
            google::parse_service_account(text);
            ADD_FAILURE() << text;
        } catch (const std::runtime_error& error) {
            EXPECT_EQ(std::string(error.what()).find("c2VjcmV0"), std::string::npos);
        }
    }
    EXPECT_EQ(google::parse_service_account(without("token_uri")).token_uri, google::kTokenUrl);
    EXPECT_THROW(google::read_service_account("/does/not/exist"), std::runtime_error);
}

std::string token_reply(const std::string& token, const std::string& life) {
    return http_answer(R"({"access_token":")" + token + R"(","expires_in":)" + life +
                           R"(,"token_type":"Bearer"})",
                       "200 OK", "Content-Type: application/json\r\nMetadata-Flavor: Google\r\n");
}

TokenOptions account_at(const Scripted& scripted) {
    TokenOptions options;
    options.account = google::parse_service_account(key_file().dump());
    options.token_url = scripted.server.url("/token");
    options.retry_base = milliseconds(1);
    return options;
}

TEST(Google, ATokenIsKeptUntilItsEndIsNear) {
    Loop loop;
    Scripted scripted(loop, {token_reply("t-1", "\"3599\""), token_reply("t-2", "60"),
                             token_reply("t-3", "3599")});
    const auto credential =
        google::make_token_credential(std::make_shared<net::HttpClient>(), account_at(scripted));
    expect_kept(loop, *credential, scripted, "Authorization: Bearer t-1");
    std::string said;
    const std::string& request = scripted.requests[0];
    EXPECT_TRUE(request.starts_with("POST /token HTTP/1.1\r\n"));
    EXPECT_NE(request.find("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"
                           "assertion=ey"),
              std::string::npos);
    EXPECT_EQ(credential->redacted("a t-1 b"), "a [key] b");
    EXPECT_TRUE(credential->refused());
    loop.run(ask(*credential, said));
    EXPECT_EQ(said, "Authorization: Bearer t-2") << "another one after a refusal";
    loop.run(ask(*credential, said));
    EXPECT_EQ(said, "Authorization: Bearer t-3") << "a minute is near";
}

TEST(Google, ManyCallsMakeOneRequest) {
    Loop loop;
    Scripted scripted(loop, {token_reply("t-1", "3599")});
    const auto credential =
        google::make_token_credential(std::make_shared<net::HttpClient>(), account_at(scripted));
    std::vector<std::string> said(20);
    std::vector<Task<void>> works;
    for (std::string& one : said) {
        works.push_back(ask(*credential, one));
    }
    const auto all = [&]() -> awaitable<void> {
        for (Task<void>& work : works) {
            boost::asio::co_spawn(loop.context, std::move(work), boost::asio::detached);
        }
        const std::function<bool()> everybody = [&] {
            return std::count(said.begin(), said.end(), "") == 0;
        };
        co_await until(everybody);
    };
    loop.run(all());
    EXPECT_EQ(std::count(said.begin(), said.end(), "Authorization: Bearer t-1"), 20);
    EXPECT_EQ(scripted.requests.size(), 1U);
}

TEST(Google, AFailureIsSharedAndTheNextCallTriesAgain) {
    Loop loop;
    Scripted scripted(loop, {""}); // hangs
    const auto credential =
        google::make_token_credential(std::make_shared<net::HttpClient>(), account_at(scripted));
    std::string first;
    std::string second;
    const auto both = [&]() -> awaitable<void> {
        boost::asio::co_spawn(loop.context, ask(*credential, first, milliseconds(100)),
                              boost::asio::detached);
        boost::asio::co_spawn(loop.context, ask(*credential, second), boost::asio::detached);
        const std::function<bool()> told = [&] { return !first.empty() && !second.empty(); };
        co_await until(told);
    };
    loop.run(both());
    EXPECT_EQ(first, "Google gives no access at the moment");
    EXPECT_EQ(second, "Google gives no access at the moment") << "one failure is everybody's";
    scripted.answers = {token_reply("t-1", "3599")};
    loop.run(ask(*credential, second));
    EXPECT_EQ(second, "Authorization: Bearer t-1");
}

// The call that asked is stopped: one of those who waited for it asks in its place.
TEST(Google, ACancelledCallLeavesTheRenewalToTheNext) {
    Loop loop;
    Scripted scripted(loop, {""}); // hangs
    const auto credential =
        google::make_token_credential(std::make_shared<net::HttpClient>(), account_at(scripted));
    std::string first;
    std::string second;
    bool aborted = false;
    boost::asio::cancellation_signal stop;
    const auto both = [&]() -> awaitable<void> {
        boost::asio::co_spawn(
            loop.context, ask(*credential, first),
            boost::asio::bind_cancellation_slot(
                stop.slot(), [&](const std::exception_ptr& error) { aborted = error != nullptr; }));
        boost::asio::co_spawn(loop.context, ask(*credential, second), boost::asio::detached);
        const std::function<bool()> asked = [&] { return !scripted.requests.empty(); };
        co_await until(asked);
        scripted.answers = {token_reply("t-1", "3599")};
        stop.emit(boost::asio::cancellation_type::terminal);
        const std::function<bool()> told = [&] { return !second.empty(); };
        co_await until(told);
    };
    loop.run(both());
    EXPECT_TRUE(aborted);
    EXPECT_EQ(first, "");
    EXPECT_EQ(second, "Authorization: Bearer t-1");
    EXPECT_EQ(scripted.requests.size(), 2U);
}

struct TokenFault {
    const char* name;
    std::string reply;
    std::string says;
    std::size_t tries;
};

TEST(Google, RefusalsOfTokens) {
    const TokenFault cases[] = {
        {"a wrong clock",
         http_answer(R"({"error":"invalid_grant","error_description":"x"})", "400 Bad"),
         "Google refused us access", 1},
        {"their trouble", http_answer(R"({"error":"server_error"})", "400 Bad"),
         "Google gives no access at the moment", 3},
        {"busy", http_answer("", "429 Too Many"), "Google gives no access at the moment", 3},
        {"down", http_answer("<html>", "503 Down"), "Google gives no access at the moment", 3},
        {"not found", http_answer("", "404 Not Found"), "Google refused us access", 1},
        {"no token", http_answer(R"({"expires_in":5})"), "Google refused us access", 1},
        {"a token of two lines", token_reply("a\\r\\nX: y", "3599"), "Google refused us access", 1},
        {"no JSON", http_answer("<html>"), "Google refused us access", 1},
    };
    for (const TokenFault& one : cases) {
        SCOPED_TRACE(one.name);
        Loop loop;
        Scripted scripted(loop, {one.reply});
        const auto credential = google::make_token_credential(std::make_shared<net::HttpClient>(),
                                                              account_at(scripted));
        std::string said;
        testing::internal::CaptureStderr();
        loop.run(ask(*credential, said));
        const std::string log = testing::internal::GetCapturedStderr();
        EXPECT_EQ(said, one.says);
        EXPECT_EQ(scripted.requests.size(), one.tries);
        EXPECT_EQ(log.find("assertion"), std::string::npos);
        EXPECT_EQ(log.find("PRIVATE"), std::string::npos);
    }
}

// As behind a proxy that opens TLS, or where the certificate is not to be trusted.
TEST(Google, WithoutTlsItIsNotReachedAndNotARefusal) {
    Loop loop;
    boost::asio::ip::tcp::acceptor plain(loop.context,
                                         {boost::asio::ip::address_v4::loopback(), 0});
    std::size_t served = 0;
    const auto serve = [&]() -> Task<void> {
        for (;;) {
            auto peer = co_await plain.async_accept(boost::asio::use_awaitable);
            boost::asio::write(peer, boost::asio::buffer(http_answer("", "400 Bad")));
            ++served;
        }
    };
    boost::asio::co_spawn(loop.context, serve, boost::asio::detached);
    TokenOptions options;
    options.account = google::parse_service_account(key_file().dump());
    options.token_url = "https://127.0.0.1:" + std::to_string(plain.local_endpoint().port()) + "/";
    options.retry_base = milliseconds(1);
    const auto credential =
        google::make_token_credential(std::make_shared<net::HttpClient>(), options);
    std::string said;
    loop.run(ask(*credential, said));
    EXPECT_EQ(said, "Google could not be reached");
    EXPECT_EQ(served, 1U);
    plain.close();
}

TEST(Google, TheMachinesOwnToken) {
    const std::string stranger = http_answer(R"({"access_token":"t","expires_in":3599})");
    for (const bool known : {true, false}) {
        Loop loop;
        Scripted scripted(loop, {known ? token_reply("t-1", "3599") : stranger});
        TokenOptions options;
        options.metadata_url = scripted.server.url("");
        options.retry_base = milliseconds(1);
        const auto credential =
            google::make_token_credential(std::make_shared<net::HttpClient>(), options);
        std::string said;
        loop.run(ask(*credential, said));
        EXPECT_EQ(said, known ? "Authorization: Bearer t-1" : "Google refused us access");
        EXPECT_TRUE(scripted.requests.at(0).starts_with(
            "GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1\r\n"));
        EXPECT_NE(scripted.requests[0].find("Metadata-Flavor: Google\r\n"), std::string::npos);
    }
}

} // namespace
} // namespace mr::test
