#!/usr/bin/env python3
"""Writes what muspy, pypianoroll and SciPy compute for small pieces: the golden numbers of tests/io/metrics.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install muspy==0.5.0 pypianoroll==1.0.4 scipy
    /tmp/venv/bin/python tests/io/metrics/golden/make_golden.py

writes golden.json beside this script. `pieces` holds for each case its notes (onset, duration, pitch, channel), ticks to
a quarter and meter, and the packages' values for the MIDI file made of them; null where a package returns NaN or raises.
`densities` holds lists of distances with the Kullback-Leibler divergence and the overlap of their Gaussian kernel
densities (scipy.stats.gaussian_kde, Scott's width), integrated over the whole line.
"""
import json
import math
import pathlib
import random
import tempfile
import warnings

import mido
import muspy
import numpy as np
import pypianoroll
import scipy.integrate
import scipy.stats

warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).parent


def write_midi(piece, path):
    """Format 1: the meter, then a track for each channel."""
    midi = mido.MidiFile(type=1, ticks_per_beat=piece["ticks_per_quarter"])
    first = mido.MidiTrack()
    numerator, denominator = piece["meter"]
    first.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator, time=0))
    midi.tracks.append(first)
    for channel in sorted({note[3] for note in piece["notes"]}):
        events = []
        for onset, duration, pitch, of in piece["notes"]:
            if of == channel:
                events.append((onset, 1, pitch))
                events.append((onset + duration, 0, pitch))
        track, last = mido.MidiTrack(), 0
        for tick, on, pitch in sorted(events):
            kind = "note_on" if on else "note_off"
            track.append(mido.Message(kind, channel=channel, note=pitch, velocity=64, time=tick - last))
            last = tick
        midi.tracks.append(track)
    midi.save(path)


def value_of(function, *arguments):
    try:
        value = float(function(*arguments))
    except Exception:  # whatever a package raises, it has no value
        return None
    return value if math.isfinite(value) else None


def muspy_values(path, piece):
    music = muspy.read(path)
    numerator, denominator = piece["meter"]
    measure = music.resolution * 4 * numerator // denominator
    values = {}
    for name in ("n_pitches_used", "n_pitch_classes_used", "pitch_range", "empty_beat_rate", "empty_measure_rate",
                 "polyphony", "polyphony_rate", "scale_consistency", "pitch_entropy", "pitch_class_entropy",
                 "groove_consistency", "drum_pattern_consistency"):
        more = (measure,) if name in ("empty_measure_rate", "groove_consistency") else ()
        values[name] = value_of(getattr(muspy.metrics, name), music, *more)
    return values


def pypianoroll_values(path):
    def joined():
        tracks = pypianoroll.read(path, algorithm="custom", first_beat_time=0.0)
        tracks.tracks = [track for track in tracks.tracks if not track.is_drum]
        return tracks.blend("any")

    values = {}
    for name in ("empty_beat_rate", "n_pitches_used", "n_pitch_classes_used", "pitch_range", "polyphonic_rate",
                 "in_scale_rate"):
        more = (24,) if name == "empty_beat_rate" else ()
        # A new roll each time: n_pitch_classes_used and in_scale_rate write into it.
        values[name] = value_of(lambda: getattr(pypianoroll.metrics, name)(joined(), *more))
    return values


def drawn(seed, ticks, meter, count, channels, low, high, grid, rests=0.0):
    """Notes on multiples of `grid` ticks; no pitch overlaps itself in a channel, or touches itself."""
    draw = random.Random(seed)
    notes, free = [], {}
    for channel in channels:
        tick = 0
        for _ in range(count):
            tick += grid * draw.choice([0, 1, 1, 2, 4]) + (8 * grid if draw.random() < rests else 0)
            pitch, duration = draw.randint(low, high), grid * draw.randint(1, 8)
            if free.get((channel, pitch), -1) < tick:
                notes.append([tick, duration, pitch, channel])
                free[channel, pitch] = tick + duration
    return {"ticks_per_quarter": ticks, "meter": meter, "notes": sorted(notes)}


