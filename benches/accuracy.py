#!/usr/bin/env python3
"""Accuracy of kernel regression of infinite width beside that of the trained network, the ridge chosen on a validation split.

  python3 benches/accuracy.py [--fashion DIR] [--cifar10 DIR] [--n 1000] [--test 1000] [--ntk target/release/ntk] [--out FILE.md]

Of every data set the first n samples of the program's class-balanced order are for training and the next ones for the test. A
fifth of the training samples, the last, is held out to choose the ridge (regression), the learning rate and the number of steps
(network); with what was chosen all n are trained on. Nothing is chosen by the test samples. Data sets that are not given are left
out: embedded are digits and 1000 samples of Fashion-MNIST.
"""
import argparse
import csv
import json
import os
import shutil
import subprocess
import tempfile

RIDGES = ["0", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1", "1"]
RATES = ["0.003", "0.01", "0.03"]


def result(ntk, command, flags, work):
    """The record of a command, and its folder."""
    out = tempfile.mkdtemp(dir=work)
    shutil.rmtree(out)
    line = [ntk, command, *flags, "--no-report", "--out", out, "--format", "json"]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout), out


def regression(ntk, data, get, n, test, work):
    """The ridge of the best validation accuracy, the largest of equal ones, and the test accuracy with it."""
    def accuracy(ridge, n, test):
        flags = [*data, "--get", get, "--ridge", ridge, "--n", str(n), "--test", str(test), "--no-covariance"]
        return result(ntk, "predict", flags, work)[0]["test"][0]["accuracy"]

    held = n // 5
    validation = {ridge: accuracy(ridge, n - held, held) for ridge in RIDGES}
    ridge = max(RIDGES, key=lambda ridge: (validation[ridge], float(ridge)))
    return ridge, validation[ridge], accuracy(ridge, n, test)


def network(ntk, data, n, test, steps, work):
    """The rate and step of the best validation accuracy, and the test accuracy with them: Adam on cross-entropy, batches of 100."""
    def curve(rate, n, test, steps):
        flags = [*data, "--optimizer", "adam", "--batch", "100", "--lr", rate, "--steps", str(steps), "--every", str(max(1, steps // 40)), "--dtype", "f32",
                 "--metrics", "accuracy", "--n", str(n), "--test", str(test)]
        out = result(ntk, "train", flags, work)[1]
        with open(os.path.join(out, "metrics.csv")) as file:
            return [(int(row["step"]), float(row["test_accuracy"])) for row in csv.DictReader(file)]

    held = n // 5
    best = (0.0, RATES[0], steps)
    for rate in RATES:
        try:
            step, accuracy = max(curve(rate, n - held, held, steps), key=lambda point: (point[1], -point[0]))
        except subprocess.CalledProcessError:
            continue  # this rate diverges
        best = max(best, (accuracy, rate, step), key=lambda found: found[0])
    validation, rate, step = best
    return f"{rate}, {step}", validation, curve(rate, n, test, max(1, step))[-1][1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion", help="folder of Fashion-MNIST's IDX files")
    parser.add_argument("--cifar10", help="folder of CIFAR-10's binary files")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--ntk", default="target/release/ntk")
    parser.add_argument("--out")
    a = parser.parse_args()
    ntk = os.path.abspath(a.ntk)
    cases = [("digits", "digits", "mlp:64-512x2-10:relu"), ("Fashion-MNIST", "fashion", "mlp:784-512x2-10:relu")]
    if a.fashion:
        cases[1] = ("Fashion-MNIST", f"fashion:{a.fashion}", cases[1][2])
    if a.cifar10:
        cases.append(("CIFAR-10", f"cifar10:{a.cifar10}", "mlp:3072-512x2-10:relu"))
    lines = ["| data | network | n | test | NTK | its ridge | NNGP | its ridge | trained | its rate, steps |", "|---|---|---|---|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as work:
        for name, source, model in cases:
            held = {"digits": 1797, "fashion": 1000}.get(source, a.n + a.test)
            n = min(a.n, held * 7 // 10)
            test = min(a.test, held - n)
            data = ["--data", source, "--model", model]
            cells = []
            for get in ("ntk", "nngp"):
                ridge, _, accuracy = regression(ntk, data, get, n, test, work)
                cells += [f"{100 * accuracy:.1f} %", ridge]
            chosen, _, accuracy = network(ntk, data, n, test, a.steps, work)
            lines.append("| " + " | ".join([name, f"`{model}`", str(n), str(test), *cells, f"{100 * accuracy:.1f} %", chosen]) + " |")
            print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if a.out:
        with open(a.out, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
