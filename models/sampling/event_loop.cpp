#include "models/sampling/event_loop.h"

namespace polonaise {

EventLoop::EventLoop(AnyDevice& device, const Model& model)
    : device_(device),
      model_(model),
      events_(model.config().events),
      recorder_(device),
      place_(device, sizeof(kernels::GenerationPlace)),
      allowed_(device, static_cast<std::size_t>(vocabulary())),
      keys_(device, static_cast<std::size_t>(events_.keys)),
      length_values_(device, static_cast<std::size_t>(events_.duration_classes) * sizeof(float)),
      integers_(device, static_cast<std::size_t>(events_.keys + 4) * sizeof(std::int32_t)),
      values_(device, static_cast<std::size_t>(events_.keys + 1) * sizeof(float)) {
  const std::vector<float> values = events_.duration_values();
  if (!values.empty()) copy_to_device(device, length_values_.data(), values.data(), length_values_.bytes());
}

void EventLoop::begin(const kernels::GenerationDraws& draws, Index event, Index read) {
  const kernels::GenerationPlace place{draws.stream.step + static_cast<std::uint32_t>(event),
                                       static_cast<std::int32_t>(event), static_cast<std::int32_t>(read - 1)};
  copy_to_device(device_, place_.data(), &place, sizeof place);
}

void EventLoop::queue(View<const float, 2> logits, const kernels::GenerationDraws& draws, View<std::int32_t, 2> state,
                      const std::function<void()>& read) {
  kernels::GenerationDraws same = draws;
  same.stream.step = 0;  // kernels read it in the device's memory (GenerationPlace)
  same.grammar = nullptr;
  const kernels::Grammar grammar = draws.grammar != nullptr ? *draws.grammar : kernels::Grammar();
  const Recorder::Key key(logits, same, grammar, state);
  recorder_.run(key, 0, [&] {
    draw(logits, draws, state);
    read();
  });
}

void EventLoop::draw(View<const float, 2> logits, const kernels::GenerationDraws& draws, View<std::int32_t, 2> state) {
  const kernels::Grammar* const grammar = draws.grammar;
  auto* const place = place_.as<kernels::GenerationPlace>();
  kernels::RandomStream stream = draws.stream;
  stream.step_at = &place->step;
  if (vocabulary() > 0) {
    View<std::uint8_t, 2> allowed;
    if (grammar != nullptr) allowed = {allowed_.as<std::uint8_t>(), {1, vocabulary()}};
    kernels::RandomStream of_token = stream;
    of_token.op += events_.is_tokens() ? 0 : 1;
    std::visit(
        [&](auto& d) {
          if (grammar != nullptr) kernels::grammar_mask(d, *grammar, state, allowed);
          kernels::sample_tokens(d, {.logits = logits.column_block(events_.keys, vocabulary()),
                                     .allowed = allowed,
                                     .options = draws.sampling,
                                     .stream = of_token,
                                     .first_row = draws.first_row,
                                     .tokens = token()});
        },
        device_);
  }
  if (!events_.is_tokens()) {
    View<const std::uint8_t, 2> allowed;
    if (grammar != nullptr && !grammar->key_drawable.empty())
      allowed = {grammar->key_drawable.data(), {1, events_.keys}};
    model_.sample_keys(device_, {.logits = logits,
                                 .allowed = allowed,
                                 .options = draws.key_sampling(),
                                 .stream = stream,
                                 .first_row = draws.first_row,
                                 .keys = keys()});
  }
  kernels::GenerationEvent taken = drawn();
  taken.state = state;
  taken.place = place;
  std::visit([&](auto& d) { kernels::generation_take(d, draws, taken); }, device_);
}

kernels::GenerationEvent EventLoop::drawn() const {
  kernels::GenerationEvent event{.token = {}, .keys = {}};
  std::int32_t* const read = token().data() + 1;
  if (vocabulary() > 0) event.token = token();
  if (events_.is_tokens()) {
    event.id = {read, {1}};
    return event;
  }
  event.keys = {keys_.as<std::uint8_t>(), {events_.keys}};
  if (vocabulary() > 0) event.length_values = {length_values_.as<float>(), {vocabulary()}};
  event.length_column = events_.width - 1;
  event.offsets = {read, {2}};
  event.columns = {read + 2, {events_.keys + 1}};
  event.values = {values_.as<float>(), {events_.keys + 1}};
  return event;
}

EventRows EventLoop::event() const {
  const kernels::GenerationEvent event = drawn();
  return {event.id, {event.offsets, event.columns, event.values}};
}

}  // namespace polonaise
