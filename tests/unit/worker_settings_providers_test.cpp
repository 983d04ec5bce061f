// Settings of external providers: who is asked, who does what, and what is wrong with them.
#include "tests/unit/worker_settings_support.h"
#include "worker/settings_voice.h"

#include <fstream>

namespace mr {
namespace {

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
        {large.path(), "larger than 4096 bytes"},
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
        {"deepgram_proxy", "socks5://a:secret@b"},
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

TEST(WorkerSettings, WebSocketsGoThroughTheProvidersProxy) {
    const RawSettings all = {{"provider_proxy", {"http://p:1", "there"}},
                             {"deepgram_api_key", {"k", "test"}},
                             {"elevenlabs_api_key", {"k", "test"}},
                             {"elevenlabs_socket", {"true", "test"}}};
    const auto options = [](const RawSettings& layer) {
        const RawSettings layers[] = {layer};
        return engine_options(make_settings(layers));
    };
    EXPECT_EQ(options(all).deepgram->proxy, "http://p:1");
    EXPECT_EQ(options(all).elevenlabs->endpoint.proxy, "http://p:1");
    RawSettings own = all;
    own["deepgram_proxy"] = {"http://d:2", "here"};
    own["elevenlabs_proxy"] = {"http://e:3", "here"};
    EXPECT_EQ(options(own).deepgram->proxy, "http://d:2");
    EXPECT_EQ(options(own).elevenlabs->endpoint.proxy, "http://e:3");
    RawSettings encrypted = own;
    encrypted["deepgram_proxy"] = {"https://d:2", "here"};
    EXPECT_TRUE(error_of(encrypted).starts_with("here: deepgram_proxy"));
    encrypted["recogniser"] = {"stub", "here"}; // then it is not asked
    EXPECT_EQ(error_of(encrypted), "");
    encrypted = all;
    encrypted["provider_proxy"] = {"https://p:1", "there"};
    EXPECT_TRUE(error_of(encrypted).starts_with("there: provider_proxy"));
    encrypted["deepgram_proxy"] = own["deepgram_proxy"];
    EXPECT_NE(error_of(encrypted).find("set elevenlabs_proxy"), std::string::npos);
    encrypted["elevenlabs_socket"] = {"false", "test"};
    EXPECT_EQ(error_of(encrypted), "");
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

} // namespace
} // namespace mr
