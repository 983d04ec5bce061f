#include "worker/voice/onnx/runtime.h"

#include <array>
#include <memory>
#include <utility>

namespace mr::voice::onnx {
namespace {

constexpr size_t kMaxTensors = 64; // of a run, on each side

template <typename Options> struct Release {
    void (*function)(Options*);
    void operator()(Options* options) const { function(options); }
};
template <typename Options> using Owned = std::unique_ptr<Options, Release<Options>>;

// One run takes one thread, the caller's; no other is started, and none spins. The library's own
// arena makes a run three times as fast as malloc would. A plan of memory for each length of sound
// that was ever seen, on the other hand, would never end.
Owned<OrtSessionOptions> session_options(const Runtime& runtime) {
    const OrtApi& api = runtime.api();
    const std::string doing = "preparing a model";
    OrtSessionOptions* made = nullptr;
    runtime.check(api.CreateSessionOptions(&made), doing);
    Owned<OrtSessionOptions> options(made, {api.ReleaseSessionOptions});
    runtime.check(api.SetIntraOpNumThreads(made, 1), doing);
    runtime.check(api.SetInterOpNumThreads(made, 1), doing);
    runtime.check(api.SetSessionGraphOptimizationLevel(made, kOptimiseAll), doing);
    runtime.check(api.SetSessionLogSeverityLevel(made, kLogFatal), doing);
    runtime.check(api.DisableMemPattern(made), doing);
    for (const auto& [key, value] : {
             std::pair("session.intra_op.allow_spinning", "0"),
             std::pair("session.inter_op.allow_spinning", "0"),
             std::pair("session.use_device_allocator_for_initializers", "1"),
         }) {
        runtime.check(api.AddSessionConfigEntry(made, key, value), doing);
    }
    return options;
}

Owned<OrtRunOptions> run_options(const Runtime& runtime, Model::Memory memory) {
    const OrtApi& api = runtime.api();
    if (memory == Model::Memory::keep) {
        return {nullptr, {api.ReleaseRunOptions}};
    }
    OrtRunOptions* made = nullptr;
    runtime.check(api.CreateRunOptions(&made), "preparing a run");
    Owned<OrtRunOptions> options(made, {api.ReleaseRunOptions});
    runtime.check(api.AddRunConfigEntry(made, "memory.enable_memory_arena_shrinkage", "cpu:0"),
                  "preparing a run");
    return options;
}

} // namespace

Model::Model(std::shared_ptr<const Runtime> runtime, const std::filesystem::path& file)
    : runtime_(std::move(runtime)), file_(file) {
    require_file(file);
    const OrtApi& api = runtime_->api();
    const auto options = session_options(*runtime_);
    OrtStatus* status = api.CreateSession(runtime_->env(), file.c_str(), options.get(), &session_);
    if (status != nullptr) {
        const std::string why = api.GetErrorMessage(status);
        api.ReleaseStatus(status);
        throw Error(file.string() + " is no model that can be loaded: " + why +
                    "; ./mr run fetches it anew once it is removed");
    }
    OrtStatus* first = api.SessionGetInputCount(session_, &inputs_);
    OrtStatus* second = api.SessionGetOutputCount(session_, &outputs_);
    if (first != nullptr || second != nullptr) {
        api.ReleaseStatus(first);
        api.ReleaseStatus(second);
        api.ReleaseSession(session_);
        throw Error(file.string() + ": its inputs and outputs cannot be read");
    }
}

Model::~Model() {
    runtime_->api().ReleaseSession(session_);
}

void Model::expect(size_t inputs, size_t outputs) const {
    if (inputs_ != inputs || outputs_ != outputs) {
        throw Error(file_.string() + " is another model: it has " + std::to_string(inputs_) +
                    " inputs and " + std::to_string(outputs_) + " outputs, not " +
                    std::to_string(inputs) + " and " + std::to_string(outputs));
    }
}

void Model::run(std::span<const Input> inputs, std::span<const Output> outputs,
                Memory memory) const {
    if (inputs.size() > kMaxTensors || outputs.size() > kMaxTensors) {
        throw Error(file_.string() + ": more than " + std::to_string(kMaxTensors) + " tensors");
    }
    std::array<const char*, kMaxTensors> in_names;
    std::array<const OrtValue*, kMaxTensors> in;
    std::array<const char*, kMaxTensors> out_names;
    std::array<OrtValue*, kMaxTensors> out;
    for (size_t i = 0; i < inputs.size(); ++i) {
        in_names[i] = inputs[i].name;
        in[i] = inputs[i].value->value_;
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
        out_names[i] = outputs[i].name;
        out[i] = outputs[i].value->value_;
    }
    const auto options = run_options(*runtime_, memory);
    runtime_->check(runtime_->api().Run(session_, options.get(), in_names.data(), in.data(),
                                        inputs.size(), out_names.data(), outputs.size(),
                                        out.data()),
                    "running " + file_.filename().string());
    for (size_t i = 0; i < outputs.size(); ++i) {
        if (!*outputs[i].value) {
            *outputs[i].value = Value(*runtime_, out[i]);
        }
    }
}

} // namespace mr::voice::onnx
