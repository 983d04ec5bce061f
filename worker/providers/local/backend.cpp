#include "worker/providers/local/embedded.h"

namespace mr::local {

std::shared_ptr<Backend> open_backend(const std::filesystem::path& data_dir, unsigned threads) {
    DemoDatabase database = open_demo_database(data_dir / "demo.db");
    Vocabulary vocabulary = [&] {
        sqlite::Database connection = database.connect();
        return load_vocabulary(connection);
    }();
    return std::make_shared<Backend>(std::move(database), std::move(vocabulary), threads);
}

} // namespace mr::local
