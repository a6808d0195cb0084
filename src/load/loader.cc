#include "load/loader.h"

#include "load/engine.h"

namespace coldload::load {

Loader::Loader(const Options& options)
    : Loader(options, [](std::unique_ptr<Io> io) { return io; }) {}

Loader::Loader(const Options& options, const WrapIo& wrap)
    : engine_(std::make_shared<Engine>(options, wrap)) {
  // The threads own the engine too: one that is stuck in the kernel is left behind with it.
  crew_ = os::Crew(engine_->threads(), [engine = engine_](unsigned i) { engine->serve(i); });
}

Loader::~Loader() {
  if (!engine_->close(crew_)) crew_.leave_behind();
}

void Loader::prepare() { engine_->prepare(); }

Result Loader::load(const std::vector<Shard>& shards, const Progress& progress) {
  return engine_->load(shards, progress);
}

void Loader::stop() noexcept { engine_->stop(); }

void Loader::look_again() noexcept { engine_->look_again(); }

}  // namespace coldload::load
