#include "load/loader.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "load/engine.h"

namespace coldload::load {

Loader::Loader(const Options& options)
    : Loader(options, [](std::unique_ptr<Io> io) { return io; }) {}

Loader::Loader(const Options& options, const WrapIo& wrap)
    : engine_(std::make_shared<Engine>(options, wrap)) {
  // Each thread owns the engine too: a thread that is stuck in the kernel is left behind with it.
  try {
    for (unsigned i = 0; i < engine_->threads(); ++i) {
      threads_.emplace_back([engine = engine_, i] { engine->serve(i); });
    }
  } catch (...) {
    end_threads();
    throw;
  }
}

Loader::~Loader() { end_threads(); }

void Loader::end_threads() noexcept {
  const bool all_return = engine_->close(static_cast<unsigned>(threads_.size()));
  // Each stuck thread keeps the engine. What a stuck GPU still uses is never given back: the engine
  // then keeps itself.
  if (engine_->gpu_is_stuck()) engine_->keep_for_ever(engine_);
  for (std::thread& thread : threads_) {
    if (all_return) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

void Loader::prepare() { engine_->prepare(); }

Result Loader::load(const std::vector<Shard>& shards, const Progress& progress) {
  return engine_->load(shards, progress);
}

}  // namespace coldload::load
