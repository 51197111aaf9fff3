#!/usr/bin/env python3
"""The same models in PyTorch, timed: the peer that bench/README.md compares with. One JSON line a case.

    /usr/bin/python3 bench/peers/torch_peer.py [CASE...] [--threads N] [--steps N]   (Debian: apt install python3-torch)

A CASE is a name or the beginning of one; all without. A training step is zero_grad, forward, loss, backward and AdamW
over a batch that is already in memory; no clipping, no loading.

    rnn_tT lstm_tT bilstm_tT   107-wide frames, hidden 64, 2 layers, batch 64, T = 24 48 64 200, a loss at every step:
                               the sum of 106 binary cross-entropies and a cross-entropy of 24 duration classes.
                               Bidirectional that is a tagger: it sees the events it names
    bilstm_many_to_one_t48     64 windows of 48 events, one target each
    transformer                388 tokens, width 128, 4 heads, 4 layers, batch 32, T = 200
    sample_lstm                200 frames one after the other, state carried, batch 1
    sample_transformer         50 tokens past a full context of 200, batch 1, no key/value cache: a token costs a whole
                               forward pass, as nn.TransformerEncoder has it

Each line holds the median, the least and the 90th percentile of --steps runs after --warmup, and `other_cpu`, the share
of the machine's time that other processes took meanwhile: repeat a line where it is not near 0.

PyTorch from Debian takes its matrix products from the system's BLAS. OpenBLAS built with threads of its own fights with
PyTorch's OpenMP threads (an LSTM step takes about five times as long), so where libopenblas0-openmp is installed this
script starts itself again on it. Every line names the build in use as `blas`. --system-blas takes what the system has.
"""
import argparse
import glob
import json
import os
import re
import statistics
import sys
import time


def prefer_openmp_blas():
    """Starts this script again with OpenBLAS's OpenMP build first in the loader's path, where there is one."""
    folders = glob.glob("/usr/lib/*/openblas-openmp")
    path = os.environ.get("LD_LIBRARY_PATH", "")
    if "--system-blas" in sys.argv or not folders or folders[0] in path.split(":"):
        return
    print(f"torch_peer: using the OpenBLAS in {folders[0]}", file=sys.stderr)
    environment = os.environ | {"LD_LIBRARY_PATH": folders[0] + (":" + path if path else "")}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


if __name__ == "__main__":
    prefer_openmp_blas()  # before torch loads a BLAS

import torch
from torch import nn
import torch.nn.functional as F

KEYS, CLASSES = 106, 24
FRAME = KEYS + 1
HIDDEN, LAYERS = 64, 2
TOKENS, WIDTH, HEADS, BLOCKS, CONTEXT = 388, 128, 4, 4, 200
FRAMES_BATCH, TOKENS_BATCH = 64, 32


class Recurrent(nn.Module):
    def __init__(self, core, bidirectional=False):
        super().__init__()
        self.core = core(FRAME, HIDDEN, LAYERS, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(HIDDEN * (2 if bidirectional else 1), KEYS + CLASSES)

    def forward(self, x, state=None):
        y, state = self.core(x, state)
        return self.head(y), state


class ManyToOne(Recurrent):
    """The prediction of a window's next event by both directions' last states."""

    def forward(self, x):
        _, (h, _) = self.core(x)
        return self.head(torch.cat([h[-2], h[-1]], -1)), None


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, WIDTH)
        self.position = nn.Embedding(CONTEXT, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True,
                                           norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, BLOCKS, nn.LayerNorm(WIDTH))
        self.head = nn.Linear(WIDTH, TOKENS)
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), float("-inf")).triu(1))

    def forward(self, tokens):
        steps = tokens.shape[1]
        x = self.embedding(tokens) + self.position.weight[:steps]
        return self.head(self.encoder(x, self.mask[:steps, :steps]))


def draw_frames(rows, steps):
    """Frames with about 4 keys of 106 and a length, and the class of each length."""
    x = (torch.rand(rows, steps, FRAME) < 4 / KEYS).float()
    x[..., KEYS] = torch.rand(rows, steps)
    return x, torch.randint(CLASSES, (rows, steps))


def frame_loss(logits, frames, classes):
    keys = F.binary_cross_entropy_with_logits(logits[..., :KEYS], frames[..., :KEYS], reduction="sum")
    return keys / classes.numel() + F.cross_entropy(logits[..., KEYS:].flatten(0, -2), classes.flatten())


def training_step(model, loss_of, args):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.dtype == "bfloat16"):
            loss = loss_of(model)
        loss.backward()
        optimizer.step()

    return step


def tagger(core, bidirectional, steps, args):
    frames, classes = (x.to(args.device) for x in draw_frames(FRAMES_BATCH, steps + 1))
    x, y, z = frames[:, :-1].contiguous(), frames[:, 1:].contiguous(), classes[:, 1:].contiguous()
    model = Recurrent(core, bidirectional).to(args.device)
    return training_step(model, lambda m: frame_loss(m(x)[0].float(), y, z), args), FRAMES_BATCH * steps


