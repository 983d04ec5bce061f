// The proper names the company's data knows: vendors, clients, cities, people, trades and so on,
// and the projects with their aliases. Read once at start, never changed. Finds nothing by itself:
// see project_index.h and intent_filters.cpp.
#pragma once

#include "worker/data/sqlite.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mr::local {

// What a name stands for; also the name of the filter or grouping it makes (catalogue.h).
inline constexpr std::string_view kFieldVendor = "vendor";
inline constexpr std::string_view kFieldClient = "client";
inline constexpr std::string_view kFieldCity = "city";
inline constexpr std::string_view kFieldState = "state";
inline constexpr std::string_view kFieldType = "type";
inline constexpr std::string_view kFieldManager = "manager";
inline constexpr std::string_view kFieldSuperintendent = "superintendent";
inline constexpr std::string_view kFieldTrade = "trade";
inline constexpr std::string_view kFieldInspectionKind = "inspection_kind";
inline constexpr std::string_view kFieldInspector = "inspector";
inline constexpr std::string_view kFieldCrew = "crew";
inline constexpr std::string_view kFieldReason = "reason";
inline constexpr std::string_view kFieldCompany = "company"; // in the CRM, client or not
inline constexpr std::string_view kFieldContact = "contact";
inline constexpr std::string_view kFieldOwner = "owner"; // account manager

struct Term {
    std::string_view field;
    std::string value;              // as in the data
    std::vector<std::string> words; // folded
};

struct ProjectRow {
    std::int64_t id = 0;
    std::string name;
    std::string code;
    std::string client;
};

struct Alias {
    std::size_t project; // index in projects
    std::string alias;
    std::string kind;
    std::vector<std::string> words; // folded, without "the"
};

struct Vocabulary {
    std::string today; // ISO date all relative times refer to
    std::string company;
    std::vector<ProjectRow> projects;
    std::vector<Alias> aliases; // of the kinds by which a project is named, not client or place
    std::vector<Term> terms;    // longest first
};

// Nothing that has no word in it.
void add_alias(Vocabulary& vocabulary, std::size_t project, std::string alias, std::string kind);

Vocabulary load_vocabulary(sqlite::Database& database);

} // namespace mr::local
