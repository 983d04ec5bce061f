#include "worker/providers/citations.h"
#include "worker/providers/evidence.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/vertex_search/wire.h"

#include <algorithm>

namespace mr::vertex_search {
namespace {

using nlohmann::json;

constexpr std::size_t kIsoDateBytes = 10;
constexpr std::string_view kStorageScheme = "gs://";

// Of a text, a number, or a list of them.
std::vector<std::string> values_of(const json& value) {
    std::vector<std::string> values;
    const auto add = [&values](const json& one) {
        if (one.is_string()) {
            values.push_back(one.get<std::string>());
        } else if (one.is_number_integer()) {
            values.push_back(one.dump());
        }
    };
    add(value);
    for (const json& one : items_of(value)) {
        add(one);
    }
    return values;
}

std::string first_text(const json& value) {
    const std::vector<std::string> values = values_of(value);
    return values.empty() ? std::string() : std::string(cut_text(values.front(), kMaxFieldBytes));
}

std::string last_part(const std::string& path) {
    return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

// What a browser can open, else nothing: a link is data that users click on.
std::string web_url(std::string url, const Options& options) {
    if (url.starts_with(kStorageScheme) && !options.storage_url.empty()) {
        url = options.storage_url + "/" + url.substr(kStorageScheme.size());
    }
    if ((!url.starts_with("https://") && !url.starts_with("http://")) ||
        url.size() > kMaxUrlBytes) {
        return {};
    }
    std::string out;
    for (const char c : url) {
        constexpr std::string_view kHex = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        const bool plain =
            byte > 0x20 && byte < 0x7F && c != '"' && c != '<' && c != '>' && c != '\\' && c != '`';
        if (plain) {
            out += c;
        } else {
            out += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
        }
    }
    return out;
}

std::string passage_in(const json& list, const char* part) {
    for (const json& one : items_of(list)) {
        const std::string status = text_of(member(one, "snippet_status"));
        const std::string text = plain_text(text_of(member(one, part)));
        if (!text.empty() && (status.empty() || status == "SUCCESS")) {
            return std::string(cut_text(text, kMaxSnippetBytes));
        }
    }
    return {};
}

// What the document says to the question: extracts say more than snippets.
std::string passage_of(const json& derived) {
    for (const char* extract : {"extractive_answers", "extractive_segments"}) {
        std::string text = passage_in(member(derived, extract), "content");
        if (!text.empty()) {
            return text;
        }
    }
    return passage_in(member(derived, "snippets"), "snippet");
}

std::string first_of(std::initializer_list<std::string> texts) {
    for (const std::string& text : texts) {
        if (!text.empty()) {
            return text;
        }
    }
    return {};
}

// The name of the project that the document is of.
std::string project_of(const json& structure, const Search& search, const Options& options) {
    if (options.project_field.empty()) {
        return {};
    }
    const std::vector<std::string> held =
        values_of(member(structure, options.project_field.c_str()));
    for (std::size_t i = 0; i < search.projects.size(); ++i) {
        if (std::find(held.begin(), held.end(), search.projects[i]) != held.end()) {
            return search.scope.projects[i].name;
        }
    }
    if (!search.projects.empty()) {
        throw ProviderError(ProviderFault::filter,
                            held.empty()
                                ? "the document search does not say whose project a document is of"
                                : "the document search did not keep to the project filter");
    }
    return held.empty() ? std::string() : std::string(cut_text(held.front(), kMaxFieldBytes));
}

Document read_document(const json& result, const Search& search, const Options& options) {
    const json& from = member(result, "document");
    const json& structure = member(from, "structData");
    const json& derived = member(from, "derivedStructData");
    const std::string link = text_of(member(derived, "link"));
    Document document;
    document.id = first_of({first_text(member(from, "id")), first_text(member(result, "id")),
                            last_part(first_text(member(from, "name")))});
    document.title =
        first_of({plain_text(first_text(member(derived, "title"))),
                  first_text(member(structure, "title")), last_part(link), document.id});
    document.title = std::string(cut_text(document.title, kMaxFieldBytes));
    document.url =
        first_of({web_url(text_of(member(structure, options.url_field.c_str())), options),
                  web_url(link, options)});
    document.snippet = passage_of(derived);
    document.kind = first_text(member(structure, options.kind_field.c_str()));
    document.date = first_text(member(structure, options.date_field.c_str()));
    if (document.date.size() > kIsoDateBytes && document.date[kIsoDateBytes] == 'T') {
        document.date.resize(kIsoDateBytes);
    }
    document.project = project_of(structure, search, options);
    return document;
}

// The place in `documents`, from 1; 0: it is none of them.
std::size_t place_of(const json& reference, const std::vector<Document>& documents) {
    const std::string id = last_part(text_of(member(reference, "document")));
    const std::string title = text_of(member(reference, "title"));
    for (std::size_t i = 0; i < documents.size(); ++i) {
        if (id.empty() ? !title.empty() && documents[i].title == title : documents[i].id == id) {
            return i + 1;
        }
    }
    return 0;
}

} // namespace

DocumentHits read_hits(const json& reply, const Search& search, const Options& options) {
    const json& results = member(reply, "results");
    if (!results.is_array() && !results.is_null()) {
        throw ProviderError(ProviderFault::bad_reply,
                            "the reply of the document search cannot be read");
    }
    DocumentHits hits;
    hits.query = search.query;
    for (const json& result : items_of(results)) {
        if (hits.documents.size() == options.page_size) {
            break; // more than was asked for
        }
        Document document = read_document(result, search, options);
        if (document.id.empty()) {
            document.id = "document-" + std::to_string(hits.documents.size() + 1);
        }
        hits.documents.push_back(std::move(document));
    }
    hits.total = std::max(count_of(member(reply, "totalSize")),
                          static_cast<std::int64_t>(hits.documents.size()));
    hits.summary = read_summary(reply, hits.documents, !search.projects.empty());
    return hits;
}

std::string read_summary(const json& reply, const std::vector<Document>& documents, bool filtered) {
    const json& summary = member(reply, "summary");
    const json& cited = member(summary, "summaryWithMetadata");
    if (documents.empty() || !items_of(member(summary, "summarySkippedReasons")).empty()) {
        return {}; // a skipped one may hold an apology instead
    }
    const std::string text =
        first_of({text_of(member(summary, "summaryText")), text_of(member(cited, "summary"))});
    std::vector<std::size_t> places;
    for (const json& reference : items_of(member(cited, "references"))) {
        places.push_back(place_of(reference, documents));
        if (filtered && places.back() == 0) {
            return {}; // it may be about another project
        }
    }
    const auto number_of = [&](std::size_t number) -> std::size_t {
        if (places.empty()) {
            return number <= documents.size() ? number : 0;
        }
        return number >= 1 && number <= places.size() ? places[number - 1] : 0;
    };
    return with_citations(cut_text(text, kMaxSummaryBytes), number_of);
}

} // namespace mr::vertex_search
