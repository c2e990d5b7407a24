//! Convolutions and pools against loops over every index, and at their edges.

use autodiff::check::{self, Bounds};
use autodiff::op::bilinear::{BilinearOp, Conv, Padding, Sizes, Window};
use autodiff::op::linear::PoolWindow;
use autodiff::sweep::{Gradient, PerSample, Pool, pullback};
use autodiff::{Arena, Error, Float, Samples, Var};

use crate::numbers::{Random, relative_error};

/// A convolution as its definition reads.
struct Naive {
    images: usize,
    input: [usize; 2],
    output: [usize; 2],
    taps: [usize; 2],
    channels: [usize; 2],
    before: [usize; 2],
    window: Window,
}

impl Naive {
    fn new(images: usize, input: [usize; 2], taps: [usize; 2], channels: [usize; 2], window: Window) -> Self {
        let extent = [0, 1].map(|axis| (taps[axis] - 1) * window.dilation[axis] + 1);
        let padded = |axis: usize| match window.padding {
            Padding::Valid => (0, 0),
            Padding::Explicit(sides) => (sides[axis][0], sides[axis][1]),
            Padding::Same | Padding::Circular => {
                let positions = input[axis].div_ceil(window.stride[axis]);
                let missing = ((positions - 1) * window.stride[axis] + extent[axis]).saturating_sub(input[axis]);
                (missing / 2, missing.div_ceil(2))
            }
        };
        let output = [0, 1].map(|axis| {
            let (before, after) = padded(axis);
            (before + input[axis] + after - extent[axis]) / window.stride[axis] + 1
        });
        Self { images, input, output, taps, channels, before: [padded(0).0, padded(1).0], window }
    }

    /// Where the output reads, along one axis.
    fn entry(&self, axis: usize, position: usize, tap: usize) -> Option<usize> {
        let at = (position * self.window.stride[axis] + tap * self.window.dilation[axis]) as i64;
        let (at, len) = (at - self.before[axis] as i64, self.input[axis] as i64);
        if self.window.padding == Padding::Circular {
            return Some(at.rem_euclid(len) as usize);
        }
        (0..len).contains(&at).then_some(at as usize)
    }

    /// Calls `term` with the places of each y, x and w that meet.
    fn each(&self, mut term: impl FnMut(usize, usize, usize)) {
        let ([inputs, outputs], groups) = (self.channels, self.window.groups);
        let (fan_in, fan_out) = (inputs / groups, outputs / groups);
        for image in 0..self.images {
            for (row, col) in (0..self.output[0]).flat_map(|r| (0..self.output[1]).map(move |c| (r, c))) {
                for (i, j) in (0..self.taps[0]).flat_map(|i| (0..self.taps[1]).map(move |j| (i, j))) {
                    let (Some(h), Some(w)) = (self.entry(0, row, i), self.entry(1, col, j)) else { continue };
                    let y = ((image * self.output[0] + row) * self.output[1] + col) * outputs;
                    let x = ((image * self.input[0] + h) * self.input[1] + w) * inputs;
                    let tap = (i * self.taps[1] + j) * fan_in;
                    for (c, k) in (0..fan_in).flat_map(|c| (0..outputs).map(move |k| (c, k))) {
                        term(y + k, x + k / fan_out * fan_in + c, (tap + c) * outputs + k);
                    }
                }
            }
        }
    }

    fn sizes(&self) -> [usize; 3] {
        let ([inputs, outputs], count) = (self.channels, |axes: [usize; 2]| axes[0] * axes[1]);
        [
            self.images * count(self.output) * outputs,
            self.images * count(self.input) * inputs,
            count(self.taps) * inputs / self.window.groups * outputs,
        ]
    }
}

