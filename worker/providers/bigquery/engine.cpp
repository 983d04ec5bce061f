// A query's way: guard, dry run, run, poll, pages; and its end at BigQuery when nobody waits for it
// any more.
#include "worker/async.h"
#include "worker/log.h"
#include "worker/providers/bigquery/wire.h"
#include "worker/providers/remote_json.h"
#include "worker/tools/sql_guard.h"
#include "worker/tools/tool.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

namespace mr::bigquery {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

// What outlives the calls of a turn: a query that is left behind is cancelled by whoever has this.
struct Account {
    rest::Api api;
    Options options;

    // Throws ProviderError, QueryRefused where other words may help.
    Task<json> ask(rest::ApiCall wanted, CallContext& call) {
        std::string advice;
        rest::Judge judge = [this, &advice](const net::HttpResponse& response, int tried) {
            Verdict verdict = verdict_of(response, options, tried);
            advice = std::move(verdict.advice);
            return std::move(verdict.refusal);
        };
        json reply;
        try {
            reply = co_await api.call(std::move(wanted), std::move(judge), call);
        } catch (const ProviderError& error) {
            if (!advice.empty()) {
                throw QueryRefused(error.fault(), error.what(), advice);
            }
            throw;
        }
        co_return reply;
    }
};

Task<void> cancel_job(std::shared_ptr<Account> account, Job job) {
    CallContext call;
    call.deadline = Clock::now() + kCancelTime;
    rest::ApiCall wanted("cancel", "POST", cancel_path(job));
    try {
        co_await account->ask(std::move(wanted), call);
        log::info("a query was cancelled at BigQuery", {{"job", job.id}});
    } catch (const ProviderError& error) {
        log::warn("a query could not be cancelled at BigQuery: its own time limit ends it",
                  {{"job", job.id}, {"cause", error.what()}});
    }
}

// The request that begins a query. It is not broken off with its turn: only its reply says which
// job there is to cancel.
struct Start {
    // Whether somebody waits for it. Apart, for the request that asks may outlive all else.
    struct Interest {
        bool left = false;   // by the turn: nothing of its is to be touched any more
        bool cancel = false; // with `left`: nobody else is going to wait for it either
        std::function<bool()> owned;
    };

    std::shared_ptr<Account> account;
    std::shared_ptr<Interest> interest = std::make_shared<Interest>();
    std::string body;
    CallContext call;
    std::shared_ptr<Signal> signal;
    bool done = false;
    json reply;
    std::exception_ptr failure;
};

Task<void> run_start(std::shared_ptr<Start> start) {
    rest::ApiCall wanted("query", "POST", queries_path(start->account->options));
    wanted.body = start->body;
    try {
        start->reply = co_await start->account->ask(std::move(wanted), start->call);
    } catch (const std::exception&) {
        start->failure = std::current_exception();
    }
    start->done = true;
    start->signal->notify();
    if (!start->interest->cancel || start->failure ||
        member(start->reply, "jobComplete") == json(true)) {
        co_return;
    }
    Job job = job_of(start->reply, start->account->options);
    if (!job.id.empty()) {
        co_await cancel_job(start->account, std::move(job));
    }
}

// Owns a query while it runs. Whatever becomes of its turn, it does not run on for nobody. A turn
// that this worker has lost is not its own to cancel: the next one asks for the same job.
class Keeper {
  public:
    Keeper(std::shared_ptr<Start> start, asio::any_io_executor executor)
        : start_(std::move(start)), executor_(std::move(executor)) {}
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;
    ~Keeper() {
        Start::Interest& interest = *start_->interest;
        interest.cancel = !interest.owned || interest.owned();
        interest.left = true;
        interest.owned = nullptr;
        if (interest.cancel && !running_.id.empty()) {
            asio::co_spawn(executor_, cancel_job(start_->account, std::move(running_)),
                           asio::detached);
        }
    }
    void runs(const Job& job) { running_ = job; }
    void ended() { running_.id.clear(); }

  private:
    std::shared_ptr<Start> start_;
    asio::any_io_executor executor_;
    Job running_; // without an id: none
};

class BigQueryEngine final : public SqlEngine {
  public:
    explicit BigQueryEngine(std::shared_ptr<Account> account) : account_(std::move(account)) {}

    SqlDialect dialect() const override { return SqlDialect::bigquery; }

    Task<std::string> schema(CallContext& call) override {
        if (account_->options.schema.empty() && Clock::now() >= schema_ends_) {
            std::string read = co_await read_schema(call);
            schema_ = std::move(read);
            schema_ends_ = Clock::now() + kSchemaKept;
        }
        co_return account_->options.schema.empty() ? schema_ : account_->options.schema;
    }

