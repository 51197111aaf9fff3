#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/data/corpus.h"
#include "kernels/events/events.h"
#include "tools/prepare/encode_sources.h"
#include "tools/prepare/sources.h"

namespace polonaise::tools {

// The groups of files that are one piece, one a line with the split they went to; empty where every file is a piece of
// its own.
std::string groups_text(std::span<const Source> sources, const std::vector<std::vector<std::size_t>>& groups,
                        std::span<const io::Split> splits);

// Files, sequences, events, notes and hours of each split, then what reading repaired, what the encoding lost and what
// the augmentation dropped.
std::string summary_text(const Sources& sources, std::span<const io::Split> splits, const Encoded& encoded);

// A line where counting alone shows that validation and test are not of one kind of music; else nothing.
std::string mix_text(const io::Corpus& corpus, const EventShape& shape);

// Sequences and events of each split of a set that comes divided, then the sequences that occur in more than one split:
// leaks, most of them the set's own; and what the augmentation dropped.
std::string rolls_text(const io::Corpus& corpus, const io::Warnings& dropped);

}  // namespace polonaise::tools
