// The tasks a turn needs done, one interface each. Embedded and external providers implement them
// interchangeably, in any mixture; the pipeline knows nothing else of them.
//
// Rules for every call:
// - it honours Asio cancellation (terminal) promptly: cancelled = throws operation_aborted;
// - it ends by CallContext::deadline on its own, with ProviderError{timeout};
// - arguments are references that the caller keeps alive until the call has completed;
// - a failure is a ProviderError whose message may be shown to the user; anything else thrown is
//   treated as internal and never shown.
#pragma once

#include "worker/providers/types.h"

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mr {

template <typename T> using Task = boost::asio::awaitable<T>;

enum class ProviderFault : unsigned char {
    timeout,
    unavailable,
    rate_limited,
    bad_request, // the request cannot be served as it is: no retry helps
    bad_reply,
    filter, // the project filter cannot be applied: never answered by a wider query
};

std::string_view provider_fault_name(ProviderFault fault) noexcept;

class ProviderError : public std::runtime_error {
  public:
    ProviderError(ProviderFault fault, const std::string& safe_message)
        : std::runtime_error(safe_message), fault_(fault) {}
    ProviderFault fault() const noexcept { return fault_; }
    bool retryable() const noexcept {
        return fault_ == ProviderFault::timeout || fault_ == ProviderFault::unavailable ||
               fault_ == ProviderFault::rate_limited;
    }

  private:
    ProviderFault fault_;
};

// A query that an engine does not run as it is worded: another wording may be run. `reason` is for
// the writer of queries alone: it may name columns, tables and limits, and is never shown to a
// user.
class QueryRefused : public ProviderError {
  public:
    QueryRefused(ProviderFault fault, const std::string& safe_message, std::string reason)
        : ProviderError(fault, safe_message), reason_(std::move(reason)) {}
    const std::string& reason() const noexcept { return reason_; }

  private:
    std::string reason_;
};

// Given to every call; lives in the caller's frame.
struct CallContext {
    SteadyTime deadline;
    std::string traceparent;
    // Names this step of this turn, the same in every attempt: the idempotency key of whatever has
    // a side effect or a bill.
    std::string step;
    // False: another worker may own the turn by now. To be asked right before anything with a side
    // effect or a bill is sent. May be empty.
    std::function<bool()> owned;
    // Text only: until what has been said is mostly on its way to its readers; and whether it is
    // already. May be empty.
    std::function<Task<void>()> wait_room;
    std::function<bool()> has_room;

    // Filled by the provider.
    std::vector<Usage> usage;
    int attempts = 1;
};

class ProjectExtractor {
  public:
    virtual ~ProjectExtractor() = default;
    virtual Task<ProjectMentions> extract(const Question& question, CallContext& call) = 0;
};

class ProjectDirectory {
  public:
    virtual ~ProjectDirectory() = default;
    // One match per name, in the same order.
    virtual Task<std::vector<ProjectMatch>> lookup(const std::vector<std::string>& names,
                                                   CallContext& call) = 0;
};

class Router {
  public:
    virtual ~Router() = default;
    virtual Task<RoutePlan> route(const Question& question, const ProjectScope& scope,
                                  CallContext& call) = 0;
};

// Which language an engine's queries are written in.
enum class SqlDialect : unsigned char { sqlite, bigquery, dax };

// A query that came back (QueryRefused), to be written anew.
struct RefusedQuery {
    std::string sql;
    std::string reason;
};

struct SqlRequest {
    const Question& question;
    const ProjectScope& scope;
    std::string input;  // ToolCall::input
    std::string schema; // SqlEngine::schema()
    SqlDialect dialect = SqlDialect::sqlite;
    std::optional<RefusedQuery> refused; // null: the first writing
};

class SqlWriter {
  public:
    virtual ~SqlWriter() = default;
    virtual Task<SqlQuery> write(const SqlRequest& request, CallContext& call) = 0;
};

class SqlEngine {
  public:
    virtual ~SqlEngine() = default;
    virtual SqlDialect dialect() const = 0;
    // The described schema a writer works from. May be read from the engine first.
    virtual Task<std::string> schema(CallContext& call) = 0;
    // Validates, confines to the projects in scope, runs. A query that cannot be confined is
    // ProviderError{filter}; one that another wording may help is QueryRefused.
    virtual Task<SqlTable> run(const SqlQuery& query, const ProjectScope& scope,
                               CallContext& call) = 0;
};

class DocumentSearch {
  public:
    virtual ~DocumentSearch() = default;
    virtual Task<DocumentHits> search(const Question& question, const std::string& input,
                                      const ProjectScope& scope, CallContext& call) = 0;
};

class CrmSearch {
  public:
    virtual ~CrmSearch() = default;
    virtual Task<CrmHits> search(const Question& question, const std::string& input,
                                 const ProjectScope& scope, CallContext& call) = 0;
};

struct MergeRequest {
    const Question& question;
    const ProjectScope& scope;
    const std::vector<ToolFinding>& findings;
};

class Merger {
  public:
    virtual ~Merger() = default;
    virtual Task<MergedFindings> merge(const MergeRequest& request, CallContext& call) = 0;
};

struct AnswerRequest {
    const Question& question;
    const ProjectScope& scope;
    const RoutePlan& plan;
    const std::vector<ToolFinding>& findings;
    const MergedFindings& merged;
    const std::vector<Source>& sources; // cited as [1], [2], ... in this order
    std::string_view delivered;         // already sent by an earlier owner: continue behind it
};

// Whole code points, never empty.
using TextSink = std::function<void(std::string_view piece)>;

class Responder {
  public:
    virtual ~Responder() = default;
    virtual Task<void> respond(const AnswerRequest& request, const TextSink& sink,
                               CallContext& call) = 0;
};

} // namespace mr