/// Forward, and both pulls of a random cotangent, beside the definition.
fn agrees(naive: &Naive, random: &mut Random) {
    let [ys, xs, ws] = naive.sizes();
    let (x, w, y_bar) = (random.numbers(xs), random.numbers(ws), random.numbers(ys));
    let (mut y, mut x_bar, mut w_bar) = (vec![0.0; ys], vec![0.0; xs], vec![0.0; ws]);
    let alpha = naive.window.alpha;
    naive.each(|at, i, j| {
        y[at] += alpha * x[i] * w[j];
        x_bar[i] += alpha * y_bar[at] * w[j];
        w_bar[j] += alpha * y_bar[at] * x[i];
    });
    let [inputs, outputs] = naive.channels;
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let tape = arena.tape();
    let image = tape.leaf(&x, &[naive.images, naive.input[0], naive.input[1], inputs]).unwrap();
    let weights = [naive.taps[0], naive.taps[1], inputs / naive.window.groups, outputs];
    let result = image.conv(tape.leaf(&w, &weights).unwrap(), naive.window).unwrap();
    assert_eq!(result.shape(), [naive.images, naive.output[0], naive.output[1], outputs]);
    pullback(result, &y_bar, 1, &mut sink, &mut pool).unwrap();
    let what = format!("{:?}, {:?} by {:?} taps, channels {:?}", naive.window, naive.input, naive.taps, naive.channels);
    assert!(relative_error(result.value(), &y) < 1e-12, "{what}: forward");
    assert!(relative_error(sink.of(0).unwrap(), &x_bar) < 1e-12, "{what}: input pull");
    assert!(relative_error(sink.of(1).unwrap(), &w_bar) < 1e-12, "{what}: weight pull");
}

#[test]
fn a_convolution_is_what_its_definition_says() {
    let mut random = Random::new(61);
    let mut below = |top: usize| (random.number().abs() * top as f64) as usize;
    let mut cases = Vec::new();
    while cases.len() < 300 {
        let input = [1 + below(9), 1 + below(9)];
        let taps = [1 + below(4), 1 + below(4)];
        let (stride, dilation) = ([1 + below(3), 1 + below(3)], [1 + below(3), 1 + below(3)]);
        let groups = 1 + below(3);
        let channels = [groups * (1 + below(3)), groups * (1 + below(3))];
        let padding = match below(4) {
            0 => Padding::Valid,
            1 => Padding::Same,
            2 => Padding::Circular,
            _ => Padding::Explicit([[below(4), below(4)], [below(4), below(4)]]),
        };
        let window = Window { stride, dilation, padding, groups, alpha: 0.5 + below(3) as f64 };
        let fits = (0..2).all(|axis| {
            let extent = (taps[axis] - 1) * dilation[axis] + 1;
            match padding {
                Padding::Valid => extent <= input[axis],
                Padding::Same => true,
                Padding::Circular => input[axis] % stride[axis] == 0,
                Padding::Explicit(sides) => extent <= sides[axis][0] + input[axis] + sides[axis][1],
            }
        });
        if fits {
            cases.push(Naive::new(1 + below(3), input, taps, channels, window));
        }
    }
    let mut random = Random::new(62);
    cases.iter().for_each(|naive| agrees(naive, &mut random));
}

#[test]
fn a_convolution_of_several_blocks_of_windows_is_what_its_definition_says() {
    // 1200 windows of 9 channels: blocks of at most 1024 windows; and 300 windows of 2304 numbers: blocks of 128.
    let mut random = Random::new(63);
    agrees(&Naive::new(3, [20, 20], [3, 3], [1, 2], Window::SAME), &mut random);
    agrees(&Naive::new(3, [10, 10], [3, 3], [256, 3], Window { groups: 1, ..Window::SAME }), &mut random);
    agrees(&Naive::new(3, [40, 20], [3, 3], [4, 6], Window { groups: 2, stride: [2, 1], ..Window::SAME }), &mut random);
    agrees(&Naive::new(3, [40, 40], [3, 3], [4, 4], Window { groups: 4, stride: [2, 1], ..Window::SAME }), &mut random);
}

#[test]
fn the_laws_hold_across_blocks_of_windows() {
    fn of<F: Float>() {
        let mut random = Random::new(69);
        let windows = [
            (Window::SAME, [3, 20, 20, 1], [3, 3, 1, 2]),
            (Window { stride: [2, 1], groups: 2, ..Window::SAME }, [3, 40, 20, 2], [3, 3, 1, 4]),
            (Window { groups: 2, ..Window::SAME }, [3, 20, 20, 2], [3, 2, 1, 2]),
        ];
        for (window, a, b) in windows {
            let op = Conv { window: &window };
            check::bilinear::<F, _>(op, &a, &b, Bounds::of::<F>(), &mut || random.number())
                .unwrap_or_else(|e| panic!("{e}"));
        }
    }
    of::<f64>();
    of::<f32>();
}

