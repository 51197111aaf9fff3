#include "models/sampling/step_sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polonaise {

namespace {

constexpr std::uint32_t kDraws = 16;  // of a frame, before it is made otherwise

}  // namespace

DrawnRow::DrawnRow(AnyDevice& device, const EventShape& events, const EventGrammar* grammar_of_events,
                   const EventsView& opening)
    : device_(device) {
  outputs_ = events.drawn_classes();
  Index numbers = 1;
  if (grammar_of_events) {
    check_grammar(*grammar_of_events, events);
    grammar_.emplace(device, *grammar_of_events, opening);
    numbers += kernels::grammar_state_size(grammar());
  }
  allowed_ = Buffer(device, static_cast<std::size_t>(outputs_));
  numbers_ = Buffer(device, static_cast<std::size_t>(numbers) * sizeof(std::int32_t));
  state_ = {numbers_.as<std::int32_t>() + 1, {1, numbers - 1}};
}

void DrawnRow::start(const EventsView& opening) {
  if (!grammar_) return;
  std::visit([&](auto& d) { kernels::grammar_start(d, grammar(), state_); }, device_);
  for (const std::uint16_t token : opening.tokens) take(token);
}

View<std::uint8_t, 2> DrawnRow::mask() {
  if (!grammar_ || outputs_ == 0) return {};
  std::visit([&](auto& d) { kernels::grammar_mask(d, grammar(), state_, allowed()); }, device_);
  return allowed();
}

View<std::uint8_t, 2> DrawnRow::mask(Veto& veto) {
  std::vector<std::uint8_t> host(static_cast<std::size_t>(outputs_), 1);
  if (const auto mask = this->mask(); !mask.empty()) copy_to_host(device_, host.data(), mask.data(), host.size());
  veto.forbid(host);
  copy_to_device(device_, allowed().data(), host.data(), host.size());
  return allowed();
}

std::int32_t DrawnRow::draw(View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                            const kernels::SamplingOptions& sampling, const kernels::RandomStream& stream, Index row,
                            std::uint32_t position) {
  const kernels::SampleTokens sample{.logits = logits,
                                     .allowed = allowed,
                                     .options = sampling,
                                     .stream = stream,
                                     .first_row = row,
                                     .position = position,
                                     .tokens = token()};
  std::visit([&](auto& d) { kernels::sample_tokens(d, sample); }, device_);
  return OnHost<std::int32_t, 1>(device_, token())[0];
}

void DrawnRow::take() {
  if (!grammar_) return;
  const View<std::int32_t, 1> taken = outputs_ > 0 ? token() : View<std::int32_t, 1>();
  std::visit([&](auto& d) { kernels::grammar_take(d, grammar(), taken, state_); }, device_);
}

void DrawnRow::take(std::int32_t given) {
  if (!grammar_) return;
  copy_to_device(device_, token().data(), &given, sizeof(given));
  take();
}

bool DrawnRow::frame_fits() const {
  if (!grammar_ || grammar().end < 0 || outputs_ > 0) return true;
  return head()[kernels::GrammarState::kClock] + std::int64_t{grammar().frame_ticks} <= grammar().end;
}

StepSampler::StepSampler(AnyDevice& device, const Model& model, Decoder& decoder, const GenerateOptions& options,
                         const EventsView& opening)
    : device_(device),
      model_(model),
      decoder_(decoder),
      events_(model.config().events),
      options_(options),
      opening_(opening),
      last_(events_, 1),
      row_(device, events_, options.grammar, opening),
      keys_(device, static_cast<std::size_t>(events_.keys)) {
  if (!row_.has_grammar()) return;
  const kernels::Grammar& grammar = row_.grammar();
  max_keys_ = grammar.max_keys;
  if (!grammar.key_drawable.empty()) allowed_keys_ = {grammar.key_drawable.data(), {1, events_.keys}};
}

void StepSampler::start(Index first, View<const float, 2> logits) {
  stream_ = first;
  logits_ = logits;
  veto_ = options_.veto ? options_.veto() : nullptr;
  row_.start(opening_);
}

bool StepSampler::draw(Index done, Index, std::span<Generated> drawn) {
  if (row_.ended()) return false;
  Events& events = drawn.front().events;
  if (done > 0) logits_ = decoder_.advance(last_.of(events.view(), done - 1));
  return events_.is_tokens() ? draw_token(done, events) : draw_frame(done, events);
}