def many_to_one(steps, args):
    frames, classes = (x.to(args.device) for x in draw_frames(FRAMES_BATCH, steps + 1))
    x, y, z = frames[:, :-1].contiguous(), frames[:, -1].contiguous(), classes[:, -1].contiguous()
    model = ManyToOne(nn.LSTM, bidirectional=True).to(args.device)
    return training_step(model, lambda m: frame_loss(m(x)[0].float(), y, z), args), FRAMES_BATCH


def transformer(args):
    tokens = torch.randint(TOKENS, (TOKENS_BATCH, CONTEXT + 1), device=args.device)
    x, y = tokens[:, :-1].contiguous(), tokens[:, 1:].flatten()
    model = Transformer().to(args.device)
    loss_of = lambda m: F.cross_entropy(m(x).float().flatten(0, 1), y)
    return training_step(model, loss_of, args), TOKENS_BATCH * CONTEXT


def sample_lstm(args, steps=200):
    model = Recurrent(nn.LSTM).to(args.device).eval()
    quarters = torch.rand(CLASSES, device=args.device)

    @torch.inference_mode()
    def sample():
        x, state = torch.zeros(1, 1, FRAME, device=args.device), None
        for _ in range(steps):
            logits, state = model(x, state)
            keys = torch.bernoulli(torch.sigmoid(logits[..., :KEYS]))
            duration = torch.multinomial(torch.softmax(logits[0, :, KEYS:], -1), 1)
            x = torch.cat([keys, quarters[duration][None]], -1)

    return sample, steps


def sample_transformer(args, steps=50):
    model = Transformer().to(args.device).eval()

    @torch.inference_mode()
    def sample():
        tokens = torch.zeros(1, CONTEXT, dtype=torch.long, device=args.device)
        for _ in range(steps):
            logits = model(tokens[:, -CONTEXT:])[:, -1]
            tokens = torch.cat([tokens, torch.multinomial(torch.softmax(logits, -1), 1)], 1)

    return sample, steps


def all_cases():
    """Name: what makes the case's (step, items of one step) from the arguments."""
    cases = {}
    for name, core, bidirectional in (("rnn", nn.RNN, False), ("lstm", nn.LSTM, False), ("bilstm", nn.LSTM, True)):
        for steps in (24, 48, 64, 200):
            cases[f"{name}_t{steps}"] = lambda args, c=core, b=bidirectional, t=steps: tagger(c, b, t, args)
    cases["bilstm_many_to_one_t48"] = lambda args: many_to_one(48, args)
    cases["transformer"] = transformer
    cases["sample_lstm"] = sample_lstm
    cases["sample_transformer"] = sample_transformer
    return cases


def blas_in_use():
    """The build of BLAS that this process has loaded, by the folder Debian keeps it in."""
    with open("/proc/self/maps") as maps:
        text = maps.read()
    for name in ("openblas-openmp", "openblas-pthread", "openblas-serial", "blis", "mkl", "openblas"):
        if re.search(rf"/[^\n]*{name}", text):
            return name
    return "unknown"


def machine_ticks():
    """Ticks of the machine's processors that were busy, and all; and seconds of this process."""
    with open("/proc/stat") as stat:
        ticks = [int(n) for n in stat.readline().split()[1:9]]
    own = os.times()
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks), own.user + own.system


def measure(step, args):
    """Milliseconds of each of args.steps runs, and the share of the machine that others took meanwhile."""
    synchronize = torch.cuda.synchronize if args.device == "cuda" else lambda: None
    for _ in range(args.warmup):
        step()
    synchronize()
    busy, total, own = machine_ticks()
    times = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    busy, total, own = (after - before for after, before in zip(machine_ticks(), (busy, total, own)))
    others = busy - own * os.sysconf("SC_CLK_TCK")
    return sorted(times), max(0.0, others / max(1, total))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30, help="timed runs of each case, at least 3 (default 30)")
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="bfloat16: autocast")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--system-blas", action="store_true", help="keep the system's choice of BLAS")
    args = parser.parse_args()
    if args.steps < 3:
        parser.error("--steps must be at least 3: the report is a median")
    chosen = {name: make for name, make in all_cases().items()
              if not args.cases or any(name.startswith(wanted) for wanted in args.cases)}
    if not chosen:
        parser.error("no such case; there are " + ", ".join(all_cases()))
    torch.set_num_threads(args.threads)
    for name, make in chosen.items():
        torch.manual_seed(args.seed)
        step, items = make(args)
        times, others = measure(step, args)
        median = statistics.median(times)
        print(json.dumps({
            "case": name, "peer": "pytorch", "version": torch.__version__, "blas": blas_in_use(),
            "device": args.device, "dtype": args.dtype, "threads": torch.get_num_threads(),
            "median_ms": round(median, 3), "min_ms": round(times[0], 3),
            "p90_ms": round(times[int(0.9 * (len(times) - 1))], 3), "items_per_s": round(items / median * 1e3, 1),
            "runs": args.steps, "other_cpu": round(others, 3)}), flush=True)


if __name__ == "__main__":
    main()