#[test]
fn zeros_that_cannot_be_shared_go_after() {
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let x = tape.constant(&[1.0, 2.0, 3.0], &[3, 1]).unwrap();
    let w = tape.constant(&[10.0, 1.0], &[2, 1, 1]).unwrap();
    assert_eq!(x.conv(w, Window::SAME).unwrap().value(), [12.0, 23.0, 30.0]);
    let circular = Window { padding: Padding::Circular, ..Window::UNIT };
    assert_eq!(x.conv(w, circular).unwrap().value(), [12.0, 23.0, 31.0]);
    let strided = Window { stride: [1, 2], ..Window::SAME };
    assert_eq!(x.conv(w, strided).unwrap().value(), [12.0, 30.0]);
}

#[test]
fn padding_is_zeros_that_are_multiplied() {
    let infinity = f64::INFINITY;
    for groups in [1, 2] {
        let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
        let tape = arena.tape();
        let x = tape.leaf(&[1.0; 6], &[3, 2]).unwrap();
        // The first tap is infinite. It reads padding at the first position.
        let mut numbers = vec![1.0; 12 / groups];
        numbers[..4 / groups].fill(infinity);
        let w = tape.leaf(&numbers, &[3, 2 / groups, 2]).unwrap();
        let y = x.conv(w, Window { groups, ..Window::SAME }).unwrap();
        assert!(y.value()[..2].iter().all(|y| y.is_nan()), "{groups} groups: {:?}", y.value());
        assert_eq!(y.value()[2..], [infinity; 4], "{groups} groups");
        pullback(y, &[1.0, 1.0, 1.0, 1.0, infinity, 1.0], 1, &mut sink, &mut pool).unwrap();
        // The last position's cotangent is infinite; its last tap reads padding.
        let w_bar = sink.of(1).unwrap();
        assert_eq!((w_bar[0], w_bar[1]), (infinity, 2.0), "{groups} groups");
        assert!(w_bar[w_bar.len() - 2].is_nan() && w_bar[w_bar.len() - 1] == 2.0, "{groups} groups: {w_bar:?}");
    }
}

#[test]
fn a_convolution_that_does_not_fit_is_refused_with_a_remedy() {
    let numbers = vec![0.5; 1024];
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let var = |shape: &[usize]| tape.leaf(&numbers[..shape.iter().product()], shape).unwrap();
    let huge = u32::MAX as usize + 1;
    let cases: &[(&[usize], &[usize], Window, &str)] = &[
        (&[2, 5, 5, 3], &[3, 3, 2, 4], Window::UNIT, "third size of the weights from the end"),
        (&[2, 5, 5, 3], &[3, 3], Window::UNIT, "give weights [kh, kw, in / groups, out]"),
        (&[5, 3], &[3, 3, 3, 4], Window::UNIT, "give an image"),
        (&[3], &[3, 3, 4], Window::UNIT, "give an image"),
        (&[2, 2, 5, 3], &[3, 3, 3, 4], Window::UNIT, "larger than the image"),
        (&[2, 5, 5, 3], &[3, 3, 3, 4], Window { dilation: [1, 3], ..Window::UNIT }, "larger than the image"),
        (&[2, 5, 5, 3], &[3, 3, 3, 4], Window { stride: [0, 1], ..Window::UNIT }, "from 1 to"),
        (&[2, 5, 5, 3], &[3, 3, 3, 4], Window { dilation: [1, 0], ..Window::UNIT }, "from 1 to"),
        (&[2, 5, 5, 3], &[3, 3, 3, 4], Window { dilation: [huge, 1], ..Window::UNIT }, "from 1 to"),
        (&[2, 5, 5, 3], &[3, 3, 3, 4], Window { stride: [1, usize::MAX], ..Window::SAME }, "from 1 to"),
        (&[2, 5, 5, 4], &[3, 3, 2, 3], Window { groups: 2, ..Window::UNIT }, "groups must divide"),
        (&[2, 5, 5, 3], &[3, 3, 3, 4], Window { groups: 0, ..Window::UNIT }, "groups must divide"),
        (&[2, 5, 5, 3], &[3, 0, 3, 4], Window::SAME, "one tap or more"),
        (
            &[2, 5, 5, 3],
            &[3, 3, 3, 4],
            Window { padding: Padding::Explicit([[huge, 0], [0, 0]]), ..Window::UNIT },
            "less padding",
        ),
        (
            &[2, 5, 4, 3],
            &[3, 3, 3, 4],
            Window { padding: Padding::Circular, stride: [2, 2], ..Window::UNIT },
            "divides the size",
        ),
        (&[2, 5, 3], &[3, 3, 4], Window { stride: [2, 1], ..Window::UNIT }, "along one axis"),
    ];
    for (a, b, window, remedy) in cases {
        let message = var(a).conv(var(b), *window).unwrap_err().to_string();
        assert!(message.starts_with("conv: shapes ") && message.contains(remedy), "{window:?}: {message}");
    }
    // The other products of this family.
    let unlike = var(&[2, 3]).batched_matmul(var(&[4, 3, 5])).unwrap_err().to_string();
    assert!(unlike.starts_with("batched_matmul: shapes [2, 3] and [4, 3, 5]"), "{unlike}");
    assert!(var(&[4, 2, 3]).batched_matmul(var(&[4, 2, 5])).unwrap_err().to_string().contains("inner sizes"));
    assert!(var(&[2, 3]).outer(var(&[4])).unwrap_err().to_string().contains("two vectors"));
}