bool StepSampler::draw_token(Index step, Events& result) {
  const View<std::uint8_t, 2> allowed = veto_ ? row_.mask(*veto_) : row_.mask();
  const std::int32_t token = row_.draw(logits_, allowed, options_.sampling, random(step, 0), stream_, 0);
  if (token < 0) return false;
  row_.take();
  if (veto_) veto_->take(token);
  result.push_token(token);
  return true;
}

bool StepSampler::draw_frame(Index step, Events& result) {
  if (!row_.frame_fits()) return false;
  const View<const float, 2> lengths = logits_.column_block(events_.keys, events_.duration_classes);
  const View<std::uint8_t, 2> allowed = row_.mask();
  const auto drawn = [&](std::uint32_t draw) {
    Frame frame;
    if (events_.duration_classes > 0) {
      frame.length = row_.draw(lengths, allowed, options_.sampling, random(step, 1), stream_, draw);
      if (frame.length < 0) return frame;
    }
    frame.keys = draw_keys(random(step, 0), draw);
    return frame;
  };
  Frame frame = drawn(0);
  if (events_.duration_classes > 0 && frame.length < 0) return false;
  if (veto_ && veto_->forbids(frame.keys, frame.length)) {
    const Frame first = frame;
    std::uint32_t draws = 1;
    for (; draws < kDraws && veto_->forbids(frame.keys, frame.length); ++draws) frame = drawn(draws);
    if (veto_->forbids(frame.keys, frame.length) &&
        !make_other(first, lengths, allowed, logits_.column_block(0, events_.keys), frame))
      return false;
  }
  if (events_.duration_classes > 0) {
    row_.take(frame.length);
    result.push_frame(frame.keys, class_quarters(frame.length));
  } else {
    row_.take();
    result.push_frame(frame.keys);
  }
  if (veto_) veto_->take(frame.keys, frame.length);
  return true;
}

std::vector<std::uint8_t> StepSampler::draw_keys(const kernels::RandomStream& stream, std::uint32_t position) {
  kernels::SamplingOptions sampling = options_.sampling;
  sampling.max_keys = max_keys_;
  const View<std::uint8_t, 2> drawn(keys_.as<std::uint8_t>(), {1, events_.keys});
  model_.sample_keys(device_, {.logits = logits_,
                               .allowed = allowed_keys_,
                               .options = sampling,
                               .stream = stream,
                               .first_row = stream_,
                               .position = position,
                               .keys = drawn});
  const OnHost<std::uint8_t, 2> sounding(device_, drawn);
  std::vector<std::uint8_t> keys;
  kernels::append_nonzero(sounding.view().data(), events_.keys, keys);
  return keys;
}

bool StepSampler::make_other(const Frame& first, View<const float, 2> lengths, View<const std::uint8_t, 2> allowed,
                             View<const float, 2> key_logits, Frame& other) {
  // Indices by ascending measure, the lower of equals first.
  const auto ordered = [](Index count, auto&& measure) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return measure(a) < measure(b); });
    return order;
  };
  other = first;
  if (events_.duration_classes > 0) {
    const OnHost<float, 2> logits(device_, lengths);
    const OnHost<std::uint8_t, 2> may(device_, allowed);
    for (const std::int32_t length : ordered(lengths.columns(), [&](Index c) { return -logits[c]; })) {
      if (!allowed.empty() && !may[length]) continue;
      other.length = length;
      if (!veto_->forbids(other.keys, other.length)) return true;
    }
  }
  const OnHost<float, 2> logits(device_, key_logits);
  const OnHost<std::uint8_t, 2> may(device_, allowed_keys_);
  other.length = first.length;
  for (const std::int32_t key : ordered(events_.keys, [&](Index k) { return std::abs(logits[k]); })) {
    if (!allowed_keys_.empty() && !may[key]) continue;
    other.keys = first.keys;
    const auto place = std::lower_bound(other.keys.begin(), other.keys.end(), key);
    if (place != other.keys.end() && *place == key)
      other.keys.erase(place);
    else if (max_keys_ > 0 && static_cast<int>(other.keys.size()) >= max_keys_)
      continue;
    else
      other.keys.insert(place, static_cast<std::uint8_t>(key));
    if (!veto_->forbids(other.keys, other.length)) return true;
  }
  return false;
}

}  // namespace polonaise
