// Settings: precedence, conversion, and errors that name value, range and place.
#include "tests/unit/worker_settings_support.h"

#include <fstream>
#include <sstream>

namespace mr {
namespace {

TEST(WorkerSettings, DefaultsAreValid) {
    const Settings settings = make_settings({});
    EXPECT_EQ(settings.redis_url.transport, RedisTransport::tcp);
    EXPECT_EQ(settings.lease, std::chrono::seconds(5));
    EXPECT_EQ(settings.drain, std::chrono::seconds(60));
    EXPECT_EQ(settings.app_names(), std::vector<std::string>{"chat"});
}

TEST(WorkerSettings, FlagBeatsEnvironmentBeatsFile) {
    const TempFile file("drain = \"1s\"\nlinger = \"2ms\"\nlease = \"3s\"\nmax_sessions = 7\n");
    const char* const environment[] = {"MR_DRAIN=4s", "MR_LINGER=5ms", "OTHER=1", nullptr};
    const char* const words[] = {"mr-worker", "--drain", "6s"};
    const CommandLine line = read_command_line(3, words);
    const RawSettings layers[] = {line.settings, read_environment(environment),
                                  read_config_file(file.path())};
    const Settings settings = make_settings(layers);
    EXPECT_EQ(settings.drain, std::chrono::seconds(6));
    EXPECT_EQ(settings.linger, std::chrono::milliseconds(5));
    EXPECT_EQ(settings.lease, std::chrono::seconds(3));
    EXPECT_EQ(settings.max_sessions, 7u);
}

TEST(WorkerSettings, EveryKeyHasFlagVariableHelpAndAValidDefault) {
    for (const SettingRow& row : setting_rows()) {
        EXPECT_FALSE(row.help.empty()) << row.key;
        EXPECT_EQ(row.flag().find('_'), std::string::npos) << row.flag();
        if (!row.fallback.empty()) {
            EXPECT_EQ(error_of({{std::string(row.key), {std::string(row.fallback), "test"}}}), "")
                << row.key;
        }
    }
}

TEST(WorkerSettings, NoDurationNeedsNoUnit) {
    EXPECT_EQ(error_of({{"text_window", {"0", "there"}}}), "");
    EXPECT_NE(error_of({{"lease", {"0", "there"}}}), "") << "below its least";
}

TEST(WorkerSettings, ErrorsNameValueRangeAndPlace) {
    struct Case {
        std::string key;
        std::string value;
        std::vector<std::string> parts;
    };
    const Case cases[] = {
        {"drain", "10 minutes", {"there: ", "drain is '10 minutes'", "from 0ms to 1h"}},
        {"drain", "2h", {"drain is '2h'", "from 0ms to 1h"}},
        {"drain", "60", {"drain is '60'", "such as 250ms"}},
        {"drain", "99999999999999999999h", {"drain"}},
        {"max_sessions", "0", {"max_sessions is '0'", "(count) from 1 to 100000"}},
        {"max_sessions", "-1", {"max_sessions is '-1'"}},
        {"max_sessions", "1e3", {"max_sessions is '1e3'"}},
        {"stub_openai", "perhaps", {"stub_openai is 'perhaps'", "true or false"}},
        {"log_level", "loud", {"log_level is 'loud'", "debug, info, warn, error"}},
        {"apps", "chat,dance", {"apps is 'chat,dance'"}},
        {"apps", "", {"apps is ''"}},
        {"redis", "http://x", {"there: redis: "}},
        {"redis", "unix:/x?password_file=/does/not/exist", {"/does/not/exist cannot be read"}},
    };
    for (const Case& entry : cases) {
        const std::string error = error_of({{entry.key, {entry.value, "there"}}});
        ASSERT_FALSE(error.empty()) << entry.key << " = " << entry.value;
        for (const std::string& part : entry.parts) {
            EXPECT_NE(error.find(part), std::string::npos) << error;
        }
    }
}

TEST(WorkerSettings, FileErrorsNameTheLine) {
    const std::pair<std::string, std::string> cases[] = {
        {"drain = \"1s\"\nunknown = 1\n", ":2: unknown setting 'unknown'"},
        {"drain = \n", ":1: "},
        {"[redis]\nurl = 1\n", "redis"},
    };
    for (const auto& entry : cases) {
        const TempFile file(entry.first);
        std::string error;
        try {
            const RawSettings layers[] = {read_config_file(file.path())};
            make_settings(layers);
        } catch (const SettingsError& caught) {
            error = caught.what();
        }
        EXPECT_NE(error.find(entry.second), std::string::npos) << error;
        EXPECT_NE(error.find(file.path()), std::string::npos) << error;
    }
    EXPECT_THROW(read_config_file("/does/not/exist.toml"), SettingsError);
}

TEST(WorkerSettings, TheOriginalsVariableStillCounts) {
    const char* const environment[] = {"STUB_OPENAI=true", nullptr};
    const RawSettings layers[] = {read_environment(environment)};
    EXPECT_TRUE(make_settings(layers).stub_openai);
}

TEST(WorkerSettings, TheVendorsVariablesCountLessThanOurs) {
    const char* const environment[] = {"OPENAI_API_KEY=sk-theirs", "MR_OPENAI_MODEL=ours",
                                       "OPENAI_MODEL=theirs", "OPENAI_BASE_URL=http://here/v1",
                                       nullptr};
    const RawSettings layers[] = {read_environment(environment)};
    const Settings settings = make_settings(layers);
    EXPECT_EQ(settings.openai.api_key, "sk-theirs");
    EXPECT_EQ(settings.openai.model, "ours");
    EXPECT_EQ(settings.openai.base_url, "http://here/v1");
    EXPECT_TRUE(settings.active("openai"));
}

TEST(WorkerSettings, NoProviderIsAskedUnlessOneIsNamed) {
    EXPECT_FALSE(make_settings({}).active("openai"));
    const RawSettings model[] = {{{"openai_model", {"m", "test"}}}};
    EXPECT_FALSE(make_settings(model).active("openai"));
    const RawSettings key[] = {{{"openai_api_key", {"k", "test"}}}};
    EXPECT_TRUE(make_settings(key).active("openai"));
    const RawSettings url[] = {{{"openai_base_url", {"http://127.0.0.1:8000/v1", "test"}}}};
    EXPECT_TRUE(make_settings(url).active("openai"));
}

TEST(WorkerSettings, PrintedSettingsHoldNoKey) {
    const RawSettings layers[] = {{{"openai_api_key", {"sk-sesame", "test"}},
                                   {"provider_proxy", {"http://u:sesame@p:1", "test"}}}};
    std::ostringstream out;
    print_settings(out, make_settings(layers));
    EXPECT_EQ(out.str().find("sesame"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("# openai_api_key is set"), std::string::npos) << out.str();
}

TEST(WorkerSettings, PrintedSettingsHoldNoSecret) {
    const TempFile password("sesame\n");
    for (const std::string& url : {std::string("redis://user:sesame@host:7/2"),
                                   "redis://host:7/2?password_file=" + password.path()}) {
        const RawSettings layer = {{"redis", {url, "test"}}};
        const RawSettings layers[] = {layer};
        const Settings settings = make_settings(layers);
        EXPECT_EQ(settings.redis_url.password.view(), "sesame");
        std::ostringstream out;
        print_settings(out, settings);
        EXPECT_EQ(out.str().find("sesame"), std::string::npos) << out.str();
        EXPECT_NE(out.str().find("redis://host:7/2"), std::string::npos) << out.str();
    }
}

TEST(WorkerSettings, PrintedSettingsCanBeReadBack) {
    std::ostringstream out;
    print_settings(out, make_settings({}));
    const TempFile file(out.str());
    const RawSettings layers[] = {read_config_file(file.path())};
    std::ostringstream again;
    print_settings(again, make_settings(layers));
    EXPECT_EQ(again.str(), out.str());
}

} // namespace
} // namespace mr