/// Every pool of a window by its definition; `None` is padding.
fn pooled(
    x: &[f64],
    [h, w, c]: [usize; 3],
    window: PoolWindow,
    mut number: impl FnMut(&[Option<f64>]) -> f64,
) -> Vec<f64> {
    let unit = Window { stride: window.stride, padding: window.padding, ..Window::UNIT };
    let naive = Naive::new(1, [h, w], window.size, [1, 1], unit);
    let mut out = Vec::new();
    for image in x.chunks_exact(h * w * c) {
        for (row, col) in (0..naive.output[0]).flat_map(|r| (0..naive.output[1]).map(move |c| (r, c))) {
            for channel in 0..c {
                let taps = (0..window.size[0]).flat_map(|i| (0..window.size[1]).map(move |j| (i, j)));
                let read: Vec<Option<f64>> = taps
                    .map(|(i, j)| Some(image[(naive.entry(0, row, i)? * w + naive.entry(1, col, j)?) * c + channel]))
                    .collect();
                out.push(number(&read));
            }
        }
    }
    out
}

#[test]
fn pools_are_what_their_definitions_say() {
    let mut random = Random::new(64);
    let windows = [
        PoolWindow::tiles(2),
        PoolWindow::tiles(3),
        PoolWindow { size: [3, 2], stride: [2, 1], padding: Padding::Same },
        PoolWindow { size: [2, 2], stride: [1, 3], padding: Padding::Valid },
        PoolWindow { size: [3, 3], stride: [2, 2], padding: Padding::Explicit([[1, 0], [2, 1]]) },
        PoolWindow { size: [2, 3], stride: [3, 1], padding: Padding::Circular },
    ];
    for window in windows {
        let (sizes, mut arena) = ([2, 6, 5, 3], Arena::new());
        let x = random.numbers(sizes.iter().product());
        let tape = arena.tape::<f64>();
        let var = tape.constant(&x, &sizes).unwrap();
        let count = (window.size[0] * window.size[1]) as f64;
        let mean = pooled(&x, [6, 5, 3], window, |read| read.iter().flatten().sum::<f64>() / count);
        assert!(relative_error(var.average_pool(window).unwrap().value(), &mean) < 1e-12, "{window:?}");
        let top = pooled(&x, [6, 5, 3], window, |read| read.iter().flatten().fold(f64::MIN, |a, &b| a.max(b)));
        assert_eq!(var.max_pool(window).unwrap().value(), top, "{window:?}");
    }
}

#[test]
fn a_global_average_is_the_mean_over_rows_and_columns() {
    let mut random = Random::new(65);
    let x = random.numbers(2 * 3 * 4 * 5);
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let y = tape.samples(&x, &[2, 3, 4, 5]).unwrap().global_average_pool().unwrap();
    let mean = |image: usize, c: usize| (0..12).map(|p| x[(image * 12 + p) * 5 + c]).sum::<f64>() / 12.0;
    let expected: Vec<f64> =
        (0..2).flat_map(|image| (0..5).map(move |c| (image, c))).map(|(i, c)| mean(i, c)).collect();
    assert!(relative_error(y.value(), &expected) < 1e-15);
    assert_eq!(y.samples(), Samples::Axis { axis: 0, group: 1 });
    assert!(y.global_average_pool().unwrap_err().to_string().contains("global_average_pool"));
}

