// Settings of providers of data: which of them are asked, where, and what must not be given.
#include "worker/settings_data.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace mr {
namespace {

RawSettings raw(const std::vector<std::pair<std::string, std::string>>& values) {
    RawSettings out;
    for (const auto& [key, value] : values) {
        out[key] = {value, "there"};
    }
    return out;
}

Settings made(const std::vector<std::pair<std::string, std::string>>& values) {
    const RawSettings layers[] = {raw(values)};
    return make_settings(layers);
}

std::string error_of(const std::vector<std::pair<std::string, std::string>>& values) {
    try {
        made(values);
    } catch (const SettingsError& error) {
        return error.what();
    }
    return "";
}

TEST(DataSettings, WithoutAnyNothingIsAsked) {
    ServiceSettings services;
    set_data_providers(made({}), services);
    EXPECT_FALSE(services.hubspot);
    EXPECT_FALSE(services.vertex_search);
}

TEST(DataSettings, HubSpotsKeyMayStandInAFile) {
    char path[] = "/tmp/mr-hubspot-XXXXXX";
    const int fd = mkstemp(path);
    EXPECT_EQ(::write(fd, "pat-sesame\n", 11), 11);
    close(fd);
    ServiceSettings services;
    set_data_providers(made({{"hubspot_api_key_file", path}}), services);
    ASSERT_TRUE(services.hubspot);
    EXPECT_EQ(services.hubspot->api_key, "pat-sesame");
    const std::string both =
        error_of({{"hubspot_api_key_file", path}, {"hubspot_api_key", "pat-sesame-2"}});
    EXPECT_NE(both.find("both given"), std::string::npos) << both;
    EXPECT_EQ(both.find("sesame"), std::string::npos) << both;
    std::remove(path);
}

TEST(DataSettings, AnAppOfVertexAiSearchHasItsPlace) {
    const auto url_of = [](std::vector<std::pair<std::string, std::string>> values) {
        values.emplace_back("vertex_search_project", "p-1");
        const Settings settings = made(values);
        EXPECT_TRUE(settings.vertex_search_active());
        return settings.vertex_search_url();
    };
    EXPECT_EQ(url_of({{"vertex_search_engine", "e"}}),
              "https://discoveryengine.googleapis.com/v1/projects/p-1/locations/global/collections/"
              "default_collection/engines/e/servingConfigs/default_search");
    EXPECT_EQ(url_of({{"vertex_search_data_store", "d"}, {"vertex_search_location", "eu"}}),
              "https://eu-discoveryengine.googleapis.com/v1/projects/p-1/locations/eu/collections/"
              "default_collection/dataStores/d/servingConfigs/default_config");
    EXPECT_EQ(url_of({{"vertex_search_engine", "e"},
                      {"vertex_search_location", "us"},
                      {"vertex_search_collection", "c"},
                      {"vertex_search_serving_config", "s"},
                      {"vertex_search_base_url", "http://127.0.0.1:1/v1alpha/"}}),
              "http://127.0.0.1:1/v1alpha/projects/p-1/locations/us/collections/c/engines/e/"
              "servingConfigs/s");
}

TEST(DataSettings, VertexAiSearchGetsWhatIsSet) {
    ServiceSettings services;
    set_data_providers(made({{"vertex_search_engine", "e"},
                             {"vertex_search_project", "p-1"},
                             {"vertex_search_summary", "false"},
                             {"vertex_search_query_expansion", "off"},
                             {"vertex_search_storage_url", "none"},
                             {"vertex_search_timeout", "7s"},
                             {"google_token_url", "http://127.0.0.1:1/token"}}),
                       services);
    ASSERT_TRUE(services.vertex_search);
    const vertex_search::Options& options = services.vertex_search->options;
    EXPECT_FALSE(options.summary);
    EXPECT_FALSE(options.expand_query);
    EXPECT_TRUE(options.correct_spelling);
    EXPECT_EQ(options.storage_url, "");
    EXPECT_EQ(options.project_value, "code");
    EXPECT_EQ(services.limits.documents_timeout, std::chrono::seconds(7));
    EXPECT_EQ(services.vertex_search->access.token_url, "http://127.0.0.1:1/token");
}

TEST(DataSettings, WhatCannotWorkIsRefusedByItsName) {
    const std::vector<std::pair<std::string, std::string>> kVertex = {
        {"vertex_search_engine", "e"}, {"vertex_search_project", "p-1"}};
    const std::pair<std::string, std::string> wrong[] = {
        {"vertex_search_project", ""},
        {"vertex_search_location", ""},
        {"vertex_search_collection", "a/b"},
        {"vertex_search_engine", "e?x"},
        {"vertex_search_data_store", "d"},
        {"vertex_search_project_field", "a b"},
        {"vertex_search_user_project", "a\r\nX: y"},
        {"vertex_search_project_value", "number"},
        {"vertex_search_query_expansion", "on"},
        {"vertex_search_spell_correction", "no"},
        {"vertex_search_storage_url", "gs://x"},
        {"vertex_search_page_size", "0"},
        {"vertex_search_base_url", "ftp://x"},
        {"google_credentials_file", "/does/not/exist"},
        {"hubspot_project_object", "deals"},
        {"hubspot_project_object", "a/b"},
        {"hubspot_associations_path", "crm"},
        {"hubspot_max_records", "1001"},
        {"hubspot_project_value", "number"},
    };
    for (const auto& entry : wrong) {
        std::vector<std::pair<std::string, std::string>> values;
        for (const auto& one : kVertex) {
            if (one.first != entry.first) {
                values.push_back(one);
            }
        }
        values.push_back(entry);
        const std::string error = error_of(values);
        EXPECT_TRUE(error.starts_with("there: " + entry.first)) << entry.first << ": " << error;
    }
    EXPECT_EQ(error_of({{"hubspot_project_object", "deals"}, {"hubspot_project_property", "p"}}),
              "");
}

} // namespace
} // namespace mr
