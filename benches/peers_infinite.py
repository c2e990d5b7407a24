#!/usr/bin/env python3
"""Our kernels of infinite width beside those of neural-tangents: same inputs, same run, one process after the other.

  python3 benches/peers_infinite.py --peers DIR [--cases I1,I4,I5] [--repeat 7] [--work target/peers] [--out FILE.md]

DIR is that of `peers.py`, and has peer_infinite.py too. Warm: the median of repeated computations of the tangent kernel within
one process, inputs in memory. Shell: from the start of a process to the kernel on disk; for neural-tangents import and first
call (which compiles).
"""
import json
import os
import shutil

from peers import Table, arguments, compare, environment, middle, ours, prepare, run, settings


def main():
    a = arguments(__doc__, "I1,I4,I5", "peer_infinite.py", rounds=3)
    python, env = environment(a), settings(a.threads)
    table = Table(a.out, "| case | n | NT warm s | ours f32 s | ratio | ours f64 s | f64/f32 | NT shell s | ours shell s | NT MB "
                  "| ours MB | ours - NT | f32 - f64 |", "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name in a.cases.split(","):
        _, toml, x1, npz = prepare(a, python, name)
        saved = os.path.join(a.work, "nt.npz")
        theirs, single, double, shell = [], [], [], []
        for _ in range(a.rounds):
            text = run([python, "peer_infinite.py", "--case", npz, "--get", "ntk", "--reps", str(a.repeat), "--budget", "60",
                        "--save", saved], cwd=a.peers, env=env)
            theirs.append(json.loads(text.strip().splitlines()[-1]))
            single.append(middle(ours(a, "infinite", toml, x1, "f32", a.repeat)[0]["kernel"]["runs_seconds"]))
            double.append(middle(ours(a, "infinite", toml, x1, "f64", a.repeat)[0]["kernel"]["runs_seconds"]))
            shell.append(ours(a, "infinite", toml, x1, "f32", 1))
        k32, nt_npy = os.path.join(a.work, "k32.npy"), os.path.join(a.work, "nt.npy")
        shutil.copy(os.path.join(shell[-1][2], "kernel.npy"), k32)
        run([python, "-c", "import sys, numpy as np; np.save(sys.argv[2], np.load(sys.argv[1])['ntk'])", saved, nt_npy])
        against = compare(python, k32, nt_npy)
        rounding = compare(python, k32, os.path.join(ours(a, "infinite", toml, x1, "f64", 1)[2], "kernel.npy"))
        nt, f32, f64 = middle([t["median_s"] for t in theirs]), middle(single), middle(double)
        line = (f"| {name} | {shell[-1][0]['kernel']['shape'][0]} | {nt:.4f} | {f32:.4f} | {nt / f32:.1f}x | {f64:.4f} "
                f"| {f64 / f32:.1f} | {middle([t['import_s'] + t['first_s'] for t in theirs]):.2f} "
                f"| {middle([s[1] for s in shell]):.3f} | {middle([t['peak_mb'] for t in theirs]):.0f} "
                f"| {shell[-1][0]['memory']['peak_bytes'] / 2**20:.0f} | {against:.0e} | {rounding:.0e} |")
        table.add(line)
    table.write()


if __name__ == "__main__":
    main()