/// The cotangents that a maximum pool of one row sends back, one for each window.
fn sent_back(x: &[f64], size: usize, stride: usize) -> Vec<f64> {
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let window = PoolWindow { size: [1, size], stride: [1, stride], padding: Padding::Valid };
    let y = arena.tape().leaf(x, &[1, 1, x.len(), 1]).unwrap().max_pool(window).unwrap();
    let seed: Vec<f64> = (1..=y.value().len()).map(|i| i as f64).collect();
    pullback(y, &seed, 1, &mut sink, &mut pool).unwrap();
    sink.of(0).unwrap().to_vec()
}

#[test]
fn the_first_of_equal_entries_takes_the_whole_cotangent() {
    assert_eq!(sent_back(&[1.0, 1.0, 1.0, 1.0], 2, 2), [1.0, 0.0, 2.0, 0.0]);
    assert_eq!(sent_back(&[0.0, -0.0, -0.0, 0.0], 2, 2), [1.0, 0.0, 2.0, 0.0]);
    // Overlapping windows: 5, 3, 2, 5 win.
    assert_eq!(sent_back(&[5.0, 3.0, 1.0, 2.0, 5.0], 2, 1), [1.0, 2.0, 0.0, 3.0, 4.0]);
    let infinity = f64::INFINITY;
    assert_eq!(sent_back(&[-infinity, -infinity, infinity, infinity], 2, 2), [1.0, 0.0, 2.0, 0.0]);
}

#[test]
fn a_nan_is_the_largest_of_its_window() {
    let mut arena = Arena::new();
    let x = arena.tape().constant(&[1.0, f64::NAN, 3.0, 4.0, f64::NAN, f64::NAN], &[1, 6, 1]).unwrap();
    let y = x.max_pool(PoolWindow { size: [1, 2], stride: [1, 2], padding: Padding::Valid }).unwrap();
    assert!(y.value()[0].is_nan() && y.value()[1] == 4.0 && y.value()[2].is_nan());
    assert_eq!(sent_back(&[f64::NAN, f64::NAN, f64::NAN, 1.0], 2, 2), [0.0, 1.0, 2.0, 0.0]);
}

#[test]
fn a_pool_that_does_not_fit_is_refused_with_a_remedy() {
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let x = tape.constant(&[0.5; 24], &[1, 4, 3, 2]).unwrap();
    let tiles = PoolWindow::tiles;
    let cases = [
        (PoolWindow { stride: [0, 1], ..tiles(2) }, "from 1 to"),
        (tiles(0), "one tap or more"),
        (tiles(5), "larger than the image"),
        (PoolWindow { padding: Padding::Explicit([[2, 0], [0, 0]]), ..tiles(2) }, "less padding"),
        (PoolWindow { padding: Padding::Circular, ..tiles(2) }, "divides the size"),
    ];
    for (window, remedy) in cases {
        for refused in [x.max_pool(window).unwrap_err(), x.average_pool(window).unwrap_err()] {
            assert!(refused.to_string().contains(remedy), "{window:?}: {refused}");
        }
    }
    let flat = x.reshape(&[4, 6]).unwrap();
    assert!(flat.max_pool(tiles(2)).unwrap_err().to_string().contains("give an image"));
    let nothing = tape.constant(&[], &[1, 0, 4, 2]).unwrap();
    let edges = PoolWindow { size: [2, 2], stride: [1, 1], padding: Padding::Explicit([[1, 1], [0, 0]]) };
    assert!(nothing.max_pool(edges).unwrap_err().to_string().contains("without entries"));
}

