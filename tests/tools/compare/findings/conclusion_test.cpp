#include "tools/compare/findings/conclusion.h"

#include <gmock/gmock.h>

#include "tests/tools/compare/hand_made.h"
#include "tools/compare/findings/reservations.h"

namespace polonaise::tools {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(CompareConclusion, NamesTheBestAtEqualDataAndAtEqualTime) {
  const Results r = hand_made({trained("rnn", 24, 160'000, 0.3, 40'000), trained("lstm", 24, 40'000, 0.5, 10'000),
                               trained("lstm", 48, 40'000, 0.45, 10'000), trained("rnn", 48, 640'000, 0.3, 160'000),
                               trained("gru", 48, 640'000, 0.2, 80'000)});
  const std::string text = conclusion(r);
  EXPECT_THAT(text,
              HasSubstr("At equal data (40,000 targets each) the LSTM predicts held-out music best, 8.500 nats per "
                        "frame on windows of 24 events; then come the RNN (9.100) and the GRU (9.400). "));
  EXPECT_THAT(text,
              HasSubstr("At equal time (4.0 s of training each) it is the RNN, 7.900 nats per frame on windows of 48 "
                        "events; then come the LSTM (8.500) and the GRU (8.800). Counting which event follows which "
                        "achieves 8.500. "));
  EXPECT_THAT(text, HasSubstr("On windows of 48 events the LSTM (10,000 targets a second) trains slowest and the RNN "
                              "(160,000 targets a second) fastest."));
  EXPECT_THAT(text, Not(HasSubstr("bidirectional")));
  EXPECT_EQ(
      reservations(r),
      "Each combination was trained once, by one recipe for all, and one seed shows no spread; losses within 0.5 % of "
      "each other are called level.");
}

TEST(CompareReservations, TellsOfNetworksThatAreWorseAtTheirEndThanBefore) {
  auto overfitted =
      with_seeds({seeded("rnn", 24, 40'000, {0.5, 0.7}, 9'000), seeded("gru", 24, 40'000, {0.3, 0.4}, 9'000)});
  overfitted.combinations[0].curve.back().loss = 14.2;
  overfitted.combinations[2].curve.back().loss = 13.8;
  EXPECT_THAT(
      reservations(overfitted),
      HasSubstr("Higher at the end by more than 5 % than at its lowest, as where training pieces are learned by "
                "heart: RNN on 24 events (8.800, then 14.000). "));
}

TEST(CompareConclusion, SaysWhereTheSameIsBestBothWays) {
  EXPECT_THAT(
      conclusion(hand_made({trained("gru", 24, 40'000, 0.5, 9'000), trained("rnn", 24, 40'000, 0.3, 9'000)})),
      HasSubstr("it is the GRU again, 8.500 nats per frame on windows of 24 events; then comes the RNN (9.100)."));
}

TEST(CompareConclusion, SaysWhetherTheBidirectionalLstmBeatsTheLstm) {
  const auto text = [](double fall, double pace) {
    return conclusion(hand_made(
        {trained("bilstm", 24, 40'000, fall, pace, 81'000), trained("lstm", 24, 80'000, 0.5, 10'000, 80'000),
         trained("bilstm", 48, 40'000, fall, pace, 81'000), trained("lstm", 48, 80'000, 0.5, 10'000, 80'000)}));
  };
  EXPECT_THAT(
      text(0.6, 10'000),
      HasSubstr("At equal parameters (81,000 and 80,000, 1.2 % apart) the bidirectional LSTM beats the LSTM: at "
                "equal data and at equal time better at all 2 lengths."));
  EXPECT_THAT(text(0.4, 10'000),
              HasSubstr("the bidirectional LSTM does not beat the LSTM: at equal data and at equal time worse"));
  EXPECT_THAT(text(0.5, 10'000),
              HasSubstr("the bidirectional LSTM is level with the LSTM: at equal data and at equal time level"));
  EXPECT_THAT(text(0.6, 1'000),
              HasSubstr("the bidirectional LSTM beats the LSTM at equal data and does not beat it at "
                        "equal time: at equal data better at all 2 lengths, at equal time worse at all "
                        "2 lengths."));
}

TEST(CompareConclusion, AdmitsThatParametersAreNotEqual) {
  EXPECT_THAT(
      conclusion(hand_made(
          {trained("bilstm", 24, 40'000, 0.6, 10'000, 90'000), trained("lstm", 24, 80'000, 0.5, 10'000, 80'000)})),
      HasSubstr(
          "At parameters that are not equal (90,000 and 80,000, 12.5 % apart; within 5 % counts as equal) the "
          "bidirectional LSTM beats the LSTM: at equal data and at equal time 8.200 against 8.500 at 24 events."));
}

TEST(CompareConclusion, NamesWhatIsLeftOut) {
  Results r = hand_made({trained("bilstm", 24, 10'000, 0.6, 10'000), trained("lstm", 24, 80'000, 0.5, 10'000),
                         trained("gru", 24, 80'000, 0.5, 10'000)});
  r.combinations[2].stage = Stage::failed;
  const std::string text = conclusion(r);
  EXPECT_THAT(text, HasSubstr("(80,000 targets each) the LSTM is the only one that could be judged, 8.000"));
  EXPECT_THAT(reservations(r),
              HasSubstr("Left out, as fewer than 20,000 targets are too little to judge: bidirectional LSTM on 24 "
                        "events (10,000)."));
  EXPECT_THAT(reservations(r), HasSubstr("Left out, as their losses did not stay finite: GRU on 24 events."));
  EXPECT_THAT(text, HasSubstr("Whether the bidirectional LSTM beats the LSTM cannot be said"));
}

TEST(CompareConclusion, WithoutAnythingToJudgeSaysHowMuchMoreItTakes) {
  Results r = hand_made({trained("rnn", 24, 10'000, 0.6, 1'000), trained("lstm", 24, 5'000, 0.5, 600)});
  // 33 s for the slower of two: 67 s of training are four fifths of 83 s; and a fifth on top.
  const std::string text = conclusion(r);
  EXPECT_THAT(text,
              HasSubstr("Nothing can be concluded: no combination saw the 20,000 targets that a judgement takes. At "
                        "the pace measured the slowest would see so many with --budget 2."));
  EXPECT_THAT(reservations(r), Not(HasSubstr("trained once")));
  EXPECT_THAT(text, Not(HasSubstr("predicts")));
}

TEST(CompareConclusion, OfSeveralDevicesSpeaksOfEach) {
  Results r = hand_made({trained("rnn", 24, 40'000, 0.6, 1'000), trained("rnn", 24, 80'000, 0.5, 9'000)});
  r.devices.push_back({"cuda", "cuda:0, a card", 1e13});
  r.combinations[1].combination.device = "cuda";
  EXPECT_THAT(conclusion(r), HasSubstr("On cpu: At equal data (40,000 targets each)"));
  EXPECT_THAT(conclusion(r), HasSubstr("\n\nOn cuda: At equal data (80,000 targets each)"));
}

TEST(CompareConclusion, RanksByTheSeedsMeansAndCallsLevelWhatOverlaps) {
  const Results r = with_seeds({seeded("rnn", 24, 40'000, {0.1, 0.2, 0.3}, 10'000),
                                seeded("gru", 24, 40'000, {0.45, 0.5, 0.4}, 10'000),
                                seeded("lstm", 24, 40'000, {0.5, 0.45, 0.55}, 10'000),
                                seeded("transformer", 24, 40'000, {0.12, 0.22, 0.32}, 10'000)});
  const std::string text = conclusion(r);
  EXPECT_THAT(text,
              HasSubstr("At equal data (40,000 targets each) the LSTM has the lowest loss on held-out music, 8.500 "
                        "nats per frame (8.350 to 8.650 for 3 seeds) on windows of 24 events; level with it is the "
                        "GRU (8.650, 8.500 to 8.800); then come the transformer (9.340, 9.040 to 9.640) and the "
                        "RNN (9.400, 9.100 to 9.700, level with the transformer). "));
  EXPECT_THAT(text, Not(HasSubstr("best")));
  EXPECT_THAT(reservations(r), HasSubstr("trained from the seeds 1, 2 and 3"));
  EXPECT_THAT(reservations(r), HasSubstr("called level where these ranges overlap"));
}

TEST(CompareConclusion, NamesTheBestWhereTheSeedsAreAllApart) {
  const Results r =
      with_seeds({seeded("rnn", 24, 40'000, {0.3, 0.32}, 10'000), seeded("gru", 24, 40'000, {0.5, 0.48}, 10'000)});
  EXPECT_THAT(conclusion(r),
              HasSubstr("the GRU predicts held-out music best, 8.530 nats per frame (8.500 to 8.560 for 2 "
                        "seeds) on windows of 24 events; then comes the RNN (9.070, 9.040 to 9.100). "));
}

TEST(CompareConclusion, NamesNoPaceThatTheSeedsDoNotTellApart) {
  auto rnn = seeded("rnn", 24, 40'000, {0.3, 0.32}, 10'000), gru = seeded("gru", 24, 40'000, {0.5, 0.48}, 12'000);
  EXPECT_THAT(conclusion(with_seeds({rnn, gru})), HasSubstr("the RNN (10,000 targets a second) trains slowest"));
  rnn[0].seconds /= 1.5;
  EXPECT_THAT(conclusion(with_seeds({rnn, gru})),
              HasSubstr("On windows of 24 events none trains clearly fastest, as the paces of the seeds overlap "
                        "(12,000 to 12,500 targets a second)."));
}

TEST(CompareConclusion, GivesNoRankToWhatNeverLeftTheUnigram) {
  const Results r = hand_made({trained("rnn", 24, 40'000, 0.19, 10'000), trained("lstm", 24, 40'000, 0.5, 10'000),
                               trained("gru", 24, 40'000, 0.4, 10'000), trained("gru", 48, 40'000, 0.1, 10'000)});
  const std::string text = conclusion(r);  // the unigram has 9.5
  EXPECT_THAT(text, HasSubstr("then comes the GRU (8.800). "));
  EXPECT_THAT(text, HasSubstr("The RNN (9.430) never left the unigram (9.500), and has no rank. "));
  EXPECT_THAT(reservations(r), HasSubstr("Without a rank, as at no measurement more than 1 % below the unigram's loss: "
                                         "RNN on 24 events and GRU on 48 events. "));
  const Results none = hand_made({trained("rnn", 24, 40'000, 0.1, 10'000), trained("lstm", 24, 40'000, 0.1, 10'000)});
  EXPECT_THAT(conclusion(none), HasSubstr("Nothing can be ranked: no network's loss fell more than 1 % below the "
                                          "unigram's 9.500 nats per frame"));
  EXPECT_THAT(conclusion(none), Not(HasSubstr("best")));
}

TEST(CompareConclusion, DoesNotRankWhatWasStillAtTheUnigramThere) {
  CombinationResult late = trained("rnn", 24, 160'000, 0.1, 10'000);
  late.curve.back().loss = 7;
  const std::string text = conclusion(hand_made({late, trained("lstm", 24, 40'000, 0.5, 1'000)}));
  EXPECT_THAT(text,
              HasSubstr("At equal data (40,000 targets each) the LSTM is the only one with a rank, 8.500 nats per "
                        "frame on windows of 24 events. Still at the unigram (9.500), and so without a rank, is "
                        "the RNN (9.700). At equal time (16 s of training each) it is the RNN, 7.000"));
  EXPECT_THAT(text, Not(HasSubstr("never left")));
  for (CurvePoint& point : late.curve) point.targets *= 2, point.seconds *= 2;
  EXPECT_THAT(
      conclusion(hand_made({late, trained("lstm", 24, 40'000, 0.1, 10'000)})),
      HasSubstr("At equal data (40,000 targets each) no network had left the unigram (9.500). At equal time (4.0 "
                "s of training each) no network had left the unigram (9.500). The LSTM (9.700) never left the "
                "unigram (9.500), and has no rank. "));
}

TEST(CompareConclusion, SaysThatSomeSeedsLeftTheUnigramAndSomeDidNot) {
  const Results r =
      with_seeds({seeded("rnn", 24, 40'000, {0.1, 0.5}, 10'000), seeded("gru", 24, 40'000, {1, 1}, 10'000)});
  EXPECT_THAT(conclusion(r), HasSubstr("then comes the RNN (9.100, 8.500 to 9.700)"));
  EXPECT_THAT(reservations(r),
              HasSubstr("From some seeds at no measurement more than 1 % below the unigram's loss: RNN "
                        "on 24 events (1 of 2 seeds). "));
}

TEST(CompareConclusion, SaysWhoReachesTheTargetFirst) {
  Results r = hand_made({trained("rnn", 24, 80'000, 0.2, 10'000), trained("lstm", 24, 80'000, 0.5, 10'000),
                         trained("lstm", 48, 80'000, 0.5, 20'000), trained("gru", 24, 80'000, 0.25, 20'000)});
  EXPECT_THAT(conclusion(r), Not(HasSubstr("reached")));
  r.target_loss = 9;
  EXPECT_THAT(conclusion(r),
              HasSubstr("A loss of 9 nats per frame is reached first by the LSTM on windows of 48 events, "
                        "after 1.0 s of training and 20,000 targets; then by the GRU (4.0 s); not by "
                        "the RNN."));
  r.target_loss = 1;
  EXPECT_THAT(conclusion(r), HasSubstr("A loss of 1 nats per frame was reached by no network."));
}

TEST(CompareConclusion, ATargetIsReachedWhereAllSeedsReachIt) {
  Results r =
      with_seeds({seeded("rnn", 24, 80'000, {0.2, 0.5}, 9'000), seeded("lstm", 24, 80'000, {0.5, 0.4}, 10'000)});
  r.target_loss = 9;
  EXPECT_THAT(conclusion(r), HasSubstr("by the LSTM on windows of 24 events, after 2.4 s (2.0 s to 2.8 s) of training "
                                       "and 24,142 targets; not by the RNN (but from 1 of 2 seeds). "));
}

TEST(CompareConclusion, OfSeveralSizesSaysWhichIsBestForWhom) {
  Results r = hand_made({trained("lstm", 24, 40'000, 0.5, 10'000), trained("gru", 24, 40'000, 0.4, 10'000),
                         trained("lstm", 24, 40'000, 0.6, 5'000), trained("gru", 24, 40'000, 0.401, 10'000)});
  r.parameters = {20'000, 80'000};
  for (const std::size_t small : {0u, 1u}) r.combinations[small].combination.parameters = 20'000;
  const std::string text = conclusion(r);
  EXPECT_TRUE(text.starts_with(
      "Of the sizes, at equal data (40,000 targets each) the LSTM is best with 80,000 parameters (8.200) and the GRU "
      "with 80,000 (8.797, level with 20,000); at equal time (4.0 s of training each) the LSTM is best with 20,000 "
      "parameters (8.500"))
      << text;
  EXPECT_THAT(text, HasSubstr("\n\nWith 20,000 parameters: At equal data (40,000 targets each) the LSTM predicts "
                              "held-out music best, 8.500"));
  EXPECT_THAT(text, HasSubstr("\n\nWith 80,000 parameters: At equal data (40,000 targets each) the LSTM predicts "
                              "held-out music best, 8.200"));
}

TEST(CompareConclusion, WaitsForTheEnd) {
  Results r = hand_made({trained("rnn", 24, 40'000, 0.6, 1'000), trained("lstm", 24, 40'000, 0.5, 500)});
  r.combinations[1].stage = Stage::planned;
  EXPECT_EQ(conclusion(r), "Not finished: 1 of 2 combinations are still to come.");
}

}  // namespace
}  // namespace polonaise::tools