    Task<SqlTable> run(const SqlQuery& query, const ProjectScope& scope,
                       CallContext& call) override {
        const Options& options = account_->options;
        const std::vector<std::string> projects = project_values(scope, options);
        const Guarded guarded = guard_query(query.sql, options.tables, !projects.empty());
        rest::ApiCall dry("dry_run", "POST", jobs_path(options));
        dry.body = rest::body_text(dry_run_body(guarded, projects, options));
        const json proof = co_await account_->ask(std::move(dry), call);
        check_dry_run(proof, guarded, options);
        const std::string body = rest::body_text(query_body(guarded, projects, call.step, options));
        SqlTable table = co_await run_proved(body, call);
        co_return table;
    }

  private:
    Task<SqlTable> run_proved(std::string body, CallContext& call) {
        const auto executor = co_await asio::this_coro::executor;
        const auto start = std::make_shared<Start>();
        start->account = account_;
        start->body = std::move(body);
        start->signal = std::make_shared<Signal>(executor);
        start->call.deadline = call.deadline + kCancelTime;
        start->call.traceparent = call.traceparent;
        start->call.step = call.step;
        start->interest->owned = call.owned;
        start->call.owned = [interest = start->interest] {
            return !interest->left && (!interest->owned || interest->owned());
        };
        Keeper keeper(start, executor);
        asio::co_spawn(executor, run_start(start), asio::detached);
        co_await wait_for(*start, call);
        call.attempts += start->call.attempts - 1;
        if (start->failure) {
            std::rethrow_exception(start->failure);
        }
        json reply = std::move(start->reply);
        const Job job = job_of(reply, account_->options);
        const bool runs = member(reply, "jobComplete") != json(true);
        if (runs) {
            keeper.runs(job);
            try {
                co_await poll(job, reply, call);
            } catch (const QueryRefused&) { // BigQuery has ended it
                keeper.ended();
                throw;
            }
            keeper.ended();
        }
        SqlTable table = co_await read_pages(job, std::move(reply), call);
        co_return table;
    }

    static Task<void> wait_for(Start& start, const CallContext& call) {
        while (!start.done) {
            const auto rest = call.deadline - Clock::now();
            if (rest <= Clock::duration::zero()) {
                throw ProviderError(ProviderFault::timeout, "the query took too long");
            }
            co_await start.signal->wait_for(rest);
        }
    }

    // Until the query has ended. BigQuery itself waits a while before it says that it has not.
    Task<void> poll(const Job& job, json& reply, CallContext& call) {
        if (job.id.empty()) {
            throw ProviderError(ProviderFault::bad_reply, "BigQuery's reply cannot be read");
        }
        std::chrono::milliseconds pause = kFirstPoll;
        for (std::size_t polls = 0; member(reply, "jobComplete") != json(true); ++polls) {
            if (polls == kMaxPolls || Clock::now() + pause >= call.deadline) {
                throw ProviderError(ProviderFault::timeout, "the query took too long");
            }
            co_await sleep_for(pause);
            pause = std::min(pause * 2, kPollPause);
            rest::ApiCall wanted("poll", "GET", results_path(job, "", account_->options));
            json next = co_await account_->ask(std::move(wanted), call);
            reply = std::move(next);
        }
    }

    Task<SqlTable> read_pages(const Job& job, json reply, CallContext& call) {
        SqlTable table;
        std::size_t bytes = 0;
        for (std::size_t pages = 1;; ++pages) {
            const bool room = read_page(reply, table, bytes);
            const std::string token = text_of(member(reply, "pageToken"));
            if (!room || token.empty()) {
                break;
            }
            if (pages == kMaxPages || table.rows.size() >= kMaxSqlRows || job.id.empty()) {
                table.truncated = true;
                break;
            }
            rest::ApiCall wanted("page", "GET", results_path(job, token, account_->options));
            json next = co_await account_->ask(std::move(wanted), call);
            reply = std::move(next);
        }
        co_return table;
    }

    Task<std::string> read_schema(CallContext& call) {
        std::string out;
        for (const Table& table : account_->options.tables.readable) {
            rest::ApiCall wanted("table", "GET", table_path(table));
            const json reply = co_await account_->ask(std::move(wanted), call);
            out += described(reply, table);
        }
        co_return clipped(out, kMaxSchemaBytes);
    }

    std::shared_ptr<Account> account_;
    std::string schema_;
    Clock::time_point schema_ends_ = Clock::time_point::min();
};

} // namespace

std::unique_ptr<SqlEngine> make_sql_engine(std::shared_ptr<net::HttpClient> http,
                                           std::shared_ptr<Credential> credential,
                                           Options options) {
    rest::Api api(std::move(http), std::move(credential), api_options(options));
    return std::make_unique<BigQueryEngine>(
        std::make_shared<Account>(Account{std::move(api), std::move(options)}));
}

} // namespace mr::bigquery
