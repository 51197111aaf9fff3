#include "kernels/base/require.h"
#include "kernels/sampling/generation.h"
#include "tests/kernels/devices.h"
#include "tests/kernels/grammar_support.h"

namespace polonaise::testing {
namespace {

using kernels::GenerationDraws;
using kernels::GenerationEvent;
using kernels::GenerationPlace;

constexpr Index kEvents = 6;
constexpr std::int32_t kUntouched = -9;

// What one event is, and what a take makes of it.
struct Drawn {
  std::int32_t token = -1;
  std::vector<std::int32_t> keys = {};
};
struct Read {
  std::int32_t id = kUntouched;  // of tokens
  std::vector<std::int32_t> columns = {};
  std::vector<float> values = {};
  bool operator==(const Read&) const = default;
};
struct Taken {
  std::vector<Read> read;
  std::vector<std::int32_t> tokens, drawn, state;
  std::vector<std::uint8_t> keys;
  GenerationPlace place;
};

template <class Target>
class GenerationTake : public DeviceTest<Target> {
 protected:
  using Device = typename Target::Device;

  // Takes the events one after another; K keys, or 0 for tokens.
  Taken take(const std::vector<Drawn>& events, Index K, const std::vector<float>& lengths,
             const OwnedGrammar* grammar = nullptr) {
    Device& device = this->device();
    const bool has_token = K == 0 || !lengths.empty();
    const PlacedGrammar<Device> placed(device, grammar ? *grammar : OwnedGrammar());
    auto tokens = this->place(Array<std::int32_t, 2>({1, kEvents}, kUntouched));
    auto keys = this->place(Array<std::uint8_t, 3>({1, kEvents, K}, 7));
    auto drawn = this->place(Array<std::int32_t, 1>({1}, 0));
    auto state = this->place(Array<std::int32_t, 2>({1, kernels::grammar_state_size(placed.view())}));
    // 32 bits each: step, event, position.
    auto place = this->place(Array<std::int32_t, 1>({3}, 0));
    Array<float, 1> values_of_lengths({static_cast<Index>(lengths.size())});
    std::copy(lengths.begin(), lengths.end(), values_of_lengths.values().begin());
    const auto of_lengths = this->place(values_of_lengths);
    auto id = this->place(Array<std::int32_t, 1>({1}, kUntouched));
    auto offsets = this->place(Array<std::int32_t, 1>({2}, kUntouched));
    auto columns = this->place(Array<std::int32_t, 1>({K + 1}, kUntouched));
    auto values = this->place(Array<float, 1>({K + 1}, NAN));
    if (grammar) kernels::grammar_start(device, placed.view(), state.view());
    GenerationDraws draws{.events = kEvents, .grammar = grammar ? &placed.view() : nullptr, .drawn = drawn.view()};
    if (has_token) draws.tokens = tokens.view();
    if (K > 0) draws.keys = keys.view();

    Taken taken;
    for (const Drawn& event : events) {
      const auto token = this->place(Array<std::int32_t, 1>({1}, event.token));
      Array<std::uint8_t, 1> host_keys({K});
      for (const std::int32_t key : event.keys) host_keys[key] = 1;
      const auto sounding = this->place(host_keys);
      GenerationEvent what{.token = has_token ? token.view() : View<const std::int32_t, 1>(), .keys = {}};
      if (K == 0) what.id = id.view();
      if (K > 0) {
        what.keys = sounding.view();
        what.offsets = offsets.view();
        what.columns = columns.view();
        what.values = values.view();
        what.length_column = K + 3;
        if (has_token) what.length_values = of_lengths.view();
      }
      if (grammar) what.state = state.view();
      what.place = reinterpret_cast<GenerationPlace*>(place.view().data());
      kernels::generation_take(device, draws, what);
      Read read;
      if (K == 0) {
        read.id = fetch(id)[0];
      } else {
        const auto ends = fetch(offsets);
        EXPECT_EQ(ends[0], 0);
        const auto all_columns = fetch(columns).values();
        const auto all_values = fetch(values).values();
        read.columns.assign(all_columns.begin(), all_columns.begin() + ends[1]);
        read.values.assign(all_values.begin(), all_values.begin() + ends[1]);
        for (auto i = static_cast<std::size_t>(ends[1]); i < all_columns.size(); ++i) {
          EXPECT_EQ(all_columns[i], 0);
          EXPECT_EQ(all_values[i], 0);
        }
      }
      taken.read.push_back(read);
    }
    taken.tokens = fetch(tokens).values();
    taken.keys = fetch(keys).values();
    taken.drawn = fetch(drawn).values();
    taken.state = fetch(state).values();
    const auto where = fetch(place);
    taken.place = {static_cast<std::uint32_t>(where[0]), where[1], where[2]};
    return taken;
  }