#[test]
fn samples_stay_where_images_are_for_themselves() {
    let numbers = vec![0.5; 600];
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let x = tape.samples(&numbers[..2 * 4 * 4 * 3], &[2, 4, 4, 3]).unwrap();
    let w = tape.leaf(&numbers[..3 * 3 * 3 * 2], &[3, 3, 3, 2]).unwrap();
    let first = Samples::Axis { axis: 0, group: 1 };
    let y = x.conv(w, Window::SAME).unwrap();
    assert_eq!(y.samples(), first);
    assert_eq!(y.average_pool(PoolWindow::tiles(2)).unwrap().samples(), first);
    assert_eq!(y.max_pool(PoolWindow::tiles(2)).unwrap().samples(), first);
    // Samples as rows of an image: a window sees several.
    let rows = x.reshape(&[2, 16, 3]).unwrap();
    let mixed = rows.conv(w, Window::SAME).unwrap();
    assert!(matches!(mixed.samples(), Samples::Mixed(_)));
    let mixed = rows.average_pool(PoolWindow::tiles(2)).unwrap();
    assert!(matches!(mixed.samples(), Samples::Mixed(_)));
    // A factor for each channel, and one for each entry of all samples.
    let scale = tape.leaf(&numbers[..2], &[2]).unwrap();
    assert_eq!(y.times(scale).unwrap().samples(), first);
    assert_eq!(scale.times(y).unwrap().shape(), [2, 4, 4, 2]);
    // Pairs of matrices: a sample each.
    let pairs = rows.batched_matmul(rows.tape().samples(&numbers[..2 * 3 * 5], &[2, 3, 5]).unwrap()).unwrap();
    assert_eq!((pairs.samples(), pairs.shape()), (first, &[2, 16, 5][..]));
}

/// A network of convolutions, pools and channel scales on a tape.
fn network<'a>(x: Var<'a, f64>, random: &mut Random) -> Var<'a, f64> {
    let tape = x.tape();
    let mut parameter = |shape: &[usize]| tape.leaf(tape.keep(&random.numbers(shape.iter().product())), shape).unwrap();
    let strided = Window { stride: [2, 1], alpha: 0.3, ..Window::SAME };
    let grouped = Window { groups: 2, padding: Padding::Circular, ..Window::UNIT };
    let h = x.conv(parameter(&[3, 3, 2, 4]), strided).unwrap().tanh();
    let h = h.conv(parameter(&[3, 1, 2, 6]), grouped).unwrap().times(parameter(&[6])).unwrap();
    let depthwise = Window { groups: 6, ..Window::SAME };
    let h = h.plus(h.conv(parameter(&[3, 3, 1, 6]), depthwise).unwrap()).unwrap();
    let h = h.max_pool(PoolWindow::tiles(2)).unwrap();
    h.global_average_pool().unwrap().matmul(parameter(&[6, 3])).unwrap()
}

#[test]
fn the_explicit_jacobian_of_a_convolutional_network_is_its_rows() {
    let (samples, outputs) = (3, 3);
    let (mut random, mut arena, mut pool) = (Random::new(66), Arena::new(), Pool::default());
    let data = random.numbers(samples * 5 * 4 * 2);
    let tape = arena.tape();
    let f = network(tape.samples(&data, &[samples, 5, 4, 2]).unwrap(), &mut random);
    let lengths: Vec<usize> = tape.leaf_variables().map(|leaf| leaf.value().len()).collect();
    let mut seeds = vec![0.0; outputs * samples * outputs];
    (0..outputs).for_each(|k| (0..samples).for_each(|i| seeds[(k * samples + i) * outputs + k] = 1.0));
    let mut jacobian = PerSample::new(&lengths);
    pullback(f, &seeds, outputs, &mut jacobian, &mut pool).unwrap();
    let mut rows = Vec::new();
    for (k, i) in (0..outputs).flat_map(|k| (0..samples).map(move |i| (k, i))) {
        let (mut sink, mut seed) = (Gradient::new(), vec![0.0; samples * outputs]);
        seed[i * outputs + k] = 1.0;
        pullback(f, &seed, 1, &mut sink, &mut pool).unwrap();
        (0..lengths.len()).for_each(|leaf| rows.extend_from_slice(sink.of(leaf).unwrap()));
    }
    assert!(relative_error(jacobian.rows(), &rows) < 1e-13);
}

