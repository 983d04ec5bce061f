// Settings: precedence, conversion, and errors that name value, range and place.
#include "worker/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace mr {
namespace {

std::string error_of(const RawSettings& layer) {
    try {
        const RawSettings layers[] = {layer};
        make_settings(layers);
    } catch (const SettingsError& error) {
        return error.what();
    }
    return "";
}

class TempFile {
  public:
    explicit TempFile(const std::string& text) {
        const int fd = mkstemp(path_);
        EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        close(fd);
    }
    ~TempFile() { std::remove(path_); }
    std::string path() const { return path_; }

  private:
    char path_[32] = "/tmp/mr-settings-XXXXXX";
};

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

using Names = std::vector<std::string>;

RawSettings with_keys(std::initializer_list<std::string> providers) {
    RawSettings settings;
    for (const std::string& provider : providers) {
        settings[provider + "_api_key"] = {"k", "test"};
    }
    return settings;
}

TEST(WorkerSettings, EachTaskHasItsProviders) {
    const Settings none = make_settings({});
    for (const char* task : {"extractor", "router", "sql_writer", "merger", "responder"}) {
        EXPECT_EQ(none.providers_of(task), Names{"embedded"}) << task;
    }
    const RawSettings three[] = {with_keys({"openai", "anthropic", "gemini"})};
    const Settings all = make_settings(three);
    EXPECT_EQ(all.providers_of("extractor"), (Names{"gemini", "openai", "anthropic", "embedded"}));
    EXPECT_EQ(all.providers_of("router"), (Names{"openai", "gemini", "anthropic", "embedded"}));
    EXPECT_EQ(all.providers_of("sql_writer"), (Names{"anthropic", "openai", "gemini", "embedded"}));
    EXPECT_EQ(all.providers_of("merger"), (Names{"openai", "gemini", "anthropic", "embedded"}));
    EXPECT_EQ(all.providers_of("responder"), (Names{"openai", "anthropic", "gemini"}));
    const RawSettings one[] = {with_keys({"anthropic"})};
    EXPECT_EQ(make_settings(one).providers_of("router"), (Names{"anthropic", "embedded"}));
    EXPECT_EQ(make_settings(one).providers_of("responder"), Names{"anthropic"});
}

TEST(WorkerSettings, ATaskCanBeGivenToSomebody) {
    RawSettings chosen = with_keys({"openai", "anthropic"});
    chosen["responder"] = {"anthropic, openai", "test"};
    chosen["router"] = {"embedded", "test"};
    const RawSettings layers[] = {chosen};
    EXPECT_EQ(make_settings(layers).providers_of("responder"), (Names{"anthropic", "openai"}));
    EXPECT_EQ(make_settings(layers).providers_of("router"), Names{"embedded"});
    for (const char* wrong : {"", "somebody", "openai,openai", "auto,openai", "openai,"}) {
        RawSettings bad = with_keys({"openai"});
        bad["merger"] = {wrong, "there"};
        EXPECT_TRUE(error_of(bad).starts_with("there: merger")) << wrong;
    }
    RawSettings unset = with_keys({"openai"});
    unset["merger"] = {"gemini", "there"};
    EXPECT_NE(error_of(unset).find("has no gemini_api_key"), std::string::npos);
}

TEST(WorkerSettings, VertexHasAHostPerLocation) {
    const auto url_of = [](const std::string& location, const std::string& base) {
        RawSettings settings = {{"gemini_project", {"p-1", "test"}}};
        if (!location.empty()) {
            settings["gemini_location"] = {location, "test"};
        }
        if (!base.empty()) {
            settings["gemini_base_url"] = {base, "test"};
        }
        const RawSettings layers[] = {settings};
        const Settings made = make_settings(layers);
        EXPECT_TRUE(made.active("gemini"));
        return made.gemini_url();
    };
    EXPECT_EQ(url_of("", ""), "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/"
                              "publishers/google");
    EXPECT_EQ(url_of("eu", ""), "https://aiplatform.eu.rep.googleapis.com/v1/projects/p-1/"
                                "locations/eu/publishers/google");
    EXPECT_EQ(url_of("europe-west4", ""),
              "https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/"
              "europe-west4/publishers/google");
    EXPECT_EQ(url_of("us", "http://127.0.0.1:1/v1beta1/"),
              "http://127.0.0.1:1/v1beta1/projects/p-1/locations/us/publishers/google");
    EXPECT_EQ(make_settings({}).gemini_url(), kGeminiUrl);
}

TEST(WorkerSettings, GooglesCredentialsAreCheckedAtTheStart) {
    const TempFile none("{\"type\":\"service_account\",\"private_key\":\"secret\"}");
    const RawSettings vertex = {{"gemini_project", {"p-1", "there"}}};
    const std::pair<std::string, std::string> cases[] = {
        {"google_credentials_file", none.path()}, {"google_credentials_file", "/does/not/exist"},
        {"google_metadata_url", "secret"},        {"google_token_url", "secret"},
        {"gemini_location", "a secret"},
    };
    for (const auto& entry : cases) {
        RawSettings settings = vertex;
        settings[entry.first] = {entry.second, "there"};
        const std::string error = error_of(settings);
        EXPECT_TRUE(error.starts_with("there: " + entry.first)) << error;
        EXPECT_EQ(error.find("secret"), std::string::npos) << error;
    }
    RawSettings both = vertex;
    both["gemini_api_key"] = {"k", "there"};
    EXPECT_NE(error_of(both).find("leave one out"), std::string::npos);
}

RawSettings with_bigquery() {
    RawSettings settings = with_keys({"openai"});
    settings["bigquery_project"] = {"my-project", "there"};
    settings["bigquery_tables"] = {"sales.invoices:project_id, crm.vendors:-", "there"};
    return settings;
}

TEST(WorkerSettings, BigQueryHasItsQueriesWrittenByAModel) {
    EXPECT_FALSE(make_settings({}).bigquery_active());
    const RawSettings layers[] = {with_bigquery()};
    const Settings settings = make_settings(layers);
    EXPECT_TRUE(settings.bigquery_active());
    EXPECT_EQ(settings.providers_of("sql_writer"), Names{"openai"});
    EXPECT_EQ(settings.providers_of("router"), (Names{"openai", "embedded"}));
    RawSettings keyless = with_bigquery();
    keyless.erase("openai_api_key");
    EXPECT_NE(error_of(keyless).find("there: bigquery_project needs a language model"),
              std::string::npos);
    RawSettings embedded = with_bigquery();
    embedded["sql_writer"] = {"openai,embedded", "there"};
    EXPECT_NE(error_of(embedded).find("there: sql_writer names embedded"), std::string::npos);
}

TEST(WorkerSettings, BigQuerysSettingsAreCheckedAtTheStart) {
    const TempFile schema("TABLE invoices\n");
    const TempFile blank(" \n");
    RawSettings good = with_bigquery();
    good["bigquery_schema_file"] = {schema.path(), "there"};
    good["bigquery_dataset"] = {"sales", "there"};
    good["bigquery_tables"] = {"invoices:project_id, other.crm.vendors:-", "there"};
    const RawSettings layers[] = {good};
    EXPECT_EQ(make_settings(layers).bigquery.schema, "TABLE invoices\n");
    const std::pair<std::string, std::string> cases[] = {
        {"bigquery_project", "my project"},
        {"bigquery_location", "E U"},
        {"bigquery_dataset", "a-b"},
        {"bigquery_tables", ""},
        {"bigquery_tables", "invoices:project_id"},
        {"bigquery_tables", "sales.invoices"},
        {"bigquery_project_value", "colour"},
        {"bigquery_schema_file", "/does/not/exist"},
        {"bigquery_schema_file", blank.path()},
        {"bigquery_base_url", "secret"},
        {"bigquery_connect_to", "secret"},
        {"google_metadata_url", "secret"},
    };
    for (const auto& entry : cases) {
        RawSettings settings = with_bigquery();
        settings[entry.first] = {entry.second, "there"};
        const std::string error = error_of(settings);
        EXPECT_TRUE(error.starts_with("there: " + entry.first)) << entry.second << ": " << error;
        EXPECT_EQ(error.find("secret"), std::string::npos) << error;
    }
}

TEST(WorkerSettings, InDevelopmentModeOpenAiIsNotAsked) {
    RawSettings settings = with_keys({"openai", "gemini"});
    settings["stub_openai"] = {"true", "test"};
    const RawSettings layers[] = {settings};
    EXPECT_FALSE(make_settings(layers).active("openai"));
    EXPECT_EQ(make_settings(layers).providers_of("merger"), (Names{"gemini", "embedded"}));
}

TEST(WorkerSettings, AKeyFileHoldsOneKey) {
    const TempFile good("sk-secret-1\n");
    const RawSettings layers[] = {{{"openai_api_key_file", {good.path(), "there"}}}};
    EXPECT_EQ(make_settings(layers).openai.api_key, "sk-secret-1");
    const TempFile empty(" \n");
    const TempFile two("sk-secret-1\nsk-secret-2\n");
    const TempFile large(std::string(5000, 'x'));
    const std::pair<std::string, std::string> cases[] = {
        {empty.path(), "holds no key"},
        {two.path(), "holds no key on one line"},
        {large.path(), "larger than a key"},
        {"/does/not/exist", "cannot be read"},
    };
    for (const auto& entry : cases) {
        const std::string error = error_of({{"openai_api_key_file", {entry.first, "there"}}});
        EXPECT_NE(error.find("there: openai_api_key_file names " + entry.first), std::string::npos)
            << error;
        EXPECT_NE(error.find(entry.second), std::string::npos) << error;
        EXPECT_EQ(error.find("secret"), std::string::npos) << error;
    }
    EXPECT_NE(error_of({{"openai_api_key_file", {good.path(), "there"}},
                        {"openai_api_key", {"sk-secret-3", "here"}}})
                  .find("both given"),
              std::string::npos);
}

TEST(WorkerSettings, ProviderErrorsHoldNoSecret) {
    const std::pair<std::string, std::string> cases[] = {
        {"openai_api_key", "two secret words"},     {"openai_api_key", "secret\r\nX: y"},
        {"openai_base_url", "https://a:secret@b"},  {"openai_base_url", "secret"},
        {"openai_base_url", "https://b/?k=secret"}, {"openai_base_url", "https://"},
        {"provider_proxy", "socks5://a:secret@b"},  {"provider_ca_file", "/does/not/exist"},
        {"anthropic_api_key", "two secret words"},  {"gemini_api_key", "secret\x7F"},
        {"anthropic_base_url", "secret"},           {"gemini_proxy", "socks5://a:secret@b"},
        {"openai_ca_file", "/does/not/exist"},      {"openai_connect_to", "secret"},
        {"gemini_model", "a?key=secret"},           {"anthropic_version", "1\r\nsecret: y"},
    };
    for (const auto& entry : cases) {
        const std::string error = error_of({{entry.first, {entry.second, "there"}}});
        EXPECT_TRUE(error.starts_with("there: " + entry.first)) << error;
        EXPECT_EQ(error.find("secret"), std::string::npos) << error;
    }
    EXPECT_NE(error_of({{"openai_api_key", {"k", "test"}}, {"openai_model", {"", "there"}}})
                  .find("there: openai_model"),
              std::string::npos);
}

TEST(WorkerSettings, PowerBiNeedsItsSchemaItsApplicationAndAModel) {
    const TempFile schema(R"({"tables":[{"name":"P","columns":[{"name":"Code"}]}]})");
    const TempFile secret("s3~cret\n");
    const RawSettings good = {{"powerbi_dataset", {"d-1", "there"}},
                              {"powerbi_schema_file", {schema.path(), "there"}},
                              {"powerbi_project_column", {"'P'[Code]", "there"}},
                              {"entra_tenant", {"contoso.example", "there"}},
                              {"entra_client_id", {"app-1", "there"}},
                              {"entra_client_secret_file", {secret.path(), "there"}},
                              {"openai_api_key", {"k", "there"}},
                              {"anthropic_api_key", {"k", "there"}}};
    const RawSettings layers[] = {good};
    const Settings settings = make_settings(layers);
    EXPECT_TRUE(settings.powerbi_active());
    EXPECT_EQ(settings.entra.client_secret, "s3~cret");
    EXPECT_EQ(settings.providers_of("dax_writer"),
              (std::vector<std::string>{"anthropic", "openai"}));
    EXPECT_FALSE(make_settings({}).powerbi_active());
    EXPECT_TRUE(make_settings({}).providers_of("dax_writer").empty());
    const std::pair<std::string, std::string> cases[] = {
        {"powerbi_dataset", "a/b"},
        {"powerbi_workspace", "a b"},
        {"powerbi_schema_file", ""},
        {"powerbi_schema_file", "/does/not/exist"},
        {"powerbi_schema_file", secret.path()},
        {"powerbi_project_column", "Code"},
        {"powerbi_project_column", "P[Other]"},
        {"powerbi_project_value", "colour"},
        {"powerbi_base_url", "secret"},
        {"powerbi_api_path", "v1.0"},
        {"entra_tenant", ""},
        {"entra_tenant", "a/b"},
        {"entra_client_id", ""},
        {"entra_client_secret", "s3~cret"},
        {"entra_authority", "login.example"},
        {"entra_scope", "all"},
        {"dax_writer", "embedded"},
        {"dax_writer", "gemini"},
    };
    for (const auto& [key, value] : cases) {
        RawSettings bad = good;
        bad[key] = {value, "there"};
        const std::string error = error_of(bad);
        EXPECT_TRUE(error.starts_with("there: " + key) ||
                    error.starts_with("there: entra_client_secret_file"))
            << key << ": " << error;
        EXPECT_EQ(error.find("s3~cret"), std::string::npos);
    }
    RawSettings alone = good;
    alone.erase("openai_api_key");
    alone.erase("anthropic_api_key");
    EXPECT_NE(error_of(alone).find("needs a language model"), std::string::npos);
    const char* const environment[] = {"AZURE_TENANT_ID=t", "AZURE_CLIENT_ID=c",
                                       "AZURE_CLIENT_SECRET=not a secret", "AZURE_AUTHORITY_HOST=x",
                                       nullptr};
    const RawSettings others[] = {read_environment(environment)};
    EXPECT_EQ(make_settings(others).entra.tenant, "t") << "checked when Power BI is set up alone";
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