  void expect_place(const GenerationPlace& place, std::int32_t moved) {
    EXPECT_EQ(place.step, static_cast<std::uint32_t>(moved));
    EXPECT_EQ(place.event, moved);
    EXPECT_EQ(place.position, moved);
  }
};
TYPED_TEST_SUITE(GenerationTake, FloatTargets, TargetNames);

TYPED_TEST(GenerationTake, TokensFollowEachOtherUntilOneIsMissing) {
  const Taken taken = this->take({{3}, {0}, {-1}, {2}}, 0, {});
  EXPECT_EQ(taken.tokens, (std::vector<std::int32_t>{3, 0, kUntouched, kUntouched, kUntouched, kUntouched}));
  EXPECT_EQ(taken.drawn[0], 2);
  EXPECT_EQ(taken.read, (std::vector<Read>{{3}, {0}, {-1}, {-1}}));
  this->expect_place(taken.place, 4);
}

TYPED_TEST(GenerationTake, NoMoreEventsAreTakenThanThereIsRoomFor) {
  const Taken taken = this->take(std::vector<Drawn>(kEvents + 1, Drawn{1}), 0, {});
  EXPECT_EQ(taken.drawn[0], kEvents);
  EXPECT_EQ(taken.read.back(), Read{-1});
}

// More keys than a warp has lanes, and a last one.
TYPED_TEST(GenerationTake, AFramesKeysAndItsLengthAreRowsOfASparseMatrix) {
  constexpr Index K = 70;
  const Taken taken = this->take({{1, {0, 31, 32, 69}}, {0, {}}, {2, {5}}}, K, {0.5f, 0.25f, 2});
  EXPECT_EQ(taken.read, (std::vector<Read>{{kUntouched, {0, 31, 32, 69, 73}, {1, 1, 1, 1, 0.25f}},
                                           {kUntouched, {73}, {0.5f}},
                                           {kUntouched, {5, 73}, {1, 2}}}));
  EXPECT_EQ(taken.tokens, (std::vector<std::int32_t>{1, 0, 2, kUntouched, kUntouched, kUntouched}));
  EXPECT_EQ(taken.keys[69], 1);
  EXPECT_EQ(taken.keys[68], 0);
  EXPECT_EQ(taken.keys[2 * K + 5], 1);
  EXPECT_EQ(taken.keys[3 * K], 7);
  this->expect_place(taken.place, 3);
}

TYPED_TEST(GenerationTake, AGrammarsEndStopsTheStream) {
  // Every token moves the clock by 2.
  const OwnedGrammar tokens{
      .vocabulary = 3, .states = 1, .next = {0, 0, 0}, .ticks = {2, 2, 2}, .drawable = {1, 1, 1}, .end = 4};
  const Taken taken = this->take({{2}, {1}, {0}}, 0, {}, &tokens);
  EXPECT_EQ(taken.drawn[0], 2);
  EXPECT_EQ(taken.read.back(), Read{-1});
  EXPECT_EQ(taken.state[kernels::GrammarState::kClock], 4);
  EXPECT_EQ(taken.state[kernels::GrammarState::kEnded], 1);

  // A third frame would end after the end.
  const OwnedGrammar rolls{.end = 5, .frame_ticks = 2};
  const Taken frames = this->take({{-1, {1}}, {-1, {}}, {-1, {2}}}, 4, {}, &rolls);
  EXPECT_EQ(frames.drawn[0], 2);
  EXPECT_EQ(frames.read, (std::vector<Read>{{kUntouched, {1}, {1}}, {}, {}}));
  EXPECT_EQ(frames.state[kernels::GrammarState::kClock], 4);
  EXPECT_EQ(frames.state[kernels::GrammarState::kEnded], 0);
}

TYPED_TEST(GenerationTake, WrongShapesAreRefused) {
  auto drawn = this->place(Array<std::int32_t, 1>({1}, 0));
  const auto token = this->place(Array<std::int32_t, 1>({1}, 0));
  const GenerationDraws draws{.events = 1, .drawn = drawn.view()};
  GenerationPlace place;
  EXPECT_THROW(kernels::generation_take(this->device(), draws, {.token = token.view(), .keys = {}, .place = &place}),
               ContractError);
}

}  // namespace
}  // namespace polonaise::testing
