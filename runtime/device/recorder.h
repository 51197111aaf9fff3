#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <tuple>

#include "runtime/device/device.h"

namespace polonaise {

// Repeats the same work on a device. A GPU receives it once as a CUDA graph, and then repeats that:
// one launch instead of hundreds, and none of what the host does between them.
class Recorder {
 public:
  // Everything that the launches of some work depend on, as values of any types that == compares. Views are equal where
  // they name the same memory in the same shape. Keys of other types are never equal. A key of no parts is empty.
  class Key {
   public:
    Key() = default;
    template <class... Parts>
    Key(const Parts&... parts)
        : parts_(std::make_shared<const Of<std::tuple<Parts...>>>(std::tuple<Parts...>(parts...))) {}
    bool empty() const { return parts_ == nullptr; }
    friend bool operator==(const Key& a, const Key& b) {
      return a.parts_ == b.parts_ || (a.parts_ && b.parts_ && a.parts_->equals(*b.parts_));
    }

   private:
    struct Any {
      virtual ~Any() = default;
      virtual bool equals(const Any& other) const = 0;
    };
    template <class Tuple>
    struct Of final : Any {
      explicit Of(const Tuple& given) : values(given) {}
      bool equals(const Any& other) const override {
        const auto* const same = dynamic_cast<const Of*>(&other);
        return same != nullptr && same->values == values;
      }
      Tuple values;
    };
    std::shared_ptr<const Any> parts_;
  };

  explicit Recorder(AnyDevice& device);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Queues what work() queues. work() is called the first time that it comes with this key, and called and recorded the
  // second time; from then on the record is replayed without calling it. So work of one key queues the same kernels
  // with the same arguments, and what differs from time to time these read in the device's memory. While it is recorded
  // it may neither wait for the device nor take memory: `generation` changes where memory was taken, and forgets all
  // records. On a CPU, and with POLONAISE_SYNC=1, work() is called each time.
  void run(const Key& key, std::size_t generation, const std::function<void()>& work);

  // Number of replays in place of calls of work().
  std::size_t replays() const { return replays_; }

 private:
  struct Records;
  AnyDevice* device_;
  std::unique_ptr<Records> records_;  // none where nothing is recorded
  std::size_t replays_ = 0;
};

}  // namespace polonaise
