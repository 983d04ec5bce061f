#include "worker/log.h"
#include "worker/providers/evidence.h"
#include "worker/providers/vertex_search/wire.h"

#include <utility>

namespace mr::vertex_search {
namespace {

using nlohmann::json;

class VertexSearch final : public DocumentSearch {
  public:
    VertexSearch(rest::Api api, Options options)
        : api_(std::move(api)), options_(std::move(options)),
          extras_(options_.summary || options_.extracts > 0) {}

    Task<DocumentHits> search(const Question& question, const std::string& input,
                              const ProjectScope& scope, CallContext& call) override {
        const std::vector<std::string> projects = project_values(scope, options_);
        const std::string query(cut_text(input.empty() ? question.text : input, kMaxQueryBytes));
        Search wanted{query, scope, projects, extras_};
        json reply;
        bool extras_refused = false;
        try {
            reply = co_await ask(wanted, extras_refused, call);
        } catch (const ProviderError&) {
            if (!extras_refused || !wanted.extras) {
                throw;
            }
        }
        if (extras_refused && wanted.extras) {
            wanted.extras = false;
            reply = co_await ask(wanted, extras_refused, call);
            if (extras_) { // others may have found out meanwhile
                log::warn("the app has not the edition for summaries and extracts: left out from "
                          "now on",
                          {{"provider", "vertex_search"}});
            }
            extras_ = false;
        }
        DocumentHits hits = read_hits(reply, wanted, options_);
        co_return hits;
    }

  private:
    Task<json> ask(const Search& wanted, bool& extras_refused, CallContext& call) {
        rest::ApiCall request("search", "POST", ":search");
        request.body = rest::body_text(search_body(wanted, options_));
        const bool filtered = !wanted.projects.empty();
        rest::Judge judge = [this, filtered, &extras_refused](const net::HttpResponse& response,
                                                              int tried) {
            return refusal_of(response, options_, tried, filtered, extras_refused);
        };
        json reply = co_await api_.call(std::move(request), std::move(judge), call);
        extras_refused = false; // of an earlier try
        co_return reply;
    }

    rest::Api api_;
    Options options_;
    bool extras_; // a summary and extracts are asked for
};

} // namespace

std::unique_ptr<DocumentSearch> make_document_search(std::shared_ptr<net::HttpClient> http,
                                                     std::shared_ptr<Credential> credential,
                                                     Options options) {
    rest::ApiOptions api = rest::api_options("vertex_search", "the document search", options);
    if (!options.user_project.empty()) {
        api.headers.push_back("x-goog-user-project: " + options.user_project);
    }
    return std::make_unique<VertexSearch>(
        rest::Api(std::move(http), std::move(credential), std::move(api)), std::move(options));
}

} // namespace mr::vertex_search
