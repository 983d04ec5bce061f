// The embedded default of every provider: the demo company in SQLite, no key, no network. They
// share one backend (database threads, vocabulary) and keep no state of any question.
#pragma once

#include "worker/providers/interfaces.h"
#include "worker/providers/local/sqlite_pool.h"
#include "worker/providers/local/vocabulary.h"

#include <filesystem>
#include <memory>

namespace mr::local {

struct Backend {
    Backend(DemoDatabase database, Vocabulary names, unsigned threads)
        : vocabulary(std::move(names)), pool(std::move(database), threads) {}

    const Vocabulary vocabulary;
    SqlitePool pool;
};

// Opens or makes the database under `data_dir` (blocking).
std::shared_ptr<Backend> open_backend(const std::filesystem::path& data_dir, unsigned threads);

std::unique_ptr<ProjectExtractor> make_extractor(std::shared_ptr<Backend> backend);
std::unique_ptr<ProjectDirectory> make_directory(std::shared_ptr<Backend> backend);
std::unique_ptr<Router> make_router(std::shared_ptr<Backend> backend);
std::unique_ptr<SqlWriter> make_sql_writer(std::shared_ptr<Backend> backend);
std::unique_ptr<SqlEngine> make_sql_engine(std::shared_ptr<Backend> backend);
std::unique_ptr<DocumentSearch> make_document_search(std::shared_ptr<Backend> backend);
std::unique_ptr<CrmSearch> make_crm_search(std::shared_ptr<Backend> backend);
std::unique_ptr<Merger> make_merger();
// 0 tokens per second: as fast as it goes.
std::unique_ptr<Responder> make_responder(std::shared_ptr<Backend> backend,
                                          unsigned tokens_per_second);
// The development-mode answer of the original protocol.
std::unique_ptr<Responder> make_stub_responder(unsigned tokens_per_second);

// Sends `text` word by word at the pace, continuing behind `delivered`.
Task<void> stream_words(std::string text, std::string_view delivered, const TextSink& sink,
                        unsigned tokens_per_second);

} // namespace mr::local