def pieces():
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    yield "scale of two whole bars", {
        "ticks_per_quarter": 24, "meter": [4, 4], "notes": [[24 * i, 24, pitch, 0] for i, pitch in enumerate(scale)]}
    yield "two equal bars of one rhythm", {
        "ticks_per_quarter": 24, "meter": [4, 4], "notes": [[48 * i, 40, 60 + i, 0] for i in range(4)]}
    yield "chords of two and three with rests", {
        "ticks_per_quarter": 48, "meter": [3, 4],
        "notes": [[96, 48, 60, 0], [96, 48, 64, 0], [240, 96, 60, 0], [240, 96, 64, 0], [240, 96, 67, 0],
                  [288, 24, 72, 0]]}
    yield "one note", {"ticks_per_quarter": 24, "meter": [4, 4], "notes": [[0, 24, 60, 0]]}
    yield "no note", {"ticks_per_quarter": 24, "meter": [4, 4], "notes": []}
    yield "percussion only", {
        "ticks_per_quarter": 24, "meter": [4, 4], "notes": [[12 * i, 6, 36 + i % 2, 9] for i in range(9)]}
    yield "the highest pitches", {
        "ticks_per_quarter": 24, "meter": [4, 4],
        "notes": [[0, 48, 121, 0], [24, 48, 125, 0], [48, 48, 60, 0], [72, 48, 127, 0]]}
    yield "drawn, 4/4", drawn(1, 24, [4, 4], 60, [0, 1], 40, 80, 6)
    yield "drawn, 3/4 with rests", drawn(2, 48, [3, 4], 40, [0], 50, 75, 12, 0.2)
    yield "drawn, 6/8", drawn(3, 24, [6, 8], 50, [0, 2], 45, 70, 6)
    yield "drawn, with percussion", drawn(4, 24, [4, 4], 40, [0, 9], 36, 90, 6, 0.1)
    yield "drawn, between steps", drawn(5, 480, [4, 4], 60, [0], 30, 100, 47)
    yield "drawn, high", drawn(6, 24, [2, 4], 60, [0], 100, 127, 3)


def densities():
    """Distances as sets of pieces have them, near and far from each other."""
    draw = np.random.default_rng(7)
    yield [0.0, 2.0, 1.0, 4.0], [1.0, 3.0, 3.5]
    yield list(draw.gamma(2.0, 1.0, 30)), list(draw.gamma(2.5, 1.2, 40))
    yield list(draw.normal(10, 1, 20)), list(draw.normal(14, 2, 25))
    yield list(draw.normal(10, 0.2, 12)), list(draw.normal(12, 0.3, 12))


def compare(intra, inter):
    p, q = scipy.stats.gaussian_kde(intra), scipy.stats.gaussian_kde(inter)
    widths = [np.sqrt(kde.covariance[0, 0]) for kde in (p, q)]
    low, high = min(intra + inter) - 12 * max(widths), max(intra + inter) + 12 * max(widths)
    x = np.linspace(low, high, 400001)
    log_p, log_q = p.logpdf(x), q.logpdf(x)
    kl = scipy.integrate.simpson(np.exp(log_p) * (log_p - log_q), x=x)
    overlap = scipy.integrate.simpson(np.exp(np.minimum(log_p, log_q)), x=x)
    return {"intra": intra, "inter": inter, "kl": float(kl), "overlap": float(overlap)}


def main():
    golden = {"pieces": [], "densities": [compare(a, b) for a, b in densities()]}
    with tempfile.TemporaryDirectory() as folder:
        for name, piece in pieces():
            path = str(pathlib.Path(folder) / "piece.mid")
            write_midi(piece, path)
            golden["pieces"].append({"name": name, **piece, "muspy": muspy_values(path, piece),
                                     "pypianoroll": pypianoroll_values(path)})
    (HERE / "golden.json").write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