#[test]
fn patches_times_weights_are_the_convolution() {
    let mut random = Random::new(67);
    let windows = [
        Window::SAME,
        Window { stride: [2, 1], dilation: [1, 2], alpha: 0.7, ..Window::SAME },
        Window { groups: 2, ..Window::UNIT },
        Window { groups: 4, padding: Padding::Circular, ..Window::UNIT },
    ];
    for window in windows {
        let (a, b) = ([2, 5, 6, 4], [3, 2, 4 / window.groups, 8]);
        let (x, w) = (random.numbers(a.iter().product()), random.numbers(b.iter().product()));
        let mut arena = Arena::new();
        let tape = arena.tape();
        let y = tape.constant(&x, &a).unwrap().conv(tape.constant(&w, &b).unwrap(), window).unwrap();
        let op = BilinearOp::Conv(Conv { window: &window });
        let sizes = Sizes { a: &a, b: &b };
        let u = op.unfolding(sizes).unwrap();
        let mut patches = vec![f64::NAN; u.groups * u.positions * u.fan_in];
        op.patches(sizes, &x, &mut patches);
        let entry = |position: usize, channel: usize| {
            let patch = &patches[(channel / u.fan_out * u.positions + position) * u.fan_in..][..u.fan_in];
            let column = w[channel..].iter().step_by(u.groups * u.fan_out);
            u.alpha * patch.iter().zip(column).map(|(p, w)| p * w).sum::<f64>()
        };
        let expected: Vec<f64> =
            (0..u.positions).flat_map(|p| (0..8).map(move |c| (p, c))).map(|(p, c)| entry(p, c)).collect();
        assert!(relative_error(y.value(), &expected) < 1e-13, "{window:?}");
    }
}

#[test]
fn the_factors_of_a_grouped_convolution_are_refused() {
    let (mut random, mut arena, mut pool) = (Random::new(68), Arena::new(), Pool::default());
    let data = random.numbers(2 * 18);
    let tape = arena.tape();
    let w = tape.keep(&random.numbers(18));
    let window = Window { groups: 2, ..Window::UNIT };
    let y = tape.samples(&data, &[2, 3, 3, 2]).unwrap().conv(tape.leaf(w, &[3, 3, 1, 2]).unwrap(), window).unwrap();
    let refused = pullback(y, &[1.0; 4], 1, &mut autodiff::sweep::Factors::default(), &mut pool);
    assert!(matches!(refused, Err(Error::NotPerSample { op: "conv", .. })), "{refused:?}");
}

#[test]
fn cotangents_that_share_their_zeros_are_pulled_as_each_alone() {
    const DIRECTIONS: usize = 5;
    let circular = Window { padding: Padding::Circular, ..Window::UNIT };
    let windows = [
        Window::UNIT,
        Window::SAME,
        circular,
        Window { stride: [2, 3], padding: Padding::Same, ..Window::UNIT },
        Window { stride: [3, 1], dilation: [1, 2], alpha: 0.7, ..Window::UNIT },
        Window { stride: [2, 2], dilation: [2, 3], padding: Padding::Explicit([[1, 2], [3, 0]]), ..Window::UNIT },
    ];
    // One panel of columns, two with a rest, and too few.
    for (inputs, outputs) in [(16, 6), (37, 3), (5, 4)] {
        for window in windows {
            let (mut random, mut arena, mut pool) = (Random::new(70), Arena::new(), Pool::default());
            let tape = arena.tape();
            let (x, w) =
                (tape.keep(&random.numbers(2 * 63 * inputs)), tape.keep(&random.numbers(6 * inputs * outputs)));
            let x = tape.leaf(x, &[2, 9, 7, inputs]).unwrap();
            let y = x.conv(tape.leaf(w, &[3, 2, inputs, outputs]).unwrap(), window).unwrap();
            let len = y.value().len();
            // On in a third of the columns of each position; one direction is 0 there by itself too.
            let on: Vec<bool> = random.numbers(len).into_iter().map(|x| x > 0.4).collect();
            let seeds: Vec<f64> = random.numbers(DIRECTIONS * len);
            let zero = |at: usize| !on[at % len] || (at < len && at.is_multiple_of(3));
            let seeds: Vec<f64> = seeds.into_iter().enumerate().map(|(at, x)| if zero(at) { 0.0 } else { x }).collect();
            let (mut all, mut one) = (Gradient::new(), Gradient::new());
            pullback(y, &seeds, DIRECTIONS, &mut all, &mut pool).unwrap();
            for (k, seed) in seeds.chunks_exact(len).enumerate() {
                pullback(y, seed, 1, &mut one, &mut pool).unwrap();
                let (alone, count) = (one.of(0).unwrap(), 2 * 63 * inputs);
                let found = &all.of(0).unwrap()[k * count..][..count];
                assert!(relative_error(found, alone) < 1e-13, "{inputs} {outputs} {window:?} {k}");
            }
        }
    }
}
