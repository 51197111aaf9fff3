// A recurrent state carried from chunk to chunk: a piece in chunks is scored as the piece whole.

#include "kernels/base/require.h"
#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

class CarriedState : public ::testing::TestWithParam<ModelCase> {};

TEST_P(CarriedState, ScoresChunksAsTheWhole) {
  const ModelConfig& config = GetParam().config;
  AnyDevice device = Cpu{1};
  const auto model = make_model(device, config, 3);
  ASSERT_TRUE(model->carries_state());
  constexpr Index kRows = 2, kSteps = 23;
  std::vector<Event> pieces[kRows];
  for (std::size_t b = 0; b < kRows; ++b) pieces[b] = random_events(config.events, kSteps + 1, b + 1);

  const auto score = [&](Index first, Index count, RecurrentState* state) {
    OwnedBatch batch(config.events, count, count);
    for (const std::vector<Event>& piece : pieces) {
      const std::span<const Event> events(piece);
      const auto from = static_cast<std::size_t>(first), n = static_cast<std::size_t>(count);
      batch.add_row(events.subspan(from, n), events.subspan(from + 1, n));
    }
    Arena arena(device);
    Tape tape = Tape::inference(device, arena);
    const TargetLosses losses = model->losses(tape, batch.view(), {0, kRows}, state);
    std::vector<float> values;
    for (Index t = 0; t < count; ++t)
      for (Index b = 0; b < kRows; ++b) {
        const Index i = losses.arranged.target_index(b, t);
        values.push_back(losses.main.data()[i]);
        if (!losses.durations.empty()) values.push_back(losses.durations.data()[i]);
      }
    return values;
  };

  const Index states = kernels::shape_of(*cell_of(config.architecture)).states;
  Array<float, 3> h({config.layers, kRows, config.hidden}), c({config.layers, kRows, states * config.hidden});
  RecurrentState state{{h.view().data(), {config.layers, kRows, config.hidden}, DType::f32},
                       {c.view().data(), {config.layers, kRows, states * config.hidden}, DType::f32}};
  std::vector<float> chunks;
  Index first = 0;
  for (const Index count : {5, 1, 9, 7, 1}) {
    const std::vector<float> losses = score(first, count, &state);
    chunks.insert(chunks.end(), losses.begin(), losses.end());
    first += count;
  }
  ASSERT_EQ(first, kSteps);
  EXPECT_LT(relative_error(chunks, to_double(score(0, kSteps, nullptr))), 1e-6);
}

TEST(CarriedStateOfOthers, IsRefusedWhereThereIsNone) {
  for (const ModelCase& c : model_cases()) {
    AnyDevice device = Cpu{1};
    const auto model = make_model(device, c.config, 3);
    if (model->carries_state()) continue;
    const OwnedBatch batch = random_batch(*model, 1, 4, 1);
    Arena arena(device);
    Tape tape = Tape::inference(device, arena);
    RecurrentState state;
    EXPECT_THROW(model->losses(tape, batch.view(), {0, 1}, &state), ContractError) << c.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, CarriedState, ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           return cell_of(config.architecture) && config.architecture != Architecture::bilstm;
                         })),
                         case_name);

}  // namespace
}  // namespace polonaise::testing
